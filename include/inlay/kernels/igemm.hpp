// GEMM on 8-bit codes in blocks, as tasks that a caller runs in any order on any threads.
#pragma once

#include <inlay/kernels/gemm.hpp>
#include <inlay/kernels/igemm_pack.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// Rows of A that are copied at a time: as much as leaves room for B in the L2 cache.
template <class A>
INLAY_INLINE constexpr std::int64_t igemm_rows(std::int64_t rows, std::int64_t steps) {
  constexpr std::int64_t mr = GemmBlocking<A>::mr, words = 1 << 16;
  const std::int64_t most = words / (steps > 0 ? steps : 1) / mr * mr;
  const std::int64_t limit = most < mr                    ? mr
                             : most < GemmBlocking<A>::mc ? most
                                                          : GemmBlocking<A>::mc;
  return limit < rows ? limit : round_up(rows, mr);
}

/// Columns of B that the L2 cache holds meanwhile.
template <class A>
INLAY_INLINE constexpr std::int64_t igemm_columns(std::int64_t steps) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr, bytes = 1 << 19;
  const std::int64_t panels = bytes / (panel_bytes<A> * (steps > 0 ? steps : 1));
  return (panels < 1 ? 1 : panels) * nr;
}

/// What a task needs besides A and B, in scratch.
struct IgemmScratch {
  std::uint8_t* rows;                          ///< copies, if they are not in place
  std::int32_t *terms, *col_sums, *col_zeros;  ///< of the task's columns
  float* scales;
  std::int32_t *row_sums, *row_zeros, *row_factors;  ///< of the rows that are at work
};

/// Words of scratch for `rows` copied rows and `cols` columns of the task.
INLAY_INLINE constexpr std::int64_t igemm_scratch_words(std::int64_t rows, std::int64_t cols,
                                                        std::int64_t steps) {
  return 4 * cols + 3 * rows + rows * dot_row_bytes(steps) / std::int64_t{sizeof(DotWord)};
}

INLAY_INLINE IgemmScratch cut_scratch(DotWord* scratch, std::int64_t rows, std::int64_t cols) {
  const auto take = [&](std::int64_t words) {
    DotWord* const at = scratch;
    scratch += words;
    return at;
  };
  const auto integers = [&](std::int64_t n) { return reinterpret_cast<std::int32_t*>(take(n)); };
  IgemmScratch cut;
  cut.terms = integers(cols), cut.col_sums = integers(cols), cut.col_zeros = integers(cols);
  cut.scales = reinterpret_cast<float*>(take(cols));
  cut.row_sums = integers(rows), cut.row_zeros = integers(rows), cut.row_factors = integers(rows);
  cut.rows = reinterpret_cast<std::uint8_t*>(scratch);
  return cut;
}

/// What the zero points of A and B add to sums of products of codes:
///   sum (a - az)(b - bz) = sum ab - az sum b - (sum a - k az) bz, modulo 2^32.
template <class A>
struct IgemmZeros {
  const IntegerGemmProblem& problem;

  INLAY_INLINE std::uint32_t a(std::int64_t row) const {
    const int flipped = problem.a.is_signed ? 128 : 0;
    return static_cast<std::uint32_t>(problem.a_zeros.get(row, 0) + flipped);
  }
  INLAY_INLINE std::uint32_t b(std::int64_t col) const {
    const int flipped = problem.b_is_signed ? 0 : 128;
    return static_cast<std::uint32_t>(problem.b_zeros.get(col, 0) - flipped);
  }
  INLAY_INLINE bool vary_by_row() const { return problem.a_zeros.step != 0; }
  INLAY_INLINE bool has_b() const {
    return problem.b_zeros.data != nullptr || !problem.b_is_signed;
  }

  /// Fills the arrays of columns.
  INLAY_COLD void columns(const GemmTile& tile, std::int64_t padded, const IgemmScratch& to) const {
    const std::uint32_t of_all = vary_by_row() || has_b() ? 0 : a(0);
    for (std::int64_t j = 0; j < padded; ++j) {
      const std::int64_t col = tile.col + j;
      const bool is_there = j < tile.cols;
      const auto sum = static_cast<std::uint32_t>(is_there ? problem.b_sums[col] : 0);
      const auto bias =
          static_cast<std::uint32_t>(is_there && problem.bias != nullptr ? problem.bias[col] : 0);
      to.terms[j] = static_cast<std::int32_t>(bias - of_all * sum);
      to.col_sums[j] = static_cast<std::int32_t>(sum);
      to.col_zeros[j] = static_cast<std::int32_t>(is_there && has_b() ? b(col) : 0);
      to.scales[j] = is_there ? problem.col_scales.get(col, 1.0f) : 0.0f;
    }
  }
  /// Fills row_zeros and row_factors of rows from `first` on, whose sums are there.
  INLAY_COLD void rows(std::int64_t first, std::int64_t count, const IgemmScratch& to) const {
    for (std::int64_t r = 0; r < count; ++r) {
      const std::uint32_t zero = a(first + r);
      to.row_zeros[r] = static_cast<std::int32_t>(zero);
      to.row_factors[r] =
          static_cast<std::int32_t>(static_cast<std::uint32_t>(has_b() ? to.row_sums[r] : 0) -
                                    static_cast<std::uint32_t>(problem.k) * zero);
    }
  }
};

}  // namespace detail

