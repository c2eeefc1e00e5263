// The logarithm of the sum of exponentials of a line of numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace inlay::inline v0::kernels {

/// log(sum(exp(x_i))) of `count` elements `step` apart, computed relative to the largest.
template <class T>
double log_sum_exp(const T* x, std::int64_t count, std::int64_t step) {
  double peak = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < count; ++i) {
    peak = std::max(peak, static_cast<double>(x[i * step]));
  }
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    sum += std::exp(static_cast<double>(x[i * step]) - peak);
  }
  return peak + std::log(sum);
}

}  // namespace inlay::inline v0::kernels
