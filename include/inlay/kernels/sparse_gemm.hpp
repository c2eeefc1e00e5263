// f32 products with a matrix of which only blocks that are not zero are kept. A vector holds rows
// of C, so that a block costs its products and little more; one row alone goes four columns at a
// time.
#pragma once

#include <inlay/kernels/gemm.hpp>
#include <inlay/kernels/sparse_problem.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// sums[j * nr + i] += products of row i of a panel of A with column j of a group, for the blocks
/// [first, last) of one chunk; `a` is the panel, transposed, from the chunk's first row on. With
/// two blocks `Together`, of half of the rows: sums of one block alone would wait for each other.
template <class A, int Together>
INLAY_FLATTEN void sparse_panel(const SparseMatrix& b, std::int64_t first, std::int64_t last,
                                const float* INLAY_RESTRICT a, float* INLAY_RESTRICT sums) {
  constexpr int vecs = GemmBlocking<A>::vecs / Together, size = static_cast<int>(lanes<float, A>);
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  constexpr int columns = sparse_columns;
  Vec<float, A> acc[Together][columns][vecs];
  const auto each = [](auto f) {
    unroll<columns>([&](auto j) { unroll<vecs>([&](auto v) { f(j, v); }); });
  };
  each([&](auto j, auto v) {
    acc[0][j][v] = load<float, A>(sums + j * nr + v * size);
    for (int t = 1; t < Together; ++t) acc[t][j][v] = broadcast<float, A>(0.0f);
  });
  const auto add = [&](auto t, std::int64_t i) {
    const float* const x = a + static_cast<std::int64_t>(b.rows[i]) * nr;
    const float* const weights = b.weights + i * columns;
    Vec<float, A> xs[vecs];
    unroll<vecs>([&](auto v) { xs[v] = load<float, A>(x + v * size); });
    unroll<columns>([&](auto j) {
      const Vec<float, A> w = broadcast<float, A>(weights[j]);
      unroll<vecs>([&](auto v) { acc[t][j][v] = fma<A>(xs[v], w, acc[t][j][v]); });
    });
  };
  std::int64_t i = first;
  for (; i + Together <= last; i += Together) unroll<Together>([&](auto t) { add(t, i + t); });
  if constexpr (Together > 1) {
    if (i < last) add(std::integral_constant<int, 0>{}, i);
  }
  each([&](auto j, auto v) {
    for (int t = 1; t < Together; ++t) acc[0][j][v] += acc[t][j][v];
    store<float, A>(sums + j * nr + v * size, acc[0][j][v]);
  });
}

/// Four times x[rows[0]], four times x[rows[1]], ...
template <class A>
INLAY_INLINE Vec<float, A> spread_four(const float* x, const std::uint16_t* rows) {
#if defined(__AVX512F__)
  if constexpr (is_avx512<A>) {
    __m512 v = _mm512_set1_ps(x[rows[0]]);
    v = _mm512_mask_broadcastss_ps(v, 0x00F0, _mm_load_ss(x + rows[1]));
    v = _mm512_mask_broadcastss_ps(v, 0x0F00, _mm_load_ss(x + rows[2]));
    return _mm512_mask_broadcastss_ps(v, 0xF000, _mm_load_ss(x + rows[3]));
  }
#endif
#if defined(__AVX2__)
  if constexpr (is_avx2<A>) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_broadcast_ss(x + rows[0])),
                                _mm_broadcast_ss(x + rows[1]), 1);
  }
#endif
  if constexpr (lanes<float, A> == 4) return broadcast<float, A>(x[rows[0]]);
}

/// sums[j] += products of a row with column j of a group, for the blocks [first, last) of one
/// chunk; `x` is the row from the chunk's first element on.
template <class A>
INLAY_FLATTEN void sparse_row(const SparseMatrix& b, std::int64_t first, std::int64_t last,
                              const float* x, float* sums) {
  constexpr std::int64_t size = lanes<float, A>, in_vec = size / sparse_columns;
  constexpr int chains = static_cast<int>(8 / in_vec);
  const std::uint16_t* const rows = b.rows;
  const float* const weights = b.weights;
  Vec<float, A> acc[chains];
  unroll<chains>([&](auto c) { acc[c] = broadcast<float, A>(0.0f); });
  const auto add = [&](auto c, std::int64_t i) {
    acc[c] =
        fma<A>(load<float, A>(weights + i * sparse_columns), spread_four<A>(x, rows + i), acc[c]);
  };
  std::int64_t i = first;
  for (; i + chains * in_vec <= last; i += chains * in_vec) {
    unroll<chains>([&](auto c) { add(c, i + c * in_vec); });
  }
  for (; i + in_vec <= last; i += in_vec) add(std::integral_constant<int, 0>{}, i);
  for (int c = 1; c < chains; ++c) acc[0] += acc[c];
  alignas(64) float parts[size];
  store<float, A>(parts, acc[0]);
  for (std::int64_t j = 0; j < sparse_columns; ++j) {
    float sum = parts[j];
    for (std::int64_t p = j + sparse_columns; p < size; p += sparse_columns) sum += parts[p];
    for (std::int64_t t = i; t < last; ++t) sum += weights[t * sparse_columns + j] * x[rows[t]];
    sums[j] += sum;
  }
}

