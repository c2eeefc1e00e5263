// Matrix products over strided views: the inner loops of MatMul, Conv, recurrent layers, attention.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// A view of elements at data[row * row_step + col * col_step].
template <class T>
struct Matrix {
  T* data;
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t row_step;
  std::int64_t col_step = 1;

  T* at(std::int64_t row, std::int64_t col) const { return data + row * row_step + col * col_step; }
  Matrix transposed() const { return {data, cols, rows, col_step, row_step}; }
  Matrix block(std::int64_t row, std::int64_t col, std::int64_t row_count,
               std::int64_t col_count) const {
    return {at(row, col), row_count, col_count, row_step, col_step};
  }
};

/// sum + a * b; integers wrap around.
template <class T>
T multiply_add(T sum, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(sum) + static_cast<U>(a) * static_cast<U>(b));
  } else {
    return sum + a * b;
  }
}

/// The sum of a[i * a_step] * b[i * b_step], kept in eight parts where both are dense.
template <class T>
T dot(const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, std::int64_t count) {
  std::int64_t i = 0;
  T sum{};
  if (a_step == 1 && b_step == 1) {
    std::array<T, 8> parts{};
    for (; i + 8 <= count; i += 8) {
      for (std::size_t p = 0; p < 8; ++p) {
        parts[p] = multiply_add(parts[p], a[i + static_cast<std::int64_t>(p)],
                                b[i + static_cast<std::int64_t>(p)]);
      }
    }
    for (const T part : parts) sum = multiply_add(sum, part, T{1});
  }
  for (; i < count; ++i) sum = multiply_add(sum, a[i * a_step], b[i * b_step]);
  return sum;
}

/// c += a * b, on the calling thread. Rows of c must be dense.
template <class T>
void multiply_add(const Matrix<const T>& a, const Matrix<const T>& b, const Matrix<T>& c) {
  if (b.col_step != 1 || c.cols == 1) {
    for (std::int64_t i = 0; i < c.rows; ++i) {
      for (std::int64_t j = 0; j < c.cols; ++j) {
        T& out = *c.at(i, j);
        out = multiply_add(out, dot(a.at(i, 0), a.col_step, b.at(0, j), b.row_step, a.cols), T{1});
      }
    }
    return;
  }
  constexpr std::int64_t tile_rows = 4, tile_cols = 64;  // a tile of c stays in the first cache
  for (std::int64_t i = 0; i < c.rows; i += tile_rows) {
    const std::int64_t rows = std::min(tile_rows, c.rows - i);
    for (std::int64_t j = 0; j < c.cols; j += tile_cols) {
      const std::int64_t cols = std::min(tile_cols, c.cols - j);
      T tile[tile_rows][tile_cols];
      for (std::int64_t r = 0; r < rows; ++r) std::copy_n(c.at(i + r, j), cols, tile[r]);
      for (std::int64_t k = 0; k < a.cols; ++k) {
        const T* from = b.at(k, j);
        for (std::int64_t r = 0; r < rows; ++r) {
          const T factor = *a.at(i + r, k);
          for (std::int64_t n = 0; n < cols; ++n) {
            tile[r][n] = multiply_add(tile[r][n], factor, from[n]);
          }
        }
      }
      for (std::int64_t r = 0; r < rows; ++r) std::copy_n(tile[r], cols, c.at(i + r, j));
    }
  }
}

/// c += a * b.
template <class T>
struct Product {
  Matrix<const T> a;
  Matrix<const T> b;
  Matrix<T> c;
};

/// Computes the products product_of(0) .. product_of(count - 1), all of the same shape, in
/// parallel.
template <class T, class F>
void multiply_add_all(KernelContext& context, std::int64_t count, F&& product_of) {
  if (count == 0) return;
  constexpr std::int64_t row_block = 16, col_block = 256;
  const Matrix<T> first = Product<T>(product_of(0)).c;
  const std::int64_t row_blocks = (first.rows + row_block - 1) / row_block;
  const std::int64_t col_blocks = (first.cols + col_block - 1) / col_block;
  context.parallel_for(count * row_blocks * col_blocks, [&](std::int64_t task, int) {
    const Product<T> p = product_of(task / (row_blocks * col_blocks));
    const std::int64_t row = task / col_blocks % row_blocks * row_block;
    const std::int64_t col = task % col_blocks * col_block;
    const std::int64_t rows = std::min(row_block, p.c.rows - row);
    const std::int64_t cols = std::min(col_block, p.c.cols - col);
    multiply_add<T>(p.a.block(row, 0, rows, p.a.cols), p.b.block(0, col, p.b.rows, cols),
                    p.c.block(row, col, rows, cols));
  });
}

}  // namespace inlay::inline v0::kernels
