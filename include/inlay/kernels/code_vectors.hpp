// Registers of numbers on their way to 8-bit codes and from them.
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

/// The first n codes (n <= lanes), which are int8 or uint8, as integers, zeros behind them; touches
/// no other.
template <class T, class A>
INLAY_INLINE Vec<std::int32_t, A> load_codes(const T* p, std::size_t n) {
  [[maybe_unused]] constexpr bool is_signed = std::is_signed_v<T>;
  constexpr std::size_t size = lanes<std::int32_t, A>;
#if defined(__SSE2__)
  __m128i bytes = _mm_setzero_si128();
  if (n == size) {
    std::memcpy(&bytes, p, size);
  } else {
    std::memcpy(&bytes, p, n);
  }
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    return is_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    return is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
  }
#endif
  if constexpr (std::is_same_v<A, arch::sse2>) {
    const __m128i none = _mm_setzero_si128();
    if constexpr (is_signed) {
      const __m128i high = _mm_unpacklo_epi16(none, _mm_unpacklo_epi8(none, bytes));
      return _mm_srai_epi32(high, 24);
    }
    return _mm_unpacklo_epi16(_mm_unpacklo_epi8(bytes, none), none);
  }
#else
  std::int32_t integers[size] = {};
  for (std::size_t i = 0; i < n; ++i) integers[i] = p[i];
  return load<std::int32_t, A>(integers);
#endif
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
  if (n == lanes<std::int32_t, A>) {
    std::memcpy(p, &codes, lanes<std::int32_t, A>);  // one move
  } else {
    std::memcpy(p, &codes, n);
  }
}

}  // namespace inlay::inline v0::kernels