/// f(first block, its end, first row of the chunk, group) for the groups [begin, end) of each
/// chunk.
template <class F>
INLAY_INLINE void for_each_run(const SparseMatrix& b, std::int64_t begin, std::int64_t end,
                               const F& f) {
  for (std::int64_t chunk = 0; chunk < b.chunks(); ++chunk) {
    const std::int32_t* const starts = b.starts + chunk * b.groups();
    for (std::int64_t group = begin; group < end; ++group) {
      f(starts[group], starts[group + 1], chunk * sparse_chunk, group - begin);
    }
  }
}

}  // namespace detail

/// Computes the columns of `groups` groups from `first_group` on, for each row of C alone. The sums
/// do not depend on how the groups are cut.
template <class A>
void sparse_gemv(const SparseProblem& problem, std::int64_t first_group, std::int64_t groups) {
  constexpr std::int64_t most = sparse_tile_columns / sparse_columns;
  alignas(64) float sums[sparse_tile_columns + lanes<float, A>];
  const SparseMatrix& b = problem.b;
  const GemmOutput out{problem.c, problem.ldc, &problem.epilogue, true, true};
  for (std::int64_t group = first_group; group < first_group + groups; group += most) {
    const std::int64_t left = first_group + groups - group, count = left < most ? left : most;
    const std::int64_t col = group * sparse_columns, wide = count * sparse_columns;
    for (std::int64_t row = 0; row < problem.m; ++row) {
      const float* const x = problem.a + row * problem.lda;
      for (std::int64_t j = 0; j < wide; ++j) sums[j] = 0.0f;
      detail::for_each_run(b, group, group + count, [&](auto from, auto to, auto depth, auto at) {
        detail::sparse_row<A>(b, from, to, x + depth, sums + at * sparse_columns);
      });
      gemm_finish<A>(sums, 0, out, {row, col, 1, wide < b.n - col ? wide : b.n - col});
    }
  }
}

/// Runs one task of `grid`, made by sparse_grid for the same problem. `scratch` holds
/// grid.scratch_floats and belongs to this call alone.
template <class A>
void sparse_task(const SparseProblem& problem, const GemmGrid& grid, std::int64_t task,
                 float* scratch) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  alignas(64) float tile_rows[nr * nr];
  const SparseMatrix& b = problem.b;
  const GemmTile tile = tile_of(grid, problem.m, b.n, task);
  const GemmOutput out{problem.c, problem.ldc, &problem.epilogue, true, true};
  const std::int64_t first = tile.col / sparse_columns,
                     groups = ceil_div(tile.cols, sparse_columns);
  for (std::int64_t row = 0; row < tile.rows; row += nr) {
    const float* const a = problem.packed_a + (tile.row + row) * b.k;
    const std::int64_t rows = tile.rows - row < nr ? tile.rows - row : nr;
    for (std::int64_t i = 0; i < groups * sparse_columns * nr; ++i) scratch[i] = 0.0f;
    const auto panel = rows <= nr / 2 ? &detail::sparse_panel<A, 2> : &detail::sparse_panel<A, 1>;
    detail::for_each_run(b, first, first + groups, [&](auto from, auto to, auto depth, auto at) {
      panel(b, from, to, a + depth * nr, scratch + at * sparse_columns * nr);
    });
    for (std::int64_t j = 0; j < tile.cols; j += nr) {
      const std::int64_t cols = tile.cols - j < nr ? tile.cols - j : nr;
      pack_b<A>({scratch + j * nr, 1, nr}, rows, cols, tile_rows);
      gemm_finish<A>(tile_rows, nr, out, {tile.row + row, tile.col + j, rows, cols});
    }
  }
}

}  // namespace inlay::inline v0::kernels
