// Elementary functions on registers of f32: exp, log, tanh, sigmoid, erf.
//
// A lane's result depends on that lane alone, so full vectors and tails agree bit for bit. The
// error bounds below are in units in the last place of the f32 result; no larger error was seen
// against double precision, over every float on avx2 and a dense sample on the other architectures.
// Polynomials are minimax fits made with the Remez exchange algorithm; the rational ones with
// Loeb's linearised variant of it.
#pragma once

#include <inlay/kernels/minmax.hpp>
#include <limits>

namespace inlay::inline v0::kernels {

namespace detail {

/// c0 + c1 x + c2 x^2 + ...
template <class A, class... Rest>
INLAY_INLINE Vec<float, A> horner(const Vec<float, A>& x, float c0, Rest... rest) {
  if constexpr (sizeof...(Rest) == 0) {
    return Vec<float, A>(c0);
  } else {
    return fma<A>(horner<A>(x, rest...), x, Vec<float, A>(c0));
  }
}

/// Adding and subtracting this rounds to the nearest integer and leaves it in the low bits of the
/// sum: 1.5 * 2^23.
inline constexpr float kRoundingShift = 12582912.0f;

/// p * 2^n for integers -150 <= n <= 129, rounding once and reaching subnormals and infinity.
/// `shifted` is n + kRoundingShift.
template <class A>
INLAY_INLINE Vec<float, A> scale_by_power_of_two(const Vec<float, A>& p,
                                                 const Vec<float, A>& shifted) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) return _mm512_scalef_ps(p, shifted - Vec<float, A>(kRoundingShift));
#endif
  using Int = Vec<std::int32_t, A>;
  const Int n = bit_cast_vec<std::int32_t>(shifted) -
                bit_cast_vec<std::int32_t>(Vec<float, A>(kRoundingShift));
  // 2^n itself may not be a normal number; its two halves are.
  const Int half = n >> 1;
  const Int bias(127);
  const auto first = bit_cast_vec<float>(Int((half + bias) << 23));
  const auto second = bit_cast_vec<float>(Int((n - half + bias) << 23));
  return p * first * second;
}

/// e^r * 2^n for |r| <= ln(2)/2; `shifted` is n + kRoundingShift.
template <class A>
INLAY_INLINE Vec<float, A> exp_of_reduced(const Vec<float, A>& r, const Vec<float, A>& shifted) {
  using F = Vec<float, A>;
  const F tail = horner<A>(r, 0.499999934336f, 0.166665203966f, 0.0416683905017f, 0.00836874534584f,
                           0.00138145536293f);
  return scale_by_power_of_two<A>(F(fma<A>(F(r * r), tail, r) + F(1.0f)), shifted);
}

/// x = 2^exponent * mantissa with sqrt(1/2) <= mantissa < sqrt(2), for positive finite x.
template <class A>
struct Decomposed {
  Vec<float, A> mantissa;
  Vec<float, A> exponent;
};

template <class A>
INLAY_INLINE Decomposed<A> decompose(const Vec<float, A>& x) {
  using F = Vec<float, A>;
  using Int = Vec<std::int32_t, A>;
  const auto subnormal = x < F(std::numeric_limits<float>::min());
  const F normal = xsimd::select(subnormal, F(x * F(8388608.0f)), x);
  const Int bits = bit_cast_vec<std::int32_t>(normal);
  const Int offset = bits - Int(0x3f3504f3);  // sqrt(1/2)
  const Int exponent = offset >> 23;
  const F mantissa = bit_cast_vec<float>(Int(bits - (exponent << 23)));
  return {mantissa, xsimd::to_float(exponent) - xsimd::select(subnormal, F(23.0f), F(0.0f))};
}

/// e^x for x <= 89.
template <class A>
INLAY_INLINE Vec<float, A> exp_bounded(const Vec<float, A>& x) {
  using F = Vec<float, A>;
  // Below this bound the result is zero; computing it would underflow, which is slow.
  const auto vanishes = x < F(-104.0f);
  const F bounded = xsimd::select(vanishes, F(0.0f), x);
  const F shifted = fma<A>(bounded, F(1.44269504f), F(detail::kRoundingShift));
  const F n = shifted - F(detail::kRoundingShift);
  // ln 2 in two parts; n times the first is exact.
  F r = fma<A>(n, F(-0.693359375f), bounded);
  r = fma<A>(n, F(2.12194440e-4f), r);
  return xsimd::select(vanishes, F(0.0f), exp_of_reduced<A>(r, shifted));
}

}  // namespace detail

/// e^x. Error below 1.1 ULP, subnormal results included; inf and 0 past the range, NaN for NaN.
template <class A>
INLAY_INLINE Vec<float, A> vexp(const Vec<float, A>& x) {
  // Past this bound the result is infinite by itself.
  return detail::exp_bounded<A>(min_bound<A>(Vec<float, A>(89.0f), x));
}

