// Loads that rearrange: parts of a register, every second element, transposed blocks.
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// Lane i is p[i] where low <= i < high and 0 elsewhere; touches no other element.
template <class A>
INLAY_INLINE Vec<float, A> load_range(const float* p, std::int64_t low, std::int64_t high) {
  if (high <= low) return Vec<float, A>(0.0f);
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    const std::uint32_t mask = ((1u << high) - 1u) & ~((1u << low) - 1u);
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), p);
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    const __m256i below = detail::first_lanes_256<A>(static_cast<std::size_t>(low));
    const __m256i upto = detail::first_lanes_256<A>(static_cast<std::size_t>(high));
    return _mm256_maskload_ps(p, _mm256_andnot_si256(below, upto));
  }
#endif
  float buffer[lanes<float, A>] = {};
  for (std::int64_t i = low; i < high; ++i) buffer[i] = p[i];
  return load<float, A>(buffer);
}

/// Lane i is p[2 * i]; touches p[0] to p[2 * lanes - 2].
template <class A>
INLAY_INLINE Vec<float, A> load_even(const float* p) {
  // The second register starts one early, so that its odd lanes are wanted and none is past the
  // end.
  const float* q = p + lanes<float, A> - 1;
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    const __m512i index =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_ps(_mm512_loadu_ps(p), index, _mm512_loadu_ps(q));
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    const __m256 mixed =
        _mm256_shuffle_ps(_mm256_loadu_ps(p), _mm256_loadu_ps(q), _MM_SHUFFLE(3, 1, 2, 0));
    return _mm256_castpd_ps(
        _mm256_permute4x64_pd(_mm256_castps_pd(mixed), _MM_SHUFFLE(3, 1, 2, 0)));
  }
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<A, arch::sse2>) {
    return _mm_shuffle_ps(_mm_loadu_ps(p), _mm_loadu_ps(q), _MM_SHUFFLE(3, 1, 2, 0));
  }
#endif
  static_cast<void>(q);
  float buffer[lanes<float, A>];
  for (std::size_t i = 0; i < lanes<float, A>; ++i) buffer[i] = p[2 * i];
  return load<float, A>(buffer);
}

/// Lane i is from[lanes[i]] where that is not negative, else onto[i].
template <class A>
INLAY_INLINE Vec<float, A> move_lanes(const Vec<float, A>& onto, const Vec<float, A>& from,
                                      const std::int32_t* lanes) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    const __m512i index = _mm512_loadu_si512(lanes);
    const __mmask16 taken = _mm512_cmpge_epi32_mask(index, _mm512_setzero_si512());
    return _mm512_mask_permutexvar_ps(onto, taken, index, from);
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    const __m256i index = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(from, index), onto,
                            _mm256_castsi256_ps(index));
  }
#endif
  constexpr std::size_t size = kernels::lanes<float, A>;
  float there[size], result[size];
  store<float, A>(there, from);
  store<float, A>(result, onto);
  for (std::size_t i = 0; i < size; ++i) {
    if (lanes[i] >= 0) result[i] = there[lanes[i]];
  }
  return load<float, A>(result);
}

/// dst[j][i] = src[i][j] for a 4x4 block; the strides count floats.
template <class A>
INLAY_INLINE void transpose4x4(const float* src, std::ptrdiff_t src_stride, float* dst,
                               std::ptrdiff_t dst_stride) {
#if defined(__SSE2__)
  __m128 r0 = _mm_loadu_ps(src);
  __m128 r1 = _mm_loadu_ps(src + src_stride);
  __m128 r2 = _mm_loadu_ps(src + 2 * src_stride);
  __m128 r3 = _mm_loadu_ps(src + 3 * src_stride);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  _mm_storeu_ps(dst, r0);
  _mm_storeu_ps(dst + dst_stride, r1);
  _mm_storeu_ps(dst + 2 * dst_stride, r2);
  _mm_storeu_ps(dst + 3 * dst_stride, r3);
#elif defined(__ARM_NEON) && defined(__aarch64__)
  float32x4x4_t rows;
  rows.val[0] = vld1q_f32(src);
  rows.val[1] = vld1q_f32(src + src_stride);
  rows.val[2] = vld1q_f32(src + 2 * src_stride);
  rows.val[3] = vld1q_f32(src + 3 * src_stride);
  const float32x4_t a = vzip1q_f32(rows.val[0], rows.val[2]);
  const float32x4_t b = vzip2q_f32(rows.val[0], rows.val[2]);
  const float32x4_t c = vzip1q_f32(rows.val[1], rows.val[3]);
  const float32x4_t d = vzip2q_f32(rows.val[1], rows.val[3]);
  vst1q_f32(dst, vzip1q_f32(a, c));
  vst1q_f32(dst + dst_stride, vzip2q_f32(a, c));
  vst1q_f32(dst + 2 * dst_stride, vzip1q_f32(b, d));
  vst1q_f32(dst + 3 * dst_stride, vzip2q_f32(b, d));
#else
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) dst[j * dst_stride + i] = src[i * src_stride + j];
  }
#endif
}

}  // namespace inlay::inline v0::kernels
