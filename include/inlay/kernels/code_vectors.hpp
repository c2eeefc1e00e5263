// Registers of numbers on their way to 8-bit codes.
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// The nearest integers, ties to even, of numbers that are first brought within +-1024, which is
/// past all codes with any zero point; NaN becomes -1024.
template <class A>
INLAY_INLINE Vec<std::int32_t, A> round_to_codes(const Vec<float, A>& x) {
  constexpr float beyond = 1024.0f;
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    const __m512 above = _mm512_max_ps(x, _mm512_set1_ps(-beyond));
    return _mm512_cvtps_epi32(_mm512_min_ps(above, _mm512_set1_ps(beyond)));
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    const __m256 above = _mm256_max_ps(x, _mm256_set1_ps(-beyond));
    return _mm256_cvtps_epi32(_mm256_min_ps(above, _mm256_set1_ps(beyond)));
  }
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<A, arch::sse2>) {
    const __m128 above = _mm_max_ps(x, _mm_set1_ps(-beyond));
    return _mm_cvtps_epi32(_mm_min_ps(above, _mm_set1_ps(beyond)));
  }
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
  const float32x4_t above = vmaxnmq_f32(x, vdupq_n_f32(-beyond));
  return vcvtnq_s32_f32(vminq_f32(above, vdupq_n_f32(beyond)));
#endif
}

template <class A>
INLAY_INLINE Vec<float, A> to_floats(const Vec<std::int32_t, A>& x) {
  return xsimd::to_float(x);
}

namespace detail {

/// The codes of a register; bytes behind them hold anything.
template <class T, class A>
INLAY_INLINE auto narrow_codes(const Vec<std::int32_t, A>& x) {
  constexpr bool is_signed = std::is_signed_v<T>;
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    if constexpr (is_signed) return _mm512_cvtsepi32_epi8(x);
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(x, _mm512_setzero_si512()));
  }
#endif
#if defined(__SSE2__)
  const auto bytes = [](__m128i words) {
    return is_signed ? _mm_packs_epi16(words, words) : _mm_packus_epi16(words, words);
  };
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    const __m256i v = x;
    return bytes(_mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
  }
#endif
  if constexpr (std::is_same_v<A, arch::sse2>) return bytes(_mm_packs_epi32(x, x));
#endif
#if defined(__ARM_NEON)
  const int16x8_t words = vcombine_s16(vqmovn_s32(x), vqmovn_s32(x));
  if constexpr (is_signed) return vqmovn_s16(words);
  return vqmovun_s16(words);
#endif
}

}  // namespace detail

/// Stores the first `n` lanes (n <= lanes), brought within the range of T, which is int8 or uint8.
/// Lanes lie within 16 bits.
template <class T, class A>
INLAY_INLINE void store_codes(T* p, const Vec<std::int32_t, A>& x, std::size_t n) {
  const auto codes = detail::narrow_codes<T, A>(x);
  std::memcpy(p, &codes, n);
}

}  // namespace inlay::inline v0::kernels