/// Natural logarithm. Error below 1.0 ULP, subnormal x included; -inf at 0, NaN below.
template <class A>
INLAY_INLINE Vec<float, A> vlog(const Vec<float, A>& x) {
  using F = Vec<float, A>;
  constexpr float inf = std::numeric_limits<float>::infinity();
  const auto [mantissa, exponent] = detail::decompose<A>(x);
  const F f = mantissa - F(1.0f);
  const F square = f * f;
  F y = f * square *
        detail::horner<A>(f, 0.333333316925f, -0.250008209554f, 0.200012277448f, -0.166233609243f,
                          0.142017440733f, -0.131601357821f, 0.127616445885f, -0.0763469292526f);
  y = fma<A>(exponent, F(-2.12194440e-4f), y);
  y = fma<A>(square, F(-0.5f), y);
  const F finite = fma<A>(exponent, F(0.693359375f), F(f + y));
  const F below = xsimd::select(x < F(0.0f), F(std::numeric_limits<float>::quiet_NaN()), x);
  const F special = xsimd::select(x == F(0.0f), F(-inf), below);
  return xsimd::select((x > F(0.0f)) & (x < F(inf)), finite, special);
}

/// Hyperbolic tangent. Error below 6.2 ULP (3.7e-7); exactly +-1 at and beyond |x| = 9.02.
template <class A>
INLAY_INLINE Vec<float, A> vtanh(const Vec<float, A>& x) {
  using F = Vec<float, A>;
  const F bounded = clamp<A>(x, F(-9.02f), F(9.02f));
  const F t = bounded * bounded;
  const F p = detail::horner<A>(t, 1.0f, 0.13679910508f, 0.0038683221165f, 2.8007350388e-5f,
                                3.0584781164e-8f, -1.2203304153e-11f);
  const F q = detail::horner<A>(t, 1.0f, 0.47013242567f, 0.02724581798f, 0.00039386213734f,
                                1.2873592836e-6f);
  return clamp<A>(quotient<A>(F(bounded * p), q), F(-1.0f), F(1.0f));
}

/// a / (1 + e^-x): a times the logistic function of x, which is 0 where it would be subnormal
/// (x < -87.33). Error below 2.5 ULP for a = 1, relative to the result also where it is tiny. NaN
/// where a is, else x must not be.
template <class A>
INLAY_INLINE Vec<float, A> vsigmoid_times(const Vec<float, A>& a, const Vec<float, A>& x) {
  using F = Vec<float, A>;
  using Int = Vec<std::int32_t, A>;
  const F least(-87.33f);
  const F bounded = clamp<A>(x, least, F(87.33f));
  const F shifted = fma<A>(bounded, F(-1.44269504f), F(detail::kRoundingShift));
  const F n = shifted - F(detail::kRoundingShift);
  // -x = n ln 2 - r; what exp_of_reduced has, for -r.
  F r = fma<A>(n, F(0.693359375f), bounded);
  r = fma<A>(n, F(-2.12194440e-4f), r);
  const F p = detail::horner<A>(r, 1.0f, -1.0f, 0.499999934336f, -0.166665203966f, 0.0416683905017f,
                                -0.00836874534584f, 0.00138145536293f);
  // n is within the exponents of normal numbers.
  const F e = bit_cast_vec<float>(
      Int(bit_cast_vec<std::int32_t>(p) + (bit_cast_vec<std::int32_t>(shifted) << 23)));
  return xsimd::select(x < least, F(0.0f), quotient<A>(a, F(e + F(1.0f))));
}

/// 1 / (1 + e^-x), as vsigmoid_times; NaN for NaN.
template <class A>
INLAY_INLINE Vec<float, A> vsigmoid(const Vec<float, A>& x) {
  using F = Vec<float, A>;
  const F one_or_nan = fma<A>(clamp<A>(x, F(-87.33f), F(87.33f)), F(0.0f), F(1.0f));
  return vsigmoid_times<A>(one_or_nan, x);
}

/// Error function. Error below 7.0 ULP (4e-7); exactly +-1 at and beyond |x| = 3.93.
template <class A>
INLAY_INLINE Vec<float, A> verf(const Vec<float, A>& x) {
  using F = Vec<float, A>;
  const F bounded = clamp<A>(x, F(-3.93f), F(3.93f));
  const F t = bounded * bounded;
  const F p = detail::horner<A>(t, 1.1283791692f, 0.18514770835f, 0.054254756394f, 0.0038402962255f,
                                0.00037716814121f, 4.6200745896e-6f, -1.2858061944e-8f);
  const F q = detail::horner<A>(t, 1.0f, 0.49741629163f, 0.11388697048f, 0.015434848129f,
                                0.0013024109079f, 6.2501013553e-5f);
  return clamp<A>(quotient<A>(F(bounded * p), q), F(-1.0f), F(1.0f));
}

}  // namespace inlay::inline v0::kernels
