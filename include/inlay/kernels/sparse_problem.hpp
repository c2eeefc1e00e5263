// Matrices many of whose elements are zero, as blocks of four neighbouring columns: plain data and
// packing, no vector code.
#pragma once

#include <algorithm>

#include <inlay/kernels/gemm_problem.hpp>

namespace inlay::inline v0::kernels {

/// Columns of a block, which lie in one row and start at a multiple of this.
inline constexpr std::int64_t sparse_columns = 4;
/// Rows of B whose blocks follow each other: the rows of A^T that they meet stay in the L2 cache.
inline constexpr std::int64_t sparse_chunk = 512;
/// Rows of C up to which each is computed alone.
inline constexpr std::int64_t sparse_few_rows = 2;
/// Most columns of a task.
inline constexpr std::int64_t sparse_tile_columns = 256;

/// The blocks of B [k, n] that are not zero: chunk after chunk of its rows, in a chunk group after
/// group of its columns, in a group row after row.
struct SparseMatrix {
  std::int64_t k = 0, n = 0;
  std::int64_t blocks = 0;               ///< that are not zero
  const std::int32_t* starts = nullptr;  ///< first block of each chunk's groups, and the end
  const std::uint16_t* rows = nullptr;   ///< of each block, from its chunk's first row on
  const float* weights = nullptr;        ///< of each block; past column n they are zero

