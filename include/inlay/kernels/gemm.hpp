// f32 matrix multiplication in blocks, as tasks that a caller runs in any order on any threads.
#pragma once

#include <inlay/kernels/gemm_micro.hpp>
#include <inlay/kernels/gemm_pack.hpp>
#include <inlay/kernels/gemm_problem.hpp>
#include <inlay/kernels/gemv.hpp>

namespace inlay::inline v0::kernels {

/// Floats that pack_a / pack_b write.
template <class A>
std::int64_t packed_a_size(std::int64_t m, std::int64_t k) {
  return round_up(m, GemmBlocking<A>::mr) * k;
}
template <class A>
std::int64_t packed_b_size(std::int64_t k, std::int64_t n) {
  return round_up(n, GemmBlocking<A>::nr) * k;
}

/// Packs A [m, k] or B [k, n] as GemmProblem::packed_a / packed_b expect it. Packing can be split:
/// rows of A (columns of B) from a multiple of the panel width on go to `packed` + that row * k.
template <class A>
void pack_a(MatrixView a, std::int64_t m, std::int64_t k, float* packed) {
  pack_panels<A, GemmBlocking<A>::mr>(a, m, k, packed);
}
template <class A>
void pack_b(MatrixView b, std::int64_t k, std::int64_t n, float* packed) {
  pack_panels<A, GemmBlocking<A>::nr>(b.transposed(), n, k, packed);
}

/// Scratch floats for one block of k of A (of B) of that many rows (columns).
template <class A>
INLAY_INLINE std::int64_t gemm_a_scratch(std::int64_t rows, std::int64_t k) {
  using Blocking = GemmBlocking<A>;
  return round_up(rows < Blocking::mc ? rows : Blocking::mc, Blocking::mr) *
         (k < Blocking::kc ? k : Blocking::kc);
}
template <class A>
INLAY_INLINE std::int64_t gemm_b_scratch(std::int64_t cols, std::int64_t k) {
  using Blocking = GemmBlocking<A>;
  return round_up(cols, Blocking::nr) * (k < Blocking::kc ? k : Blocking::kc);
}

/// Cuts a GEMM into tasks: `wanted_tasks`, if each is worth its start, or more that end in good
/// time. The results do not depend on how many there are.
template <class A>
INLAY_COLD GemmGrid gemm_grid(std::int64_t m, std::int64_t n, std::int64_t k, bool a_is_packed,
                              bool b_is_packed, std::int64_t wanted_tasks) {
  using Blocking = GemmBlocking<A>;
  constexpr std::int64_t repaying = 192;     // rows or columns that repay packing the other operand
  constexpr std::int64_t packing_costs = 4;  // as much as reading the packed operand that often
  GemmGrid grid;
  if (m == 0 || n == 0) return grid;
  const std::int64_t max_m = 8 * Blocking::mc;
  const std::int64_t max_n = b_is_packed ? 16 * Blocking::nc : Blocking::nc;
  grid.tile_m = round_up(m < max_m ? m : max_m, Blocking::mr);
  grid.tile_n = round_up(n < max_n ? n : max_n, Blocking::nr);
  for (;;) {
    grid.tiles_m = ceil_div(m, grid.tile_m);
    grid.tiles_n = ceil_div(n, grid.tile_n);
    const std::int64_t products = grid.tile_m * grid.tile_n * (k > 0 ? k : 1);
    const bool few = grid.task_count() < wanted_tasks && products >= 2 * min_task_products;
    if (!few && products <= max_task_products) break;
    // Splitting columns reads or packs the rows of A once more, splitting rows those of B.
    const bool can_split_n = grid.tile_n > (a_is_packed ? Blocking::nr : repaying);
    const bool can_split_m = grid.tile_m > (b_is_packed ? Blocking::mr : repaying);
    const bool prefer_n = grid.tile_m * (a_is_packed ? 1 : packing_costs) <=
                          grid.tile_n * (b_is_packed ? 1 : packing_costs);
    if (can_split_n && (prefer_n || !can_split_m)) {
      grid.tile_n = round_up(ceil_div(grid.tile_n, 2), Blocking::nr);
    } else if (can_split_m) {
      grid.tile_m = round_up(ceil_div(grid.tile_m, 2), Blocking::mr);
    } else {
      break;
    }
  }
  grid.scratch_floats =
      static_cast<std::size_t>((a_is_packed ? 0 : gemm_a_scratch<A>(grid.tile_m, k)) +
                               (b_is_packed ? 0 : gemm_b_scratch<A>(grid.tile_n, k)));
  return grid;
}

/// Columns of B over one block of k: panel j of nr columns starts at panels + j * panel_stride, its
/// row p is rows[p] further. A last panel that is not full is at `tail`, packed.
struct GemmBlockB {
  const float* panels;
  std::int64_t panel_stride;
  const std::int64_t* rows;
  const float* tail;
  bool goes_on = false;  ///< the products after these follow in each panel
};

/// The rows of a packed panel.
template <class A>
struct PackedRows {
  std::int64_t offsets[GemmBlocking<A>::kc];

