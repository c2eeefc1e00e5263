// A matrix in memory with any two strides: transposing swaps them, so kernels need no flags.
#pragma once

#include <cstdint>

#include <inlay/kernels/inline.hpp>

namespace inlay::inline v0::kernels {

/// Element (i, j) is data[i * row_stride + j * col_stride]; strides count elements.
struct MatrixView {
  const float* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 1;

  INLAY_INLINE constexpr const float* at(std::int64_t i, std::int64_t j) const {
    return data + i * row_stride + j * col_stride;
  }
  INLAY_INLINE constexpr MatrixView transposed() const { return {data, col_stride, row_stride}; }
};

INLAY_INLINE constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
INLAY_INLINE constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return ceil_div(a, b) * b;
}

}  // namespace inlay::inline v0::kernels
