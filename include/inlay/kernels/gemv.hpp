// Products with one row or one column: bound by memory, so nothing is packed.
#pragma once

#include <inlay/kernels/gemm_epilogue.hpp>

namespace inlay::inline v0::kernels {

/// out[i] = sum over p < k of matrix(i, p) * x[p] for `count` rows that run along k.
template <class A>
INLAY_FLATTEN void gemv_rows(MatrixView matrix, const float* INLAY_RESTRICT x, std::int64_t count,
                             std::int64_t k, float* INLAY_RESTRICT out) {
  using Vf = Vec<float, A>;
  constexpr int size = static_cast<int>(lanes<float, A>);
  constexpr int rows = 4;
  for (std::int64_t i = 0; i < count; i += rows) {
    const float* row[rows];
    for (int r = 0; r < rows; ++r) row[r] = matrix.at(i + r < count ? i + r : count - 1, 0);
    Vf sums[rows][2];
    unroll<rows>([&](auto r) { sums[r][0] = sums[r][1] = Vf(0.0f); });
    std::int64_t p = 0;
    for (; p + 2 * size <= k; p += 2 * size) {
      unroll<2>([&](auto v) {
        const Vf xs = load<float, A>(x + p + v * size);
        unroll<rows>([&](auto r) {
          sums[r][v] = fma<A>(load<float, A>(row[r] + p + v * size), xs, sums[r][v]);
        });
      });
    }
    for (; p < k; p += size) {
      const auto n = static_cast<std::size_t>(k - p < size ? k - p : size);
      const Vf xs = load_first<float, A>(x + p, n);
      unroll<rows>([&](auto r) {
        sums[r][0] = fma<A>(load_first<float, A>(row[r] + p, n), xs, sums[r][0]);
      });
    }
    unroll<rows>([&](auto r) {
      if (i + r < count) out[i + r] = kernels::reduce_add<float, A>(Vf(sums[r][0] + sums[r][1]));
    });
  }
}

namespace detail {

/// gemv_columns for Vecs vectors of columns; the last may be partly past the end.
template <class A, int Vecs>
INLAY_INLINE void gemv_column_vectors(MatrixView matrix, const float* INLAY_RESTRICT x,
                                      std::size_t last_lanes, std::int64_t k,
                                      float* INLAY_RESTRICT out) {
  constexpr int size = static_cast<int>(lanes<float, A>);
  Vec<float, A> sums[Vecs];
  unroll<Vecs>([&](auto v) { sums[v] = Vec<float, A>(0.0f); });
  for (std::int64_t p = 0; p < k; ++p) {
    const float* row = matrix.at(p, 0);
    const Vec<float, A> xs(x[p]);
    unroll<Vecs>([&](auto v) {
      const Vec<float, A> column = v + 1 < Vecs || last_lanes == lanes<float, A>
                                       ? load<float, A>(row + v * size)
                                       : load_first<float, A>(row + v * size, last_lanes);
      sums[v] = fma<A>(column, xs, sums[v]);
    });
  }
  unroll<Vecs>([&](auto v) { store<float, A>(out + v * size, sums[v]); });
}

}  // namespace detail

/// out[j] = sum over p < k of x[p] * matrix(p, j) for `count` columns that lie side by side.
/// Writes whole vectors to `out`.
template <class A>
INLAY_FLATTEN void gemv_columns(MatrixView matrix, const float* x, std::int64_t count,
                                std::int64_t k, float* out) {
  constexpr std::int64_t size = lanes<float, A>;
  std::int64_t j = 0;
  for (; j + 8 * size <= count; j += 8 * size) {
    const MatrixView part = {matrix.at(0, j), matrix.row_stride, 1};
    detail::gemv_column_vectors<A, 8>(part, x, size, k, out + j);
  }
  for (; j < count; j += size) {
    const MatrixView part = {matrix.at(0, j), matrix.row_stride, 1};
    const auto n = static_cast<std::size_t>(count - j < size ? count - j : size);
    detail::gemv_column_vectors<A, 1>(part, x, n, k, out + j);
  }
}

/// Whether gemv computes this problem: one row or one column, and a vector that lies in one piece.
INLAY_INLINE bool is_gemv(const GemmProblem& problem) {
  if (problem.packed_a != nullptr || problem.packed_b != nullptr || problem.b_is_half()) {
    return false;
  }
  const auto has_unit_stride = [](const MatrixView& v) {
    return v.row_stride == 1 || v.col_stride == 1;
  };
  return (problem.m == 1 && problem.a.col_stride == 1 && has_unit_stride(problem.b)) ||
         (problem.n == 1 && problem.b.row_stride == 1 && has_unit_stride(problem.a));
}

/// Computes a tile of a problem for which is_gemv holds.
template <class A>
void gemv(const GemmProblem& problem, const GemmTile& tile) {
  constexpr std::int64_t chunk = 128;
  alignas(64) float acc[chunk + lanes<float, A>];
  const bool one_row = problem.m == 1 && problem.a.col_stride == 1;
  const std::int64_t count = one_row ? tile.cols : tile.rows;
  const GemmOutput out{problem.c, problem.ldc, &problem.epilogue, true, true};
  // The outputs run along the rows of this view, k along its columns.
  const MatrixView matrix = one_row ? problem.b.transposed() : problem.a;
  const float* x = one_row ? problem.a.data : problem.b.data;
  for (std::int64_t i = 0; i < count; i += chunk) {
    const std::int64_t n = count - i < chunk ? count - i : chunk;
    const MatrixView part = {matrix.at((one_row ? tile.col : tile.row) + i, 0), matrix.row_stride,
                             matrix.col_stride};
    if (part.col_stride == 1) {
      gemv_rows<A>(part, x, n, problem.k, acc);
    } else {
      gemv_columns<A>(part.transposed(), x, n, problem.k, acc);
    }
    if (one_row) {
      gemm_finish<A>(acc, 0, out, {0, tile.col + i, 1, n});
    } else {
      gemm_finish<A>(acc, 1, out, {tile.row + i, 0, n, 1});
    }
  }
}

}  // namespace inlay::inline v0::kernels
