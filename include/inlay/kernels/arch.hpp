// The vector layer under every kernel: architecture tags, the few operations whose xsimd spelling
// or quality changed between xsimd 8.1 and 14, and partial loads and stores for tails.
//
// Kernels are templates over an architecture tag `A` (one of arch::*) and everything they call is
// either INLAY_INLINE or itself a template over `A`: object files built for a newer processor then
// hold no symbol that a linker could pick for an older one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

#include <inlay/kernels/inline.hpp>

#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace inlay::inline v0::kernels {

namespace arch {
using sse2 = xsimd::sse2;
using avx2 = xsimd::fma3<xsimd::avx2>;
using avx512 = xsimd::avx512bw;
using neon64 = xsimd::neon64;
/// With instructions that sum products of bytes: VNNI.
struct avxvnni : avx2 {};
struct avx512vnni : avx512 {};
}  // namespace arch

namespace detail {
template <class A>
struct XsimdArch {
  using type = A;
};
template <>
struct XsimdArch<arch::avxvnni> {
  using type = arch::avx2;
};
template <>
struct XsimdArch<arch::avx512vnni> {
  using type = arch::avx512;
};
}  // namespace detail

/// A register of `T`, and its mask type.
template <class T, class A>
using Vec = xsimd::batch<T, typename detail::XsimdArch<A>::type>;
template <class T, class A>
using VecMask = xsimd::batch_bool<T, typename detail::XsimdArch<A>::type>;

/// Elements of `T` in one register.
template <class T, class A>
inline constexpr std::size_t lanes = Vec<T, A>::size;

/// Vector registers that a kernel may plan its tile on.
template <class A>
inline constexpr int vector_registers =
    std::is_base_of_v<xsimd::avx512f, A> || std::is_base_of_v<xsimd::neon64, A> ? 32 : 16;

template <class A>
inline constexpr bool is_avx512 = std::is_base_of_v<xsimd::avx512f, A>;
template <class A>
inline constexpr bool is_avx2 = std::is_base_of_v<xsimd::avx2, A> && !is_avx512<A>;

template <class T, class A>
INLAY_INLINE Vec<T, A> load(const T* p) {
  return Vec<T, A>::load_unaligned(p);
}
template <class T, class A>
INLAY_INLINE void store(T* p, const Vec<T, A>& v) {
  v.store_unaligned(p);
}
template <class T, class A>
INLAY_INLINE Vec<T, A> broadcast(T x) {
  return Vec<T, A>(x);
}

INLAY_INLINE void prefetch(const float* p) { INLAY_PREFETCH(p, 0); }
/// Into the L2 cache: of what is needed later, and would drive out of L1 what is needed now.
INLAY_INLINE void prefetch_l2(const float* p) { INLAY_PREFETCH_L2(p); }
INLAY_INLINE void prefetch_to_write(float* p) { INLAY_PREFETCH(p, 1); }

/// a*b + c, fused where the architecture fuses. xsimd before 11 rounds twice on AVX-512.
template <class A>
INLAY_INLINE Vec<float, A> fma(const Vec<float, A>& a, const Vec<float, A>& b,
                               const Vec<float, A>& c) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) return _mm512_fmadd_ps(a, b, c);
#endif
  return xsimd::fma(a, b, c);
}

/// a / b, correctly rounded. xsimd refines an estimate on AArch64, which loses bits and subnormals.
template <class A>
INLAY_INLINE Vec<float, A> divide(const Vec<float, A>& a, const Vec<float, A>& b) {
#if defined(__ARM_NEON) && defined(__aarch64__)
  if constexpr (std::is_base_of_v<xsimd::neon64, A>) return vdivq_f32(a, b);
#endif
  return a / b;
}

/// a / b within 1 ULP where b lies in [1, 2^126]: AVX-512 divides so slowly that refining an
/// estimate is twice as fast.
template <class A>
INLAY_INLINE Vec<float, A> quotient(const Vec<float, A>& a, const Vec<float, A>& b) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    const __m512 estimate = _mm512_rcp14_ps(b);
    const __m512 error = _mm512_fnmadd_ps(b, estimate, _mm512_set1_ps(1.0f));
    return _mm512_mul_ps(a, _mm512_fmadd_ps(estimate, error, estimate));
  }
#endif
  return divide<A>(a, b);
}

/// Correctly rounded as well; xsimd's is another such estimate on AArch64.
template <class A>
INLAY_INLINE Vec<float, A> square_root(const Vec<float, A>& x) {
#if defined(__ARM_NEON) && defined(__aarch64__)
  if constexpr (std::is_base_of_v<xsimd::neon64, A>) return vsqrtq_f32(x);
#endif
  return xsimd::sqrt(x);
}

