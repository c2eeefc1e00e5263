// Power of registers of f32. The error bound was seen over a random sample of pairs.
#pragma once

#include <inlay/kernels/math.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// The unevaluated sum of two floats, |lo| at most half a unit in the last place of hi.
template <class A>
struct Pair {
  Vec<float, A> hi;
  Vec<float, A> lo;
};

/// a * b without rounding (Dekker 1971 where the architecture has no fused multiply-add).
template <class A>
INLAY_INLINE Pair<A> exact_product(const Vec<float, A>& a, const Vec<float, A>& b) {
  using F = Vec<float, A>;
  const F product = a * b;
  if constexpr (std::is_same_v<A, arch::sse2>) {
    const F high_bits = bit_cast_vec<float>(Vec<std::int32_t, A>(-0x1000));
    const F a1 = a & high_bits, b1 = b & high_bits;
    const F a2 = a - a1, b2 = b - b1;
    return {product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2};
  } else {
    return {product, fma<A>(a, b, F(-product))};
  }
}

/// a + b without rounding, for |a| >= |b| or a = 0.
template <class A>
INLAY_INLINE Pair<A> exact_sum(const Vec<float, A>& a, const Vec<float, A>& b) {
  const Vec<float, A> sum = a + b;
  return {sum, b - (sum - a)};
}

/// log2 of positive finite x with about 31 correct bits: log m = 2 atanh((m-1)/(m+1)).
template <class A>
INLAY_INLINE Pair<A> log2_pair(const Vec<float, A>& x) {
  using F = Vec<float, A>;
  const auto [mantissa, exponent] = decompose<A>(x);
  const F numerator = mantissa - F(1.0f);
  const Pair<A> denominator = exact_sum<A>(F(1.0f), mantissa);
  const F s = divide<A>(numerator, denominator.hi);
  const Pair<A> back = exact_product<A>(s, denominator.hi);
  const F rest_of_numerator = (numerator - back.hi) - back.lo - s * denominator.lo;
  const F s_lo = divide<A>(rest_of_numerator, denominator.hi);
  const F t = s * s;
  const F series =
      s * t * horner<A>(t, 0.333333328207f, 0.200001681095f, 0.142686191481f, 0.117917848556f);
  const F scale(2.88539004326f);  // 2 / ln 2, the rest of it below
  const Pair<A> leading = exact_product<A>(s, scale);
  const F rest = leading.lo + (s_lo + series) * scale + s * F(3.851925982e-8f);
  const Pair<A> fraction = exact_sum<A>(leading.hi, rest);
  const Pair<A> sum = exact_sum<A>(exponent, fraction.hi);
  return {sum.hi, sum.lo + fraction.lo};
}

}  // namespace detail

/// x^y with the special cases of C's pow. Error below 7.0 ULP.
template <class A>
INLAY_INLINE Vec<float, A> vpow(const Vec<float, A>& x, const Vec<float, A>& y) {
  using F = Vec<float, A>;
  constexpr float inf = std::numeric_limits<float>::infinity();
  const F zero(0.0f), one(1.0f);
  const F base = xsimd::abs(x);
  detail::Pair<A> log2 = detail::log2_pair<A>(base);
  log2.hi = xsimd::select(base == zero, F(-inf), xsimd::select(base == F(inf), F(inf), log2.hi));

  const detail::Pair<A> product = detail::exact_product<A>(y, log2.hi);
  const F exponent = clamp<A>(product.hi, F(-151.0f), F(129.0f));
  // Where the exponent was clamped the correction says nothing (and may be NaN).
  const F correction = xsimd::select(exponent == product.hi, F(product.lo + y * log2.lo), zero);
  const F shifted = exponent + F(detail::kRoundingShift);
  const F fraction = (exponent - (shifted - F(detail::kRoundingShift))) + correction;
  F result = detail::exp_of_reduced<A>(F(fraction * F(0.69314718f)), shifted);

  const F size = xsimd::abs(y);
  const F half = y * F(0.5f);
  // From 2^24 on every float is an even integer.
  const auto integer = (xsimd::trunc(y) == y) | (size >= F(16777216.0f));
  const auto odd = integer & (xsimd::trunc(half) != half) & (size < F(16777216.0f));
  const F sign = x & F(-0.0f);
  result = xsimd::select(odd, F(result | sign), result);
  const F nan(std::numeric_limits<float>::quiet_NaN());
  result = xsimd::select((x < zero) & (x > F(-inf)) & !integer, nan, result);
  result = xsimd::select(xsimd::isnan(x) | xsimd::isnan(y), nan, result);
  const auto is_one = (y == zero) | (x == one) | ((x == F(-1.0f)) & (size == F(inf)));
  return xsimd::select(is_one, one, result);
}

}  // namespace inlay::inline v0::kernels
