// What a GEMM computes and how it is cut into tasks: plain data, no vector code.
#pragma once

#include <cstddef>
#include <cstdint>

#include <inlay/dtype.hpp>
#include <inlay/kernels/activation_kind.hpp>
#include <inlay/kernels/matrix.hpp>

namespace inlay::inline v0::kernels {

/// What happens to the product P before it is stored:
///   C = activation(alpha * P + beta * (row_bias[i] + col_bias[j] + residual[i, j])).
/// Null pointers mean an absent term. `residual` may be C itself, or else must not overlap it.
struct GemmEpilogue {
  float alpha = 1.0f;
  float beta = 1.0f;
  const float* row_bias = nullptr;
  const float* col_bias = nullptr;
  const float* residual = nullptr;
  std::int64_t residual_stride = 0;  ///< between rows; 0 repeats one row
  Activation activation;
};

/// C [m, n] = epilogue(A [m, k] * B [k, n]), f32, C row-major with row stride `ldc`.
/// Each operand is a view, or packed by the pack function of the same kernel table (then its view
/// is not read); a packed B may consist of finite numbers of 16 bits. Any size may be 0; with k ==
/// 0 the product is zero.
struct GemmProblem {
  std::int64_t m = 0, n = 0, k = 0;
  MatrixView a, b;
  const float* packed_a = nullptr;
  const float* packed_b = nullptr;
  const bfloat16* packed_b_bf16 = nullptr;
  const float16* packed_b_f16 = nullptr;
  float* c = nullptr;
  std::int64_t ldc = 0;
  GemmEpilogue epilogue;

  INLAY_INLINE constexpr bool b_is_half() const {
    return packed_b_bf16 != nullptr || packed_b_f16 != nullptr;
  }
};

/// Multiplications that repay a task of their own, and those after which a task should end, so that
/// a run can be cancelled.
inline constexpr std::int64_t min_task_products = std::int64_t{1} << 20;
inline constexpr std::int64_t max_task_products = std::int64_t{1} << 28;
/// Tasks where the number of threads is not known.
inline constexpr std::int64_t usual_tasks = 16;

/// A GEMM cut into tiles of C, one task each. Every element of C is computed by one task, adding
/// its products in the same order whoever runs it and however large the tiles are.
struct GemmGrid {
  std::int64_t tile_m = 0, tile_n = 0;    ///< tile of C per task; the last ones are smaller
  std::int64_t tiles_m = 0, tiles_n = 0;  ///< tasks: tiles_m * tiles_n
  std::size_t scratch_floats = 0;         ///< scratch that each running task needs

  INLAY_INLINE constexpr std::int64_t task_count() const { return tiles_m * tiles_n; }
};

/// The tile of C that a task computes.
struct GemmTile {
  std::int64_t row, col, rows, cols;
};

INLAY_INLINE constexpr GemmTile tile_of(const GemmGrid& grid, std::int64_t m, std::int64_t n,
                                        std::int64_t task) {
  const std::int64_t row = task % grid.tiles_m * grid.tile_m;
  const std::int64_t col = task / grid.tiles_m * grid.tile_n;
  return {row, col, grid.tile_m < m - row ? grid.tile_m : m - row,
          grid.tile_n < n - col ? grid.tile_n : n - col};
}

}  // namespace inlay::inline v0::kernels
