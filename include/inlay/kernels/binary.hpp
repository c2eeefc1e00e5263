// Elementwise functions of two operands, with the inner loops of broadcasting.
#pragma once

#include <inlay/kernels/math_pow.hpp>

namespace inlay::inline v0::kernels {

/// Functions of two values, named as in ONNX. Integers have the first five, wrapping around.
enum class BinaryOp : std::uint8_t {
  add,
  sub,
  mul,
  min,  ///< NaN where either is
  max,  ///< NaN where either is
  div,
  pow,
  prelu,               ///< b * a where a is negative, else a
  squared_difference,  ///< (a - b)^2
};
inline constexpr std::size_t integer_binary_op_count = static_cast<std::size_t>(BinaryOp::max) + 1;
inline constexpr std::size_t binary_op_count =
    static_cast<std::size_t>(BinaryOp::squared_difference) + 1;

/// The two innermost dimensions of a broadcast. The result is rows x columns, contiguous; an
/// operand's row starts `*_row_stride` elements after the one before (0 repeats the row), and holds
/// `columns` values or, where `*_is_scalar`, one value for all of them.
struct BroadcastRows {
  std::size_t rows;
  std::size_t columns;
  std::size_t a_row_stride;
  std::size_t b_row_stride;
  bool a_is_scalar;
  bool b_is_scalar;
};

/// One BinaryOp on two registers.
template <BinaryOp op, class A>
INLAY_INLINE Vec<float, A> apply_binary(const Vec<float, A>& a, const Vec<float, A>& b) {
  using F = Vec<float, A>;
  if constexpr (op == BinaryOp::add) return a + b;
  if constexpr (op == BinaryOp::sub) return a - b;
  if constexpr (op == BinaryOp::mul) return a * b;
  if constexpr (op == BinaryOp::min) return min_nan<float, A>(a, b);
  if constexpr (op == BinaryOp::max) return max_nan<float, A>(a, b);
  if constexpr (op == BinaryOp::div) return divide<A>(a, b);
  if constexpr (op == BinaryOp::pow) return vpow<A>(a, b);
  if constexpr (op == BinaryOp::prelu) return xsimd::select(a < F(0.0f), F(a * b), a);
  if constexpr (op == BinaryOp::squared_difference) return (a - b) * (a - b);
}

namespace detail {

/// f on the vectors of one row; the last, partial one reads and writes only its own elements.
template <class A, bool a_is_scalar, bool b_is_scalar, class F>
INLAY_INLINE void map_rows(const float* a, const float* b, float* y, std::size_t n, F f) {
  using V = Vec<float, A>;
  constexpr std::size_t step = lanes<float, A>;
  const V a_first = a_is_scalar ? V(*a) : V(0.0f);
  const V b_first = b_is_scalar ? V(*b) : V(0.0f);
  std::size_t i = 0;
  for (; i + step <= n; i += step) {
    const V u = a_is_scalar ? a_first : load<float, A>(a + i);
    const V v = b_is_scalar ? b_first : load<float, A>(b + i);
    store<float, A>(y + i, f(u, v));
  }
  if (i < n) {
    const V u = a_is_scalar ? a_first : load_first<float, A>(a + i, n - i);
    const V v = b_is_scalar ? b_first : load_first<float, A>(b + i, n - i);
    store_first<float, A>(y + i, f(u, v), n - i);
  }
}

/// An exponent that all elements share is nearly always one of these.
template <class A>
INLAY_INLINE bool power_by_scalar_row(const float* a, float exponent, float* y, std::size_t n) {
  using V = Vec<float, A>;
  if (exponent == 2.0f) {
    map_rows<A, false, true>(a, &exponent, y, n, [](const V& u, const V&) { return V(u * u); });
  } else if (exponent == 3.0f) {
    map_rows<A, false, true>(a, &exponent, y, n, [](const V& u, const V&) { return V(u * u * u); });
  } else {
    return false;
  }
  return true;
}

template <BinaryOp op, class Int>
INLAY_INLINE Int apply_integer(Int a, Int b) {
  using Wrapping = std::make_unsigned_t<Int>;
  const auto u = static_cast<Wrapping>(a), v = static_cast<Wrapping>(b);
  if constexpr (op == BinaryOp::add) return static_cast<Int>(u + v);
  if constexpr (op == BinaryOp::sub) return static_cast<Int>(u - v);
  if constexpr (op == BinaryOp::mul) return static_cast<Int>(u * v);
  if constexpr (op == BinaryOp::min) return a < b ? a : b;
  if constexpr (op == BinaryOp::max) return a > b ? a : b;
}

}  // namespace detail

/// y = op(a, b) over the rows. y may be an operand that has y's own layout.
template <class A, BinaryOp op>
INLAY_FLATTEN void binary(const float* a, const float* b, float* y, const BroadcastRows& shape) {
  const auto f = [](const Vec<float, A>& u, const Vec<float, A>& v) {
    return apply_binary<op, A>(u, v);
  };
  const std::size_t n = shape.columns;
  for (std::size_t row = 0; row < shape.rows; ++row, y += n) {
    const float* u = a + row * shape.a_row_stride;
    const float* v = b + row * shape.b_row_stride;
    if (shape.a_is_scalar && shape.b_is_scalar) {
      detail::map_rows<A, true, true>(u, v, y, n, f);
    } else if (shape.a_is_scalar) {
      detail::map_rows<A, true, false>(u, v, y, n, f);
    } else if (shape.b_is_scalar) {
      if constexpr (op == BinaryOp::pow) {
        if (detail::power_by_scalar_row<A>(u, *v, y, n)) continue;
      }
      detail::map_rows<A, false, true>(u, v, y, n, f);
    } else {
      detail::map_rows<A, false, false>(u, v, y, n, f);
    }
  }
}

/// The same for integers. Compilers vectorize these loops by themselves.
template <class A, class Int, BinaryOp op>
INLAY_FLATTEN void binary_integer(const Int* a, const Int* b, Int* y, const BroadcastRows& shape) {
  const std::size_t n = shape.columns;
  for (std::size_t row = 0; row < shape.rows; ++row, y += n) {
    const Int* u = a + row * shape.a_row_stride;
    const Int* v = b + row * shape.b_row_stride;
    const Int u0 = *u, v0 = *v;
    if (shape.a_is_scalar) {
      for (std::size_t i = 0; i < n; ++i) {
        y[i] = detail::apply_integer<op>(u0, shape.b_is_scalar ? v0 : v[i]);
      }
    } else if (shape.b_is_scalar) {
      for (std::size_t i = 0; i < n; ++i) y[i] = detail::apply_integer<op>(u[i], v0);
    } else {
      for (std::size_t i = 0; i < n; ++i) y[i] = detail::apply_integer<op>(u[i], v[i]);
    }
  }
}

}  // namespace inlay::inline v0::kernels
