// Choosing between two operands element by element.
#pragma once

#include <inlay/kernels/inline.hpp>

#include <cstddef>

namespace inlay::inline v0::kernels {

/// A row of operands of select, each of n elements or of one for all.
struct SelectRow {
  std::size_t n;
  bool condition_is_scalar;
  bool a_is_scalar;
  bool b_is_scalar;
};

namespace detail {

template <bool a_is_scalar, bool b_is_scalar, class T>
INLAY_INLINE void select_row(const bool* condition, const T* a, const T* b, T* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const T u = a[a_is_scalar ? 0 : i], v = b[b_is_scalar ? 0 : i];
    y[i] = condition[i] ? u : v;
  }
}

}  // namespace detail

/// y = a where the condition holds, else b; T is an unsigned integer as wide as the elements.
/// Compilers vectorize these loops by themselves.
template <class A, class T>
INLAY_FLATTEN void select(const bool* condition, const T* a, const T* b, T* y,
                          const SelectRow& row) {
  if (row.condition_is_scalar) {
    const T* const from = *condition ? a : b;
    const bool is_scalar = *condition ? row.a_is_scalar : row.b_is_scalar;
    for (std::size_t i = 0; i < row.n; ++i) y[i] = from[is_scalar ? 0 : i];
  } else if (row.a_is_scalar && row.b_is_scalar) {
    detail::select_row<true, true>(condition, a, b, y, row.n);
  } else if (row.a_is_scalar) {
    detail::select_row<true, false>(condition, a, b, y, row.n);
  } else if (row.b_is_scalar) {
    detail::select_row<false, true>(condition, a, b, y, row.n);
  } else {
    detail::select_row<false, false>(condition, a, b, y, row.n);
  }
}

}  // namespace inlay::inline v0::kernels
