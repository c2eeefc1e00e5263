// Floats of 16 bits in memory, widened to f32 where kernels read them.
#pragma once

#include <inlay/dtype.hpp>
#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// The next vector of finite numbers as f32: exact, subnormal ones too.
template <class A>
INLAY_INLINE Vec<float, A> load_wide(const float* p) {
  return load<float, A>(p);
}

template <class A>
INLAY_INLINE Vec<float, A> load_wide(const bfloat16* p) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    const __m256i halves =
        _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    const __m128i halves =
        _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
#elif defined(__SSE2__)
  const __m128i halves = _mm_loadl_epi64(static_cast<const __m128i*>(static_cast<const void*>(p)));
  return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), halves));
#elif defined(__ARM_NEON)
  const uint16x4_t halves =
      vld1_u16(static_cast<const std::uint16_t*>(static_cast<const void*>(p)));
  return vreinterpretq_f32_u32(vshll_n_u16(halves, 16));
#endif
}

template <class A>
INLAY_INLINE Vec<float, A> load_wide(const float16* p) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    return _mm512_cvtph_ps(
        _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p))));
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    return _mm256_cvtph_ps(
        _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p))));
  }
#elif defined(__SSE2__)
  const __m128i halves =
      _mm_unpacklo_epi16(_mm_loadl_epi64(static_cast<const __m128i*>(static_cast<const void*>(p))),
                         _mm_setzero_si128());
  const __m128i sign = _mm_slli_epi32(_mm_and_si128(halves, _mm_set1_epi32(0x8000)), 16);
  const __m128i rest = _mm_and_si128(halves, _mm_set1_epi32(0x7FFF));
  const __m128i normal = _mm_add_epi32(_mm_slli_epi32(rest, 13), _mm_set1_epi32(112 << 23));
  const __m128i small = _mm_castps_si128(_mm_mul_ps(_mm_cvtepi32_ps(rest), _mm_set1_ps(0x1p-24f)));
  const __m128i is_small = _mm_cmplt_epi32(rest, _mm_set1_epi32(0x400));
  const __m128i number =
      _mm_or_si128(_mm_and_si128(is_small, small), _mm_andnot_si128(is_small, normal));
  return _mm_castsi128_ps(_mm_or_si128(number, sign));
#elif defined(__ARM_NEON)
  const uint16x4_t halves =
      vld1_u16(static_cast<const std::uint16_t*>(static_cast<const void*>(p)));
  return vcvt_f32_f16(vreinterpret_f16_u16(halves));
#endif
}

/// Widens `count` numbers, a multiple of the lanes of a vector.
template <class A, class Half>
INLAY_FLATTEN void widen(const Half* INLAY_RESTRICT from, std::int64_t count,
                         float* INLAY_RESTRICT to) {
  constexpr std::int64_t size = lanes<float, A>;
  for (std::int64_t i = 0; i < count; i += size) store<float, A>(to + i, load_wide<A>(from + i));
}

}  // namespace inlay::inline v0::kernels
