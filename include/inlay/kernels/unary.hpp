// Elementwise functions of one f32 operand.
#pragma once

#include <inlay/kernels/columns.hpp>
#include <inlay/kernels/math.hpp>
#include <inlay/kernels/math_trig.hpp>

namespace inlay::inline v0::kernels {

/// Functions of one value, named as in ONNX. `alpha` and `beta` are the operator's parameters.
enum class UnaryOp : std::uint8_t {
  abs,
  neg,
  relu,
  leaky_relu,        ///< slope alpha below zero
  thresholded_relu,  ///< x above alpha, else 0
  elu,               ///< alpha (e^x - 1) below zero
  celu,              ///< alpha (e^(x/alpha) - 1) below zero
  selu,              ///< beta * elu(x), beta is ONNX's gamma
  clip,              ///< between alpha and beta
  hard_sigmoid,      ///< clip(alpha x + beta, 0, 1)
  hard_swish,        ///< x clip(x/6 + 1/2, 0, 1)
  sigmoid,
  swish,  ///< x sigmoid(alpha x); SiLU for alpha = 1
  tanh,
  exp,
  log,
  sqrt,
  reciprocal,
  erf,
  gelu,       ///< x/2 (1 + erf(x / sqrt 2))
  gelu_tanh,  ///< x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  softplus,   ///< log(1 + e^x)
  softsign,   ///< x / (1 + |x|)
  mish,       ///< x tanh(softplus(x))
  floor,
  ceil,
  round,  ///< halves to even
  sign,
  sin,
  cos,
};
inline constexpr std::size_t unary_op_count = static_cast<std::size_t>(UnaryOp::cos) + 1;

namespace detail {

/// Whether the function, of those that matter, computes one result for long.
constexpr bool has_many_steps(UnaryOp op) {
  return op == UnaryOp::sigmoid || op == UnaryOp::swish || op == UnaryOp::tanh ||
         op == UnaryOp::gelu || op == UnaryOp::gelu_tanh;
}

/// log(1 + e) for e >= 0, exact to the last places where e is tiny.
template <class A>
INLAY_INLINE Vec<float, A> log1p_nonnegative(const Vec<float, A>& e) {
  const Vec<float, A> one(1.0f);
  const Vec<float, A> u = one + e;
  return vlog<A>(u) + divide<A>(Vec<float, A>(e - (u - one)), u);
}

template <class A>
INLAY_INLINE Vec<float, A> exp_minus_one_below_zero(const Vec<float, A>& x,
                                                    const Vec<float, A>& argument,
                                                    const Vec<float, A>& scale) {
  const Vec<float, A> zero(0.0f), one(1.0f);
  return xsimd::select(x < zero, Vec<float, A>(scale * (vexp<A>(argument) - one)), x);
}

}  // namespace detail

/// One UnaryOp on a register; what epilogues of other kernels call too.
template <UnaryOp op, class A>
INLAY_INLINE Vec<float, A> apply_unary(const Vec<float, A>& x, const Vec<float, A>& alpha,
                                       const Vec<float, A>& beta) {
  using F = Vec<float, A>;
  const F zero(0.0f), half(0.5f), one(1.0f);
  if constexpr (op == UnaryOp::abs) return xsimd::abs(x);
  if constexpr (op == UnaryOp::neg) return -x;
  if constexpr (op == UnaryOp::relu) return max_bound<A>(zero, x);
  if constexpr (op == UnaryOp::leaky_relu) return xsimd::select(x < zero, F(alpha * x), x);
  if constexpr (op == UnaryOp::thresholded_relu) return xsimd::select(x > alpha, x, zero);
  if constexpr (op == UnaryOp::elu) return detail::exp_minus_one_below_zero<A>(x, x, alpha);
  if constexpr (op == UnaryOp::celu) {
    return detail::exp_minus_one_below_zero<A>(x, divide<A>(x, alpha), alpha);
  }
  if constexpr (op == UnaryOp::selu) {
    return beta * detail::exp_minus_one_below_zero<A>(x, x, alpha);
  }
  if constexpr (op == UnaryOp::clip) return clamp<A>(x, alpha, beta);
  if constexpr (op == UnaryOp::hard_sigmoid) return clamp<A>(fma<A>(alpha, x, beta), zero, one);
  if constexpr (op == UnaryOp::hard_swish) {
    return x * clamp<A>(fma<A>(x, F(1.0f / 6.0f), half), zero, one);
  }
  if constexpr (op == UnaryOp::sigmoid) return vsigmoid<A>(x);
  if constexpr (op == UnaryOp::swish) return vsigmoid_times<A>(x, F(alpha * x));
  if constexpr (op == UnaryOp::tanh) return vtanh<A>(x);
  if constexpr (op == UnaryOp::exp) return vexp<A>(x);
  if constexpr (op == UnaryOp::log) return vlog<A>(x);
  if constexpr (op == UnaryOp::sqrt) return square_root<A>(x);
  if constexpr (op == UnaryOp::reciprocal) return divide<A>(one, x);
  if constexpr (op == UnaryOp::erf) return verf<A>(x);
  if constexpr (op == UnaryOp::gelu) {
    return half * x * (one + verf<A>(F(x * F(0.707106781f))));
  }
  if constexpr (op == UnaryOp::gelu_tanh) {
    const F inner = fma<A>(F(x * x * x), F(0.044715f), x) * F(0.797884561f);
    return half * x * (one + vtanh<A>(inner));
  }
  if constexpr (op == UnaryOp::softplus) {
    return max_bound<A>(zero, x) + detail::log1p_nonnegative<A>(vexp<A>(F(-xsimd::abs(x))));
  }
  if constexpr (op == UnaryOp::softsign) return divide<A>(x, F(one + xsimd::abs(x)));
  if constexpr (op == UnaryOp::mish) {
    // tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2), which is 1 in f32 long before x = 20.
    const F e = vexp<A>(min_bound<A>(F(20.0f), x));
    const F n = e * (e + F(2.0f));
    return x * quotient<A>(n, F(n + F(2.0f)));
  }
  if constexpr (op == UnaryOp::floor) return xsimd::floor(x);
  if constexpr (op == UnaryOp::ceil) return xsimd::ceil(x);
  if constexpr (op == UnaryOp::round) return xsimd::nearbyint(x);
  if constexpr (op == UnaryOp::sign) {
    return xsimd::select(x > zero, one, xsimd::select(x < zero, F(-1.0f), x));
  }
  if constexpr (op == UnaryOp::sin) return vsin<A>(x);
  if constexpr (op == UnaryOp::cos) return vcos<A>(x);
}

/// y[i] = op(x[i]) for n contiguous values. y may be x; other overlaps are not allowed.
template <class A, UnaryOp op>
INLAY_FLATTEN void unary(const float* x, float* y, std::size_t n, float alpha, float beta) {
  const Vec<float, A> a(alpha), b(beta);
  constexpr int group = detail::has_many_steps(op) ? side_by_side<A> : 1;
  map_row<A, group>(x, y, n, [&](const Vec<float, A>& v) { return apply_unary<op, A>(v, a, b); });
}

}  // namespace inlay::inline v0::kernels
