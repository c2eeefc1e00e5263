// Difference: how far numbers are from those that they stand for.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

/// Sums over pairs of numbers, of one tensor or of many. Pairs of the same infinity, or of two NaN,
/// are equal and count for nothing else; one that is finite on one side only makes every error
/// infinite.
class Difference {
 public:
  void add(double wanted, double actual) noexcept {
    ++count_;
    if (!std::isfinite(wanted) || !std::isfinite(actual)) {
      broken_ |= !(wanted == actual || (std::isnan(wanted) && std::isnan(actual)));
      return;
    }
    const double error = actual - wanted;
    max_abs_ = std::max(max_abs_, std::abs(error));
    error_squares_ += error * error;
    wanted_squares_ += wanted * wanted;
    actual_squares_ += actual * actual;
    products_ += wanted * actual;
  }

  std::int64_t count() const noexcept { return count_; }
  double max_abs() const noexcept { return broken_ ? infinity : max_abs_; }
  /// The L2 norm of the difference by that of the wanted numbers.
  double relative() const noexcept {
    if (broken_) return infinity;
    if (error_squares_ == 0) return 0;
    return wanted_squares_ == 0 ? infinity : std::sqrt(error_squares_ / wanted_squares_);
  }
  /// The cosine of the angle between the two vectors; 1 where both are zero.
  double cosine() const noexcept {
    if (broken_) return 0;
    if (wanted_squares_ == 0 || actual_squares_ == 0) return wanted_squares_ == actual_squares_;
    return products_ / (std::sqrt(wanted_squares_) * std::sqrt(actual_squares_));
  }
  /// The signal-to-quantization-noise ratio in decibels; infinite without error.
  double sqnr() const noexcept {
    const double error = relative();
    return error == 0 ? infinity : -20 * std::log10(error);
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  std::int64_t count_ = 0;
  double max_abs_ = 0;
  double error_squares_ = 0, wanted_squares_ = 0, actual_squares_ = 0, products_ = 0;
  bool broken_ = false;
};

}  // namespace inlay::inline v0
