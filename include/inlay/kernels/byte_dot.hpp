// Sums of products of bytes, exact: the step that integer GEMM and convolution are made of.
#pragma once

#include <cstring>
#include <type_traits>

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

template <class A>
inline constexpr bool has_vnni =
    std::is_same_v<A, arch::avxvnni> || std::is_same_v<A, arch::avx512vnni>;

/// Neighbouring k that one step multiplies and sums in each 32-bit lane. VNNI takes four products
/// of unsigned and signed bytes. Without it they are widened to 16 bits and taken by two: the
/// instruction that sums two products of bytes (PMADDUBSW) would clip what leaves 16 bits.
template <class A>
inline constexpr int dot_depth = has_vnni<A> ? 4 : 2;

/// Codes of one row for a step, as every lane sees them: dot_depth unsigned numbers, each of
/// 4 / dot_depth bytes.
using DotWord = std::uint32_t;

/// Bytes of a register of columns: dot_depth signed bytes for each lane.
template <class A>
inline constexpr int dot_bytes = dot_depth<A>* static_cast<int>(lanes<std::int32_t, A>);

/// A register of columns, as dot wants it.
template <class A>
INLAY_INLINE Vec<std::int32_t, A> load_columns(const std::int8_t* p) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<A, arch::avx512>) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  } else if constexpr (is_avx512<A>) {
    return _mm512_loadu_si512(p);
  }
#endif
#if defined(__AVX2__)
  if constexpr (std::is_same_v<A, arch::avx2>) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  } else if constexpr (is_avx2<A>) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<A, arch::sse2>) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
  }
#endif
#if defined(__ARM_NEON)
  return vreinterpretq_s32_s16(vmovl_s8(vld1_s8(p)));
#endif
}

/// sum + the products of a row's word with each lane of `columns`.
template <class A>
INLAY_INLINE Vec<std::int32_t, A> dot(const Vec<std::int32_t, A>& sum,
                                      const Vec<std::int32_t, A>& row,
                                      const Vec<std::int32_t, A>& columns) {
#if defined(__AVX512VNNI__)
  if constexpr (std::is_same_v<A, arch::avx512vnni>) {
    return _mm512_dpbusd_epi32(sum, row, columns);
  }
#endif
#if defined(__AVXVNNI__)
  if constexpr (std::is_same_v<A, arch::avxvnni>) {
    return _mm256_dpbusd_avx_epi32(sum, row, columns);
  }
#endif
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<A, arch::avx512>) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(row, columns));
  }
#endif
#if defined(__AVX2__)
  if constexpr (std::is_same_v<A, arch::avx2>) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(row, columns));
  }
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<A, arch::sse2>) {
    return _mm_add_epi32(sum, _mm_madd_epi16(row, columns));
  }
#endif
#if defined(__ARM_NEON)
  const int16x8_t x = vreinterpretq_s16_s32(row), y = vreinterpretq_s16_s32(columns);
  const int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(y));
  return vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(x, y)));
#endif
}

/// The word at p for each lane.
template <class A>
INLAY_INLINE Vec<std::int32_t, A> broadcast_word(const void* p) {
  std::int32_t word;
  std::memcpy(&word, p, sizeof(word));
  return broadcast<std::int32_t, A>(word);
}

/// A code within a word.
template <class A>
using DotCode = std::conditional_t<dot_depth<A> == 4, std::uint8_t, std::uint16_t>;

/// Writes codes as they stand in words. `flip` is 0x80 for signed codes, which become unsigned ones
/// that are larger by 128.
template <class A>
INLAY_INLINE void copy_codes(const std::uint8_t* from, std::int64_t count, std::uint8_t flip,
                             DotCode<A>* to) {
  constexpr std::int64_t block = 16;
  const auto copy = [&](std::int64_t first) {
    DotCode<A> codes[block];
    for (std::int64_t i = 0; i < block; ++i) {
      codes[i] = static_cast<std::uint8_t>(from[first + i] ^ flip);
    }
    std::memcpy(to + first, codes, sizeof(codes));
  };
  if (count < block) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<std::uint8_t>(from[i] ^ flip);
    return;
  }
  for (std::int64_t i = 0; i + block < count; i += block) copy(i);
  copy(count - block);
}

}  // namespace inlay::inline v0::kernels