  INLAY_INLINE constexpr std::int64_t groups() const { return ceil_div(n, sparse_columns); }
  INLAY_INLINE constexpr std::int64_t chunks() const { return ceil_div(k, sparse_chunk); }
  INLAY_INLINE constexpr std::int64_t start_count() const { return chunks() * groups() + 1; }
};

namespace detail {

/// Reads the block at (row, column) of B, whose columns end at n, and says whether it is not zero.
inline bool read_block(MatrixView b, std::int64_t n, std::int64_t row, std::int64_t column,
                       float (&block)[sparse_columns]) {
  bool is_zero = true;
  for (std::int64_t j = 0; j < sparse_columns; ++j) {
    block[j] = column + j < n ? *b.at(row, column + j) : 0.0f;
    is_zero = is_zero && block[j] == 0.0f;
  }
  return !is_zero;
}

/// f(row of the chunk, weights[4]) for each block that is not zero, in the order of SparseMatrix;
/// g() before each group of a chunk, until it says false.
template <class F, class G>
void for_each_block(MatrixView b, std::int64_t k, std::int64_t n, const F& f, const G& g) {
  float block[sparse_columns];
  for (std::int64_t first = 0; first < k; first += sparse_chunk) {
    for (std::int64_t column = 0; column < n; column += sparse_columns) {
      if (!g()) return;
      for (std::int64_t row = first; row < k && row < first + sparse_chunk; ++row) {
        if (read_block(b, n, row, column, block)) f(row - first, block);
      }
    }
  }
}

}  // namespace detail

/// Whether, of blocks from all over B [k, n], clearly more than a share `most` are not zero: then
/// the others need not be counted.
INLAY_COLD inline bool looks_dense(MatrixView b, std::int64_t k, std::int64_t n, double most) {
  constexpr std::int64_t samples = 4096;
  constexpr double margin = 0.1;
  const std::int64_t groups = ceil_div(n, sparse_columns), step = k * groups / samples | 1;
  float block[sparse_columns];
  std::int64_t seen = 0, blocks = 0;
  for (std::int64_t i = 0; i < k * groups; i += step, ++seen) {
    blocks += detail::read_block(b, n, i / groups, i % groups * sparse_columns, block);
  }
  return static_cast<double>(blocks) > (most + margin) * static_cast<double>(seen);
}

/// Blocks of B [k, n] that are not zero; past `most` not all are counted.
INLAY_COLD inline std::int64_t count_blocks(MatrixView b, std::int64_t k, std::int64_t n,
                                            std::int64_t most) {
  std::int64_t count = 0;
  detail::for_each_block(
      b, k, n, [&](std::int64_t, const float*) { ++count; }, [&] { return count <= most; });
  return count;
}

/// Where pack_sparse writes; null: what it does not.
struct SparseArrays {
  std::int32_t* starts = nullptr;
  std::uint16_t* rows = nullptr;
  float* weights = nullptr;
};

/// Writes what SparseMatrix points at: start_count() starts; as many rows, and four times as many
/// weights, as there are blocks.
INLAY_COLD inline void pack_sparse(MatrixView b, std::int64_t k, std::int64_t n, SparseArrays to) {
  std::int32_t count = 0;
  const auto put_start = [&] {
    if (to.starts != nullptr) *to.starts++ = count;
    return true;
  };
  detail::for_each_block(
      b, k, n,
      [&](std::int64_t row, const float* block) {
        ++count;
        if (to.rows != nullptr) *to.rows++ = static_cast<std::uint16_t>(row);
        for (std::int64_t j = 0; to.weights != nullptr && j < sparse_columns; ++j) {
          *to.weights++ = block[j];
        }
      },
      put_start);
  put_start();
}

/// Whether all places that the matrix names exist.
INLAY_COLD inline bool is_valid(const SparseMatrix& b) {
  if (b.starts[0] != 0 || b.starts[b.start_count() - 1] != b.blocks) return false;
  for (std::int64_t i = 0; i + 1 < b.start_count(); ++i) {
    if (b.starts[i] > b.starts[i + 1]) return false;
  }
  for (std::int64_t chunk = 0; chunk < b.chunks(); ++chunk) {
    const std::int64_t depth = std::min(sparse_chunk, b.k - chunk * sparse_chunk);
    const std::int32_t* const starts = b.starts + chunk * b.groups();
    for (std::int32_t i = starts[0]; i < starts[b.groups()]; ++i) {
      if (b.rows[i] >= depth) return false;
    }
  }
  return true;
}

/// C [m, n] = epilogue(A [m, k] * B). Elements of A that meet zeros alone are not looked at, even
/// if they are not finite.
struct SparseProblem {
  SparseMatrix b;
  std::int64_t m = 0;
  const float* a = nullptr;  ///< rows of A, lda apart: for sparse_gemv
  std::int64_t lda = 0;
  const float* packed_a = nullptr;  ///< A transposed, by pack_b: for sparse_task
  float* c = nullptr;
  std::int64_t ldc = 0;
  GemmEpilogue epilogue;
};

/// The epilogue of C's rows from `first` on.
inline GemmEpilogue rows_from(GemmEpilogue epilogue, std::int64_t first) {
  if (epilogue.row_bias != nullptr) epilogue.row_bias += first;
  if (epilogue.residual != nullptr) epilogue.residual += first * epilogue.residual_stride;
  return epilogue;
}

/// Cuts a product into tasks: rows of C by multiples of `panel`, the columns of a packed panel of
/// B.
INLAY_COLD inline GemmGrid sparse_grid(const SparseProblem& problem, std::int64_t panel,
                                       std::int64_t wanted_tasks) {
  GemmGrid grid;
  const std::int64_t m = problem.m, n = problem.b.n;
  if (m == 0 || n == 0) return grid;
  grid.tile_n = std::min(round_up(n, sparse_columns), sparse_tile_columns);
  grid.tiles_n = ceil_div(n, grid.tile_n);
  grid.tile_m = round_up(m, panel);
  const std::int64_t products_of_row = problem.b.blocks * sparse_columns / grid.tiles_n + 1;
  const std::int64_t least = round_up(ceil_div(min_task_products, products_of_row), panel);
  const std::int64_t most = round_up(ceil_div(max_task_products, products_of_row), panel);
  const std::int64_t wanted = round_up(ceil_div(m, ceil_div(wanted_tasks, grid.tiles_n)), panel);
  grid.tile_m = std::min({grid.tile_m, std::max(wanted, least), most});
  grid.tiles_m = ceil_div(m, grid.tile_m);
  grid.scratch_floats = static_cast<std::size_t>(grid.tile_n * panel);
  return grid;
}

}  // namespace inlay::inline v0::kernels
