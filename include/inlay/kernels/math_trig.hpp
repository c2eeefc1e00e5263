// Sine and cosine on registers of f32. Error bounds were seen over a dense sample of all floats.
#pragma once

#include <math.h>

#include <inlay/kernels/math.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// sin(x + quarter_turns * pi/2), for |x| <= 12000 or NaN. Cody-Waite reduction: the first three
/// parts of pi/2 have so few bits that their products with the quadrant are exact.
template <class A>
INLAY_INLINE Vec<float, A> sine_of_small(const Vec<float, A>& x, std::int32_t quarter_turns) {
  using F = Vec<float, A>;
  using Int = Vec<std::int32_t, A>;
  const F shifted = fma<A>(x, F(0.636619772f), F(kRoundingShift));
  const F k = shifted - F(kRoundingShift);
  F r = fma<A>(k, F(-1.5703125f), x);
  r = fma<A>(k, F(-4.837512969970703125e-4f), r);
  r = fma<A>(k, F(-7.5495336204767227e-8f), r);
  r = fma<A>(k, F(-2.563344152e-12f), r);
  const F t = r * r;
  const F sine =
      fma<A>(F(r * t), horner<A>(t, -0.166666545731f, 0.00833215840878f, -0.000195149574444f), r);
  const F cosine =
      fma<A>(F(t * t), horner<A>(t, 0.0416666456188f, -0.00138873130642f, 2.44327852615e-5f),
             fma<A>(t, F(-0.5f), F(1.0f)));
  const Int quadrant = bit_cast_vec<std::int32_t>(shifted) + Int(quarter_turns);
  const auto swap = mask_cast<float>((quadrant & Int(1)) == Int(1));
  const F sign = bit_cast_vec<float>(Int((quadrant & Int(2)) << 30));
  return xsimd::select(swap, cosine, sine) ^ sign;
}

template <class A>
INLAY_INLINE Vec<float, A> sine(const Vec<float, A>& x, std::int32_t quarter_turns) {
  using F = Vec<float, A>;
  constexpr float limit = 12000.0f;
  const F y = sine_of_small<A>(x, quarter_turns);
  if (!xsimd::any(xsimd::abs(x) > F(limit))) return y;
  // Angles that large are rare: the C library reduces them exactly, one lane at a time.
  float angles[lanes<float, A>];
  float results[lanes<float, A>];
  store<float, A>(angles, x);
  store<float, A>(results, y);
  for (std::size_t i = 0; i < lanes<float, A>; ++i) {
    const double angle = angles[i];
    if (!(angle <= limit && angle >= -limit)) {
      results[i] = static_cast<float>(quarter_turns == 0 ? ::sin(angle) : ::cos(angle));
    }
  }
  return load<float, A>(results);
}

}  // namespace detail

/// Sine of x in radians. Error below 2.0 ULP for every finite x; NaN for infinite x.
template <class A>
INLAY_INLINE Vec<float, A> vsin(const Vec<float, A>& x) {
  return detail::sine<A>(x, 0);
}

/// Cosine of x in radians. Error below 2.0 ULP for every finite x; NaN for infinite x.
template <class A>
INLAY_INLINE Vec<float, A> vcos(const Vec<float, A>& x) {
  return detail::sine<A>(x, 1);
}

}  // namespace inlay::inline v0::kernels
