// Observers: the range of codes that suits the values seen.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inlay/quantize.hpp"

namespace inlay::inline v0::quantization {

struct Range {
  float low = 0, high = 0;
};

/// real = (code - zero_point) * scale.
struct CodeScale {
  float scale = 1;
  std::uint8_t zero_point = 0;
};

/// The scale and zero point of unsigned 8-bit codes over `range`, which is widened to hold 0: zero
/// has a code of its own.
CodeScale code_scale(Range range);

/// Watches one value. The samples are seen twice: first extremes, then, by observers that need it,
/// a histogram between them.
class ValueObserver {
 public:
  explicit ValueObserver(Observer kind) : kind_(kind) {}

  /// Errors: invalid_argument for a number that is not finite.
  void see_extremes(std::span<const float> values);
  bool needs_histogram() const { return kind_ >= Observer::percentile; }
  void see_histogram(std::span<const float> values);
  Range range() const;

 private:
  static constexpr std::size_t bin_count = 2048;

  Range percentile() const;
  Range least_error() const;
  Range least_divergence() const;
  double bin_width() const;

  Observer kind_;
  bool is_seen_ = false;
  Range extremes_, averaged_;
  std::vector<std::uint64_t> bins_;
  std::uint64_t count_ = 0;  ///< of numbers in them
};

}  // namespace inlay::inline v0::quantization
