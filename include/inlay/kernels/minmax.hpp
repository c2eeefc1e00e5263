// Minimum, maximum and clamp that keep NaN.
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// min(max(x, lo), hi), and NaN for NaN.
template <class A>
INLAY_INLINE Vec<float, A> clamp(const Vec<float, A>& x, const Vec<float, A>& lo,
                                 const Vec<float, A>& hi) {
  return at_most<A>(at_least<A>(x, lo), hi);
}

/// The smaller of a and b; NaN where either is. Integers have no such case.
template <class T, class A>
INLAY_INLINE Vec<T, A> min_nan(const Vec<T, A>& a, const Vec<T, A>& b) {
  if constexpr (std::is_same_v<T, float>) {
    return xsimd::select(xsimd::isnan(a), a, at_most<A>(b, a));
  } else {
    return xsimd::select(a < b, a, b);
  }
}

/// The larger of a and b; NaN where either is. Integers have no such case.
template <class T, class A>
INLAY_INLINE Vec<T, A> max_nan(const Vec<T, A>& a, const Vec<T, A>& b) {
  if constexpr (std::is_same_v<T, float>) {
    return xsimd::select(xsimd::isnan(a), a, at_least<A>(b, a));
  } else {
    return xsimd::select(a > b, a, b);
  }
}

}  // namespace inlay::inline v0::kernels
