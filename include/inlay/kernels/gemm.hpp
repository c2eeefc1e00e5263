// f32 matrix multiplication in blocks, as tasks that a caller runs in any order on any threads.
#pragma once

#include <inlay/kernels/gemm_block.hpp>
#include <inlay/kernels/gemm_half.hpp>
#include <inlay/kernels/gemv.hpp>

namespace inlay::inline v0::kernels {

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

/// Runs one task of `grid`, made by gemm_grid for the same problem. `scratch` holds
/// grid.scratch_floats and belongs to this call alone; aligned to 64 bytes it is fastest. HalfB:
/// whether a packed B may be of 16 bits; the grid is then that of a B that is not packed, or, for
/// half_few_rows at most, of one that is.
template <class A, bool HalfB = false>
void gemm_task(const GemmProblem& problem, const GemmGrid& grid, std::int64_t task,
               float* scratch) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  const GemmTile tile = tile_of(grid, problem.m, problem.n, task);
  if (is_gemv(problem)) return gemv<A>(problem, tile);
  if constexpr (HalfB) {
    if (problem.b_is_half()) return gemm_half_tile<A>(problem, tile, scratch);
  }
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
