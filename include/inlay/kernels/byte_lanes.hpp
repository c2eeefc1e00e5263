// Registers of bytes, one for each of many channels, and the 32-bit sums that belong to them.
#pragma once

#include <inlay/kernels/byte_dot.hpp>

namespace inlay::inline v0::kernels {

/// Bytes of a register.
template <class A>
inline constexpr std::int64_t byte_lanes = 4 * static_cast<std::int64_t>(lanes<std::int32_t, A>);

/// Channels of a register of bytes are spread over four registers of 32 bits so that instructions
/// that work within 128 bits go from one to the other: lane `lane` of register `part` is channel
/// byte_channel(part, lane).
INLAY_INLINE constexpr std::int64_t byte_channel(std::int64_t part, std::int64_t lane) {
  return lane / 4 * 16 + part * 4 + lane % 4;
}

template <class A>
INLAY_INLINE Vec<std::int32_t, A> load_channels(const std::uint8_t* p) {
  Vec<std::int32_t, A> bytes;
  std::memcpy(&bytes, p, sizeof(bytes));
  return bytes;
}

/// The first n <= byte_lanes bytes, zeros behind them; touches no other.
template <class A>
INLAY_INLINE Vec<std::int32_t, A> load_channels(const std::uint8_t* p, std::int64_t n) {
#if defined(__AVX512BW__)
  if constexpr (is_avx512<A>) {
    const auto mask = static_cast<__mmask64>(n == 64 ? ~0ull : (1ull << n) - 1);
    return _mm512_maskz_loadu_epi8(mask, p);
  }
#endif
  std::uint8_t bytes[byte_lanes<A>] = {};
  std::memcpy(bytes, p, static_cast<std::size_t>(n));
  return load_channels<A>(bytes);
}

namespace detail {

/// Bytes, or pairs of bytes, of the low (high) halves of each 128 bits of a and b in turns.
template <class A, int Bytes, bool High>
INLAY_INLINE Vec<std::int32_t, A> interleave(const Vec<std::int32_t, A>& a,
                                             const Vec<std::int32_t, A>& b) {
#if defined(__AVX512BW__)
  if constexpr (is_avx512<A>) {
    if constexpr (Bytes == 1) {
      return High ? _mm512_unpackhi_epi8(a, b) : _mm512_unpacklo_epi8(a, b);
    }
    return High ? _mm512_unpackhi_epi16(a, b) : _mm512_unpacklo_epi16(a, b);
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    if constexpr (Bytes == 1) {
      return High ? _mm256_unpackhi_epi8(a, b) : _mm256_unpacklo_epi8(a, b);
    }
    return High ? _mm256_unpackhi_epi16(a, b) : _mm256_unpacklo_epi16(a, b);
  }
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<A, arch::sse2>) {
    if constexpr (Bytes == 1) {
      return High ? _mm_unpackhi_epi8(a, b) : _mm_unpacklo_epi8(a, b);
    }
    return High ? _mm_unpackhi_epi16(a, b) : _mm_unpacklo_epi16(a, b);
  }
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
  if constexpr (Bytes == 1) {
    const int8x16_t x = vreinterpretq_s8_s32(a), y = vreinterpretq_s8_s32(b);
    return vreinterpretq_s32_s8(High ? vzip2q_s8(x, y) : vzip1q_s8(x, y));
  }
  const int16x8_t x = vreinterpretq_s16_s32(a), y = vreinterpretq_s16_s32(b);
  return vreinterpretq_s32_s16(High ? vzip2q_s16(x, y) : vzip1q_s16(x, y));
#endif
}

}  // namespace detail

/// The words of dot_depth registers of bytes: words[part] has those of the channels
/// byte_channel(part, lane).
template <class A>
INLAY_INLINE void interleave_words(const Vec<std::int32_t, A> (&bytes)[dot_depth<A>],
                                   Vec<std::int32_t, A> (&words)[4]) {
  Vec<std::int32_t, A> low[2], high[2];  // pairs of bytes, of the channels of words 0, 1 and 2, 3
  if constexpr (dot_depth<A> == 4) {
    unroll<2>([&](auto i) {
      low[i] = detail::interleave<A, 1, false>(bytes[2 * i], bytes[2 * i + 1]);
      high[i] = detail::interleave<A, 1, true>(bytes[2 * i], bytes[2 * i + 1]);
    });
  } else {
    const auto none = broadcast<std::int32_t, A>(0);
    unroll<2>([&](auto i) {
      low[i] = detail::interleave<A, 1, false>(bytes[i], none);
      high[i] = detail::interleave<A, 1, true>(bytes[i], none);
    });
  }
  words[0] = detail::interleave<A, 2, false>(low[0], low[1]);
  words[1] = detail::interleave<A, 2, true>(low[0], low[1]);
  words[2] = detail::interleave<A, 2, false>(high[0], high[1]);
  words[3] = detail::interleave<A, 2, true>(high[0], high[1]);
}

/// Stores the first n channels as codes within the range of T, which is int8 or uint8; sums lie
/// within 16 bits.
template <class T, class A>
INLAY_INLINE void store_channels(T* p, const Vec<std::int32_t, A> (&sums)[4], std::int64_t n) {
  [[maybe_unused]] constexpr bool is_signed = std::is_signed_v<T>;
  const auto put = [&](const auto& bytes) { std::memcpy(p, &bytes, static_cast<std::size_t>(n)); };
#if defined(__AVX512BW__)
  if constexpr (is_avx512<A>) {
    const __m512i low = _mm512_packs_epi32(sums[0], sums[1]);
    const __m512i high = _mm512_packs_epi32(sums[2], sums[3]);
    const __m512i bytes =
        is_signed ? _mm512_packs_epi16(low, high) : _mm512_packus_epi16(low, high);
    const auto mask = static_cast<__mmask64>(n == 64 ? ~0ull : (1ull << n) - 1);
    return _mm512_mask_storeu_epi8(p, mask, bytes);
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    const __m256i low = _mm256_packs_epi32(sums[0], sums[1]);
    const __m256i high = _mm256_packs_epi32(sums[2], sums[3]);
    const __m256i bytes =
        is_signed ? _mm256_packs_epi16(low, high) : _mm256_packus_epi16(low, high);
    if (n < byte_lanes<A>) return put(bytes);
    return _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bytes);
  }
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<A, arch::sse2>) {
    const __m128i low = _mm_packs_epi32(sums[0], sums[1]);
    const __m128i high = _mm_packs_epi32(sums[2], sums[3]);
    const __m128i bytes = is_signed ? _mm_packs_epi16(low, high) : _mm_packus_epi16(low, high);
    if (n < byte_lanes<A>) return put(bytes);
    return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
  }
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
  const int16x8_t low = vcombine_s16(vqmovn_s32(sums[0]), vqmovn_s32(sums[1]));
  const int16x8_t high = vcombine_s16(vqmovn_s32(sums[2]), vqmovn_s32(sums[3]));
  if constexpr (is_signed) {
    put(vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
  } else {
    put(vcombine_u8(vqmovun_s16(low), vqmovun_s16(high)));
  }
#endif
}

}  // namespace inlay::inline v0::kernels
