// Minimum and maximum with a known answer for NaN; xsimd's depends on its version.
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// The smaller of bound and x; x where either is NaN.
template <class A>
INLAY_INLINE Vec<float, A> min_bound(const Vec<float, A>& bound, const Vec<float, A>& x) {
  // x86's instructions answer with the second operand when either is NaN.
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) return _mm512_min_ps(bound, x);
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) return _mm256_min_ps(bound, x);
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<A, arch::sse2>) return _mm_min_ps(bound, x);
#endif
  return xsimd::select(bound < x, bound, x);
}

/// The larger of bound and x; x where either is NaN.
template <class A>
INLAY_INLINE Vec<float, A> max_bound(const Vec<float, A>& bound, const Vec<float, A>& x) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) return _mm512_max_ps(bound, x);
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) return _mm256_max_ps(bound, x);
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<A, arch::sse2>) return _mm_max_ps(bound, x);
#endif
  return xsimd::select(bound > x, bound, x);
}

/// min(max(x, lo), hi), and NaN for NaN.
template <class A>
INLAY_INLINE Vec<float, A> clamp(const Vec<float, A>& x, const Vec<float, A>& lo,
                                 const Vec<float, A>& hi) {
  return min_bound<A>(hi, max_bound<A>(lo, x));
}

/// The smaller of a and b; NaN where either is. Integers have no such case.
template <class T, class A>
INLAY_INLINE Vec<T, A> min_nan(const Vec<T, A>& a, const Vec<T, A>& b) {
  if constexpr (std::is_same_v<T, float>) {
    return xsimd::select(xsimd::isnan(a), a, min_bound<A>(a, b));
  } else {
    return xsimd::select(a < b, a, b);
  }
}

/// The larger of a and b; NaN where either is. Integers have no such case.
template <class T, class A>
INLAY_INLINE Vec<T, A> max_nan(const Vec<T, A>& a, const Vec<T, A>& b) {
  if constexpr (std::is_same_v<T, float>) {
    return xsimd::select(xsimd::isnan(a), a, max_bound<A>(a, b));
  } else {
    return xsimd::select(a > b, a, b);
  }
}

}  // namespace inlay::inline v0::kernels
