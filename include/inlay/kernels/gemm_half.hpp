// Products with a packed B whose floats have 16 bits: half as much to read from memory.
#pragma once

#include <inlay/kernels/gemm_block.hpp>
#include <inlay/kernels/half.hpp>

namespace inlay::inline v0::kernels {

/// Rows of A that are multiplied one by one, each widening B as it goes: more repay widening it to
/// scratch.
inline constexpr std::int64_t half_few_rows = 3;

namespace detail {

/// A tile row by row.
template <class A, class Half>
void gemm_half_rows(const GemmProblem& problem, const Half* packed, const GemmTile& tile) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr, most = GemmBlocking<A>::kc;
  const std::int64_t k = problem.k, full = tile.cols / nr * nr;
  std::int64_t p = 0;
  do {  // once even for k == 0: the epilogue must run
    const std::int64_t kc = k - p < most ? k - p : most;
    const GemmOutput out{problem.c, problem.ldc, &problem.epilogue, p == 0, p + kc >= k};
    const Half* const panels = packed + tile.col * k + p * nr;
    for (std::int64_t row = tile.row; row < tile.row + tile.rows; ++row) {
      gemm_row_block<A>(kc, problem.a.at(row, p), problem.a.col_stride, panels, k * nr,
                        panels + full * k, out, {row, tile.col, 1, tile.cols});
    }
    p += kc;
  } while (p < k);
}

}  // namespace detail

/// Computes a tile of a product whose B is packed in bfloat16 or float16. `scratch` is as gemm_grid
/// wants it for a B that is not packed; none is needed for half_few_rows rows at most.
template <class A>
void gemm_half_tile(const GemmProblem& problem, const GemmTile& tile, float* scratch) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  const bfloat16* const bf16 = problem.packed_b_bf16;
  const float16* const f16 = problem.packed_b_f16;
  if (tile.rows <= half_few_rows && problem.packed_a == nullptr) {
    if (bf16 != nullptr) return detail::gemm_half_rows<A>(problem, bf16, tile);
    return detail::gemm_half_rows<A>(problem, f16, tile);
  }
  float* const a_scratch = scratch + gemm_b_scratch<A>(tile.cols, problem.k);
  gemm_tile<A>(problem, tile, a_scratch, [&](std::int64_t p, std::int64_t kc) {
    for (std::int64_t j = 0; j < tile.cols; j += nr) {
      const std::int64_t at = (tile.col + j) * problem.k + p * nr;
      if (bf16 != nullptr) {
        widen<A>(bf16 + at, kc * nr, scratch + j * kc);
      } else {
        widen<A>(f16 + at, kc * nr, scratch + j * kc);
      }
    }
    return packed_block<A>(scratch, kc, tile.cols);
  });
}

}  // namespace inlay::inline v0::kernels