  constexpr PackedRows() : offsets() {
    for (std::int64_t p = 0; p < GemmBlocking<A>::kc; ++p) offsets[p] = p * GemmBlocking<A>::nr;
  }
};
template <class A>
inline constexpr PackedRows<A> packed_rows;

/// gemm_block for one row of A, whose products are a_step apart, and packed panels of B.
template <class A>
INLAY_NOINLINE void gemm_row_block(std::int64_t k, const float* a, std::int64_t a_step,
                                   const GemmBlockB& b, const GemmOutput& out,
                                   const GemmTile& tile) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr, together = 4;
  alignas(64) float acc[together * nr];
  std::int64_t j = 0;
  for (; j + together * nr <= tile.cols; j += together * nr) {
    gemm_micro_row<A, together>(k, a, a_step, b.panels + j / nr * b.panel_stride, b.panel_stride,
                                acc);
    gemm_finish<A>(acc, 0, out, {tile.row, tile.col + j, 1, together * nr});
  }
  for (; j < tile.cols; j += nr) {
    const std::int64_t left = tile.cols - j, cols = left < nr ? left : nr;
    gemm_micro_row<A, 1>(k, a, a_step, cols < nr ? b.tail : b.panels + j / nr * b.panel_stride, 0,
                         acc);
    gemm_finish<A>(acc, 0, out, {tile.row, tile.col + j, 1, cols});
  }
}

/// C += A * B over one block of k. `a` points at the block in its first panel, the next panel is
/// a_stride further.
template <class A>
INLAY_NOINLINE void gemm_block(std::int64_t k, const float* a, std::int64_t a_stride,
                               const GemmBlockB& b, const GemmOutput& out, GemmTile tile) {
  using Blocking = GemmBlocking<A>;
  alignas(64) float acc[Blocking::mr * Blocking::nr];
  const bool b_is_packed = b.rows == packed_rows<A>.offsets;
  if (b_is_packed && tile.rows % Blocking::mr == 1) {
    --tile.rows;
    gemm_row_block<A>(k, a + tile.rows / Blocking::mr * a_stride, Blocking::mr, b, out,
                      {tile.row + tile.rows, tile.col, 1, tile.cols});
    if (tile.rows == 0) return;
  }
  const bool is_plain = out.epilogue->alpha == 1.0f && out.epilogue->beta == 1.0f;
  for (std::int64_t begin = 0; begin < tile.cols; begin += Blocking::nc) {
    const std::int64_t end = tile.cols - begin < Blocking::nc ? tile.cols : begin + Blocking::nc;
    // Of B, the L2 cache needs the block of columns beside this, else the first one further down.
    constexpr std::int64_t panels = Blocking::nc / Blocking::nr;
    const bool is_last = end == tile.cols;
    const std::int64_t far = is_last ? k * Blocking::nr - begin / Blocking::nr * b.panel_stride
                                     : panels * b.panel_stride;
    const bool fetches = b_is_packed && (is_last ? b.goes_on : end + Blocking::nc <= tile.cols);
    const std::int64_t far_step =
        fetches ? ceil_div(Blocking::nr, ceil_div(tile.rows, Blocking::mr)) : 0;
    for (std::int64_t i = 0; i < tile.rows; i += Blocking::mr) {
      const std::int64_t rows = tile.rows - i < Blocking::mr ? tile.rows - i : Blocking::mr;
      const float* panel_of_a = a + i / Blocking::mr * a_stride;
      for (std::int64_t j = begin; j < end; j += Blocking::nr) {
        const bool full = tile.cols - j >= Blocking::nr;
        const float* columns = full ? b.panels + j / Blocking::nr * b.panel_stride : b.tail;
        const std::int64_t cols = full ? Blocking::nr : tile.cols - j;
        const GemmTile part{tile.row + i, tile.col + j, rows, cols};
        if (full && b_is_packed && rows == Blocking::mr && is_plain) {
          constexpr std::int64_t near_step = ceil_div(std::int64_t{Blocking::mr}, panels);
          const float* next_a = i + Blocking::mr < tile.rows ? panel_of_a + a_stride : a;
          const GemmAhead ahead{next_a + (j - begin) / Blocking::nr * k * near_step,
                                columns + (fetches ? far + i / Blocking::mr * k * far_step : 0),
                                near_step, far_step};
          gemm_micro_packed<A>(k, panel_of_a, columns, ahead, out, part);
          continue;
        }
        float* c = out.c + part.row * out.ldc + part.col;
        for (std::int64_t r = 0; r < rows; ++r) prefetch_row(c + r * out.ldc, cols);
        const std::int64_t* b_rows = full ? b.rows : packed_rows<A>.offsets;
        const std::int64_t vecs = ceil_div(cols, lanes<float, A>);
        gemm_micro_table<A>.entries[rows - 1][vecs - 1](k, panel_of_a, columns, b_rows, acc);
        gemm_finish<A>(acc, Blocking::nr, out, part);
      }
    }
  }
}

