// What the normalizing operators share: statistics of rows, and the stage behind them.
#pragma once

#include <cmath>

#include "backends/reference/convert.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// Mean and population variance of numbers.
struct Moments {
  double mean = 0;
  double variance = 0;

  double inverse_deviation(double epsilon) const { return 1 / std::sqrt(variance + epsilon); }
};

/// Of `count` numbers: `each(take)` calls take(x) for every number; it is called twice, so that
/// nothing cancels.
template <class Each>
Moments moments_of(std::int64_t count, Each&& each) {
  Moments moments;
  each([&](double x) { moments.mean += x; });
  moments.mean /= static_cast<double>(count);
  each([&](double x) { moments.variance += (x - moments.mean) * (x - moments.mean); });
  moments.variance /= static_cast<double>(count);
  return moments;
}
/// Of an array.
template <class T>
Moments moments_of(const T* x, std::int64_t count) {
  return moments_of(count, [=](auto&& take) {
    for (std::int64_t i = 0; i < count; ++i) take(static_cast<double>(x[i]));
  });
}

/// The second stage of the normalizing operators, rounded after each step as the first is: ONNX
/// defines them as functions whose every node gives a T.
template <class T>
T scale_and_shift(double normalized, double scale, double shift) {
  const double scaled = static_cast<double>(from_real<T>(normalized)) * scale;
  return from_real<T>(static_cast<double>(from_real<T>(scaled)) + shift);
}

/// A number per row of a normalization, where somebody asked for it.
class RowOutput {
 public:
  RowOutput(KernelContext& context, std::size_t i, const Shape& shape)
      : tensor_(context.has_output(i) ? &context.output(i, shape) : nullptr) {}

  void put(std::int64_t row, double value) {
    if (tensor_ == nullptr) return;
    visit_dtype<Floats>(tensor_->dtype(), [&]<class T>() {
      tensor_->as_mutable<T>()[static_cast<std::size_t>(row)] = from_real<T>(value);
    });
  }

 private:
  Tensor* tensor_;
};

}  // namespace inlay::inline v0::kernels
