// The range of numbers that are to become codes.
#pragma once

#include <inlay/kernels/columns.hpp>
#include <inlay/kernels/minmax.hpp>

namespace inlay::inline v0::kernels {

struct NumberRange {
  float low = 0, high = 0;
};

/// The smallest and largest of 0 and x[0, n). What is no number does not count.
template <class A>
INLAY_FLATTEN NumberRange range_with_zero(const float* x, std::size_t n) {
  using F = Vec<float, A>;
  const auto smaller = [](const F& a, const F& b) { return min_bound<A>(b, a); };
  const auto larger = [](const F& a, const F& b) { return max_bound<A>(b, a); };
  return {reduce_min<float, A>(fold_row<A>(x, n, 0.0f, smaller, smaller)),
          reduce_max<float, A>(fold_row<A>(x, n, 0.0f, larger, larger))};
}

}  // namespace inlay::inline v0::kernels
