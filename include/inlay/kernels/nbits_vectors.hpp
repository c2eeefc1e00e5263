// Registers of codes of few bits: unpacking, zero points, sums of products of bytes.
#pragma once

#include <inlay/kernels/code_vectors.hpp>
#include <inlay/kernels/nbits_problem.hpp>

namespace inlay::inline v0::kernels {

/// A register of words that lie anywhere.
template <class A>
INLAY_INLINE Vec<std::int32_t, A> load_words(const std::uint8_t* p) {
  return load<std::int32_t, A>(static_cast<const std::int32_t*>(static_cast<const void*>(p)));
}
template <class A>
INLAY_INLINE Vec<float, A> load_floats(const std::uint8_t* p) {
  return load<float, A>(static_cast<const float*>(static_cast<const void*>(p)));
}

/// A register of bytes as floats.
template <class A>
INLAY_INLINE Vec<float, A> load_bytes(const std::uint8_t* p) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  }
#endif
  std::int32_t words[lanes<float, A>];
  for (std::size_t i = 0; i < lanes<float, A>; ++i) words[i] = p[i];
  return to_floats<A>(load<std::int32_t, A>(words));
}

/// The zero points of register v of a block's columns, which begin at p.
template <class A, NbitsZeros Zeros>
INLAY_INLINE Vec<float, A> load_zeros(const std::uint8_t* p, int v, int bits) {
  constexpr int size = static_cast<int>(lanes<float, A>);
  if constexpr (Zeros == NbitsZeros::bytes) return load_bytes<A>(p + v * size);
  if constexpr (Zeros == NbitsZeros::floats) return load_floats<A>(p + 4 * v * size);
  return Vec<float, A>(static_cast<float>(1 << (bits - 1)));
}

/// Calls f with the kind of zero points and the bits as types.
template <class F>
INLAY_INLINE void with_nbits(const NbitsShape& shape, const F& f) {
  const auto with_bits = [&](auto zeros) {
    if (shape.bits == 4) return f(zeros, std::integral_constant<int, 4>{});
    f(zeros, std::integral_constant<int, 8>{});
  };
  switch (shape.zeros) {
    case NbitsZeros::middle:
      return with_bits(std::integral_constant<NbitsZeros, NbitsZeros::middle>{});
    case NbitsZeros::bytes:
      return with_bits(std::integral_constant<NbitsZeros, NbitsZeros::bytes>{});
    case NbitsZeros::floats:
      return with_bits(std::integral_constant<NbitsZeros, NbitsZeros::floats>{});
  }
}

#if defined(__AVX2__)
/// sums + products of unsigned bytes below 16 with signed ones, by two in 16 bits: exact for eight
/// such steps.
template <class A>
INLAY_INLINE Vec<std::int32_t, A> add_byte_pairs(const Vec<std::int32_t, A>& sums,
                                                 const Vec<std::int32_t, A>& codes,
                                                 const Vec<std::int32_t, A>& digits) {
#if defined(__AVX512BW__)
  if constexpr (is_avx512<A>) {
    return _mm512_add_epi16(sums, _mm512_maddubs_epi16(codes, digits));
  }
#endif
  if constexpr (is_avx2<A>) return _mm256_add_epi16(sums, _mm256_maddubs_epi16(codes, digits));
}
#endif

}  // namespace inlay::inline v0::kernels
