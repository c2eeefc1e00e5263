// The sum of exponentials of a line of numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace inlay::inline v0::kernels {

/// The sum of exp(x_i) as exp(peak) * sum: the largest number is kept apart, so that neither a
/// large one overflows nor the logarithm of the sum vanishes beside it.
class ExpSum {
 public:
  /// Of `count` elements `step` apart.
  template <class T>
  ExpSum(const T* x, std::int64_t count, std::int64_t step) {
    for (std::int64_t i = 0; i < count; ++i) {
      peak_ = std::max(peak_, static_cast<double>(x[i * step]));
    }
    for (std::int64_t i = 0; i < count; ++i) {
      sum_ += std::exp(static_cast<double>(x[i * step]) - peak_);
    }
    log_sum_ = std::log(sum_);
  }
  /// exp(x) as a share of the sum, and its logarithm.
  double softmax(double x) const { return std::exp(x - peak_) / sum_; }
  double log_softmax(double x) const { return x - peak_ - log_sum_; }

 private:
  double peak_ = -std::numeric_limits<double>::infinity();
  double sum_ = 0;
  double log_sum_;
};

}  // namespace inlay::inline v0::kernels