/// Calls f(integral_constant 0), ..., f(integral_constant N-1): a loop that is always unrolled.
template <int N, class F>
INLAY_INLINE void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) { (f(std::integral_constant<int, I>{}), ...); }
  (std::make_integer_sequence<int, N>{});
}

/// Reinterprets the bits of a register as elements of `To` (same size in bytes).
template <class To, class From, class A>
INLAY_INLINE xsimd::batch<To, A> bit_cast_vec(const xsimd::batch<From, A>& v) {
#if XSIMD_VERSION_MAJOR >= 11
  return xsimd::bitwise_cast<To>(v);
#else
  return xsimd::bitwise_cast<xsimd::batch<To, A> >(v);
#endif
}

/// Reinterprets the mask of `From` elements as one of `To` elements (same element size).
template <class To, class From, class A>
INLAY_INLINE xsimd::batch_bool<To, A> mask_cast(const xsimd::batch_bool<From, A>& m) {
#if XSIMD_VERSION_MAJOR >= 9
  return xsimd::batch_bool_cast<To>(m);
#else
  if constexpr (std::is_same_v<To, From>) {
    return m;
  } else {
    return xsimd::bool_cast(m);
  }
#endif
}

namespace detail {
/// Folds the lanes pairwise, upper half onto lower half, in an order fixed by the lane count.
template <class T, class A, class Op>
INLAY_INLINE T fold_lanes(const Vec<T, A>& v, Op op) {
  T buffer[lanes<T, A>];
  store<T, A>(buffer, v);
  for (std::size_t half = lanes<T, A> / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) buffer[i] = op(buffer[i], buffer[i + half]);
  }
  return buffer[0];
}
}  // namespace detail

/// The sum of all lanes, in a fixed order.
template <class T, class A>
INLAY_INLINE T reduce_add(const Vec<T, A>& v) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A> && std::is_same_v<T, float>) return _mm512_reduce_add_ps(v);
#endif
  return detail::fold_lanes<T, A>(v, [](T a, T b) { return static_cast<T>(a + b); });
}

/// The largest lane.
template <class T, class A>
INLAY_INLINE T reduce_max(const Vec<T, A>& v) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A> && std::is_same_v<T, float>) return _mm512_reduce_max_ps(v);
#endif
  return detail::fold_lanes<T, A>(v, [](T a, T b) { return a < b ? b : a; });
}

/// The smallest lane.
template <class T, class A>
INLAY_INLINE T reduce_min(const Vec<T, A>& v) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A> && std::is_same_v<T, float>) return _mm512_reduce_min_ps(v);
#endif
  return detail::fold_lanes<T, A>(v, [](T a, T b) { return b < a ? b : a; });
}

#if defined(__AVX2__)
namespace detail {
/// All-ones in the first n of eight 32-bit lanes.
template <class A>
INLAY_INLINE __m256i first_lanes_256(std::size_t n) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), index);
}
}  // namespace detail
#endif

/// Loads the first `n` elements (0 <= n <= lanes) and zeroes the rest; touches no byte after them.
template <class T, class A>
INLAY_INLINE Vec<T, A> load_first(const T* p, std::size_t n) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A> && std::is_same_v<T, float>) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p);
  }
  if constexpr (is_avx512<A> && std::is_same_v<T, std::int32_t>) {
    return _mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << n) - 1u), p);
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A> && std::is_same_v<T, float>) {
    return _mm256_maskload_ps(p, detail::first_lanes_256<A>(n));
  }
  if constexpr (is_avx2<A> && std::is_same_v<T, std::int32_t>) {
    return _mm256_maskload_epi32(p, detail::first_lanes_256<A>(n));
  }
#endif
  T buffer[lanes<T, A>] = {};
  for (std::size_t i = 0; i < n; ++i) buffer[i] = p[i];
  return load<T, A>(buffer);
}

/// Stores the first `n` lanes (0 <= n <= lanes); touches no byte after them.
template <class T, class A>
INLAY_INLINE void store_first(T* p, const Vec<T, A>& v, std::size_t n) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A> && std::is_same_v<T, float>) {
    return _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), v);
  }
  if constexpr (is_avx512<A> && std::is_same_v<T, std::int32_t>) {
    return _mm512_mask_storeu_epi32(p, static_cast<__mmask16>((1u << n) - 1u), v);
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A> && std::is_same_v<T, float>) {
    return _mm256_maskstore_ps(p, detail::first_lanes_256<A>(n), v);
  }
  if constexpr (is_avx2<A> && std::is_same_v<T, std::int32_t>) {
    return _mm256_maskstore_epi32(p, detail::first_lanes_256<A>(n), v);
  }
#endif
  T buffer[lanes<T, A>];
  store<T, A>(buffer, v);
  for (std::size_t i = 0; i < n; ++i) p[i] = buffer[i];
}

}  // namespace inlay::inline v0::kernels
