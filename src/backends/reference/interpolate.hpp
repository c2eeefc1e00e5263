// What the interpolating operators share: the weight of an element at some distance from the place
// that is asked for, and the way back from a weighted sum to a dtype.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/dispatch.hpp"

namespace inlay::inline v0::kernels {

/// An element of an axis and its share in the result.
struct Tap {
  std::int64_t element;
  double weight;
};
inline double linear_weight(double distance) { return std::max(1 - std::abs(distance), 0.0); }

/// R. G. Keys, "Cubic convolution interpolation for digital image processing", 1981, equation 4.
inline double cubic_weight(double distance, double a) {
  const double x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((x - 5) * x + 8) * x * a - 4 * a;
  return 0;
}

/// Integers are truncated, and clamped to their type's range, which cubic weights may leave.
template <class T>
T interpolated(double value) {
  if constexpr (is_float<T>) {
    return static_cast<T>(static_cast<compute_t<T>>(value));
  } else {
    // In single precision 1 - 1e-16 is 1, so that a constant image stays what it is.
    if constexpr (sizeof(T) <= 2) value = static_cast<float>(value);
    constexpr auto low = static_cast<double>(std::numeric_limits<T>::min());
    constexpr auto high = static_cast<double>(std::numeric_limits<T>::max());
    if (value <= low) return std::numeric_limits<T>::min();
    return value >= high ? std::numeric_limits<T>::max() : static_cast<T>(value);
  }
}

}  // namespace inlay::inline v0::kernels