/// Cuts a GEMM on codes into tasks, as gemm_grid does.
template <class A>
INLAY_COLD GemmGrid igemm_grid(std::int64_t m, std::int64_t n, std::int64_t k,
                               std::int64_t wanted_tasks) {
  const std::int64_t steps = dot_steps<A>(k);
  GemmGrid grid = gemm_grid<A>(m, n, steps, false, true, wanted_tasks);
  grid.scratch_floats = static_cast<std::size_t>(
      detail::igemm_scratch_words(detail::igemm_rows<A>(grid.tile_m, steps), grid.tile_n, steps));
  return grid;
}

/// Runs one task of `grid`, made by igemm_grid for the same problem, on rows that `source` gives.
/// `scratch` holds as many words as grid.scratch_floats and belongs to this call alone.
template <class A, class Source>
void igemm_rows_task(const IntegerGemmProblem& problem, const Source& source, const GemmGrid& grid,
                     std::int64_t task, DotWord* scratch) {
  constexpr std::int64_t mr = GemmBlocking<A>::mr, nr = GemmBlocking<A>::nr;
  const GemmTile tile = tile_of(grid, problem.m, problem.n, task);
  const std::int64_t steps = dot_steps<A>(problem.k);
  const std::int64_t most_rows = detail::igemm_rows<A>(grid.tile_m, steps);
  const std::int64_t most_cols = detail::igemm_columns<A>(steps);
  const detail::IgemmScratch cut = detail::cut_scratch(scratch, most_rows, grid.tile_n);
  const detail::IgemmZeros<A> zeros{problem};
  zeros.columns(tile, round_up(tile.cols, nr), cut);
  const bool has_b_zeros = zeros.has_b(), needs_rows = has_b_zeros || zeros.vary_by_row();
  const std::int8_t* const b = problem.packed_b + tile.col / nr * steps * panel_bytes<A>;
  for (std::int64_t i = 0; i < tile.rows; i += most_rows) {
    const std::int64_t rows = tile.rows - i < most_rows ? tile.rows - i : most_rows;
    const DotRows a = source.get(tile.row + i, rows, cut.rows);
    if (has_b_zeros) sum_dot_rows<A>(a, rows, steps, cut.row_sums);
    if (needs_rows) zeros.rows(tile.row + i, rows, cut);
    const IgemmOutput out{.problem = &problem,
                          .first_row = tile.row + i,
                          .first_col = tile.col,
                          .terms = cut.terms,
                          .scales = cut.scales,
                          .row_zeros = needs_rows ? cut.row_zeros : nullptr,
                          .row_factors = has_b_zeros ? cut.row_factors : nullptr,
                          .col_sums = cut.col_sums,
                          .col_zeros = cut.col_zeros};
    for (std::int64_t begin = 0; begin < tile.cols; begin += most_cols) {
      const std::int64_t end = tile.cols - begin < most_cols ? tile.cols : begin + most_cols;
      for (std::int64_t r = 0; r < rows; r += mr) {
        const std::int64_t tile_rows = rows - r < mr ? rows - r : mr;
        for (std::int64_t j = begin; j < end; j += nr) {
          const std::int64_t cols = end - j < nr ? end - j : nr;
          const std::int64_t vecs = ceil_div(cols, std::int64_t{lanes<float, A>});
          igemm_micro_table<A>.entries[tile_rows - 1][vecs - 1](
              steps, {a.data + r * a.stride, a.stride}, b + j / nr * steps * panel_bytes<A>, out,
              {r, j, tile_rows, cols});
        }
      }
    }
  }
}

/// igemm_rows_task on the rows of problem.a.
template <class A>
void igemm_task(const IntegerGemmProblem& problem, const GemmGrid& grid, std::int64_t task,
                DotWord* scratch) {
  igemm_rows_task<A>(problem, MatrixRows<A>{problem.a, problem.k}, grid, task, scratch);
}

}  // namespace inlay::inline v0::kernels
