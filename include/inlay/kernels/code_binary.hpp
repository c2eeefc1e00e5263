// Sums and products of 8-bit codes of linear quantization, real = (code - zero point) * scale.
#pragma once

#include <inlay/kernels/binary.hpp>
#include <inlay/kernels/code_vectors.hpp>

namespace inlay::inline v0::kernels {

/// y = (a - a_zero) * a_factor + (b - b_zero) * b_factor, or (a - a_zero) * (b - b_zero) *
/// a_factor, rounded to the nearest integer, ties to even, plus y_zero, in the range of codes.
struct CodeBinary {
  float a_factor, b_factor;
  std::int32_t a_zero, b_zero, y_zero;
};

namespace detail {

template <class A, class T, bool Adds>
INLAY_INLINE Vec<std::int32_t, A> join_codes(const Vec<std::int32_t, A>& a,
                                             const Vec<std::int32_t, A>& b, const CodeBinary& by) {
  using Vi = Vec<std::int32_t, A>;
  using Vf = Vec<float, A>;
  const Vf u = to_floats<A>(a - Vi(by.a_zero)), v = to_floats<A>(b - Vi(by.b_zero));
  const Vf sum = Adds ? Vf(u * Vf(by.a_factor) + v * Vf(by.b_factor)) : Vf(u * v * Vf(by.a_factor));
  return round_to_codes<A>(sum) + Vi(by.y_zero);
}

}  // namespace detail

/// Over the rows of a broadcast; T is std::int8_t or std::uint8_t. y may be an operand that has y's
/// own layout.
template <class A, class T, bool Adds>
INLAY_FLATTEN void binary_codes(const T* a, const T* b, T* y, const BroadcastRows& shape,
                                const CodeBinary& by) {
  constexpr std::size_t step = lanes<std::int32_t, A>;
  const std::size_t n = shape.columns;
  const auto operand = [](const T* p, std::size_t i, bool is_scalar, std::size_t count) {
    if (is_scalar) return broadcast<std::int32_t, A>(*p);
    return load_codes<T, A>(p + i, count);
  };
  for (std::size_t row = 0; row < shape.rows; ++row, y += n) {
    const T* const u = a + row * shape.a_row_stride;
    const T* const v = b + row * shape.b_row_stride;
    for (std::size_t i = 0; i < n; i += step) {
      const std::size_t count = n - i < step ? n - i : step;
      store_codes<T, A>(y + i,
                        detail::join_codes<A, T, Adds>(operand(u, i, shape.a_is_scalar, count),
                                                       operand(v, i, shape.b_is_scalar, count), by),
                        count);
    }
  }
}

}  // namespace inlay::inline v0::kernels
