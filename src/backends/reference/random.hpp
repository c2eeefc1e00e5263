// Random numbers without state: number i of a stream is a function of the seed and i.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// A counter-based generator: the output function of SplitMix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014) over seed and counter. The same on every
/// machine and for every order of use.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : seed_(mix(seed + step)) {}
  /// The stream of the node's attribute `seed`; without one, a stream that differs at each call.
  explicit Random(const KernelContext& context);

  std::uint64_t bits(std::int64_t i) const noexcept {
    return mix(seed_ + static_cast<std::uint64_t>(i) * step);
  }
  /// Uniform in [0, 1).
  double uniform(std::int64_t i) const noexcept {
    return static_cast<double>(bits(i) >> 11) * 0x1p-53;
  }
  /// Standard normal, by the method of Box and Muller, 1958.
  double normal(std::int64_t i) const noexcept {
    const double radius = std::sqrt(-2 * std::log(1 - uniform(2 * i)));
    return radius * std::cos(2 * std::numbers::pi * uniform(2 * i + 1));
  }

 private:
  static constexpr std::uint64_t step = 0x9E3779B97F4A7C15u;
  static std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }
  std::uint64_t seed_;
};

}  // namespace inlay::inline v0::kernels