/// Computes one tile of C. `b_block(p, kc)` gives rows p..p+kc of the tile's columns of B, which
/// may lie in scratch until the next call. `scratch` is for A, where A is not packed.
template <class A, class B>
void gemm_tile(const GemmProblem& problem, const GemmTile& tile, float* scratch, const B& b_block) {
  using Blocking = GemmBlocking<A>;
  const std::int64_t k = problem.k;
  std::int64_t p = 0;
  do {  // once even for k == 0: the epilogue must run
    const std::int64_t kc = k - p < Blocking::kc ? k - p : Blocking::kc;
    const GemmOutput out{problem.c, problem.ldc, &problem.epilogue, p == 0, p + kc >= k};
    const GemmBlockB b = b_block(p, kc);
    if (problem.packed_a != nullptr) {
      const float* a = problem.packed_a + tile.row * k + p * Blocking::mr;
      gemm_block<A>(kc, a, k * Blocking::mr, b, out, tile);
    } else if (tile.rows == 1 && b.rows == packed_rows<A>.offsets) {
      gemm_row_block<A>(kc, problem.a.at(tile.row, p), problem.a.col_stride, b, out, tile);
    } else {
      for (std::int64_t i = 0; i < tile.rows; i += Blocking::mc) {
        const std::int64_t rows = tile.rows - i < Blocking::mc ? tile.rows - i : Blocking::mc;
        const GemmTile part{tile.row + i, tile.col, rows, tile.cols};
        pack_a<A>({problem.a.at(part.row, p), problem.a.row_stride, problem.a.col_stride}, rows, kc,
                  scratch);
        gemm_block<A>(kc, scratch, kc * Blocking::mr, b, out, part);
      }
    }
    p += kc;
  } while (p < k);
}

/// Packed panels of kc rows, as pack_b leaves them in scratch.
template <class A>
INLAY_INLINE GemmBlockB packed_block(const float* packed, std::int64_t kc, std::int64_t cols) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  return {packed, kc * nr, packed_rows<A>.offsets, packed + cols / nr * nr * kc};
}

/// Runs one task of `grid`, made by gemm_grid for the same problem. `scratch` holds
/// grid.scratch_floats and belongs to this call alone; aligned to 64 bytes it is fastest.
template <class A>
void gemm_task(const GemmProblem& problem, const GemmGrid& grid, std::int64_t task,
               float* scratch) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  const GemmTile tile = tile_of(grid, problem.m, problem.n, task);
  if (is_gemv(problem)) return gemv<A>(problem, tile);
  if (problem.packed_b != nullptr) {
    return gemm_tile<A>(problem, tile, scratch, [&](std::int64_t p, std::int64_t kc) -> GemmBlockB {
      const float* panels = problem.packed_b + tile.col * problem.k + p * nr;
      return {panels, problem.k * nr, packed_rows<A>.offsets,
              panels + tile.cols / nr * nr * problem.k, p + kc < problem.k};
    });
  }
  float* packed = scratch;
  float* a_scratch = scratch + gemm_b_scratch<A>(tile.cols, problem.k);
  const MatrixView& b = problem.b;
  if (b.col_stride == 1 && tile.rows <= 3 * GemmBlocking<A>::mr) {
    // Too few rows to repay packing: full panels are read where they are.
    std::int64_t rows[GemmBlocking<A>::kc];
    for (std::int64_t p = 0; p < GemmBlocking<A>::kc; ++p) rows[p] = p * b.row_stride;
    return gemm_tile<A>(problem, tile, a_scratch,
                        [&](std::int64_t p, std::int64_t kc) -> GemmBlockB {
                          const std::int64_t full = tile.cols / nr * nr;
                          const MatrixView rest = {b.at(p, tile.col + full), b.row_stride, 1};
                          pack_b<A>(rest, kc, tile.cols - full, packed);
                          return {b.at(p, tile.col), nr, rows, packed};
                        });
  }
  gemm_tile<A>(problem, tile, a_scratch, [&](std::int64_t p, std::int64_t kc) {
    const MatrixView block = {b.at(p, tile.col), b.row_stride, b.col_stride};
    pack_b<A>(block, kc, tile.cols, packed);
    return packed_block<A>(packed, kc, tile.cols);
  });
}

}  // namespace inlay::inline v0::kernels
