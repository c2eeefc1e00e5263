#include "backends/cpu/sparse_matmul.hpp"

#include <limits>

namespace inlay::inline v0::cpu {
namespace {

using kernels::MatrixView;
using kernels::SparseMatrix;
using kernels::SparseProblem;

/// Of all blocks, those that may be something else than zero: with more, some number of rows is
/// faster by the dense product. Matrices that stay in the cache gain less.
constexpr double most_blocks = 0.5, most_blocks_of_small = 0.1;
constexpr std::int64_t large_elements = 1 << 18, least_elements = 1 << 14;

/// The blocks that are not zero where skipping the others pays; else 0.
std::int64_t worthwhile_blocks(MatrixView b, const SparseMatrix& shape) {
  const double share = shape.k * shape.n < large_elements ? most_blocks_of_small : most_blocks;
  if (kernels::looks_dense(b, shape.k, shape.n, share)) return 0;
  const auto most =
      static_cast<std::int64_t>(static_cast<double>(shape.k * shape.groups()) * share);
  const std::int64_t blocks = kernels::count_blocks(b, shape.k, shape.n, most);
  return blocks <= most && blocks <= std::numeric_limits<std::int32_t>::max() ? blocks : 0;
}

}  // namespace

SparseOperand::SparseOperand(const CompileContext& context, const Tensor& b, bool transpose) {
  const std::int64_t k = b.dim(transpose ? 1 : 0), n = b.dim(transpose ? 0 : 1);
  if (b.size() < least_elements) return;
  matrix_.k = k, matrix_.n = n;
  // Of the elements, a prepared file has nothing but what was packed.
  const auto view = [&] {
    const float* const elements = b.as<float>().data();
    return transpose ? MatrixView{elements, 1, k} : MatrixView{elements, n, 1};
  };
  const Tensor count = context.pack<std::int64_t>(
      1, [&](std::int64_t* to) { *to = worthwhile_blocks(view(), matrix_); });
  const std::int64_t blocks = count.as<std::int64_t>()[0];
  if (blocks == 0) return;
  const auto refuse = [] {
    throw Error(ErrorCode::stale, "the prepared file's blocks of weights cannot be");
  };
  if (blocks < 0 || blocks > k * matrix_.groups()) refuse();
  starts_ = context.pack<std::int32_t>(matrix_.start_count(), [&](std::int32_t* to) {
    kernels::pack_sparse(view(), k, n, {.starts = to});
  });
  rows_ = context.pack<std::uint16_t>(
      blocks, [&](std::uint16_t* to) { kernels::pack_sparse(view(), k, n, {.rows = to}); });
  weights_ = context.pack<float>(blocks * kernels::sparse_columns, [&](float* to) {
    kernels::pack_sparse(view(), k, n, {.weights = to});
  });
  matrix_.starts = starts_.as<std::int32_t>().data();
  matrix_.rows = rows_.as<std::uint16_t>().data();
  matrix_.weights = weights_.as<float>().data();
  matrix_.blocks = blocks;
  if (!kernels::is_valid(matrix_)) refuse();
}

void SparseOperand::multiply(KernelContext& context, const KernelTable& table,
                             const kernels::GemmProblem& problem) const {
  SparseProblem sparse;
  sparse.b = matrix_;
  sparse.m = problem.m;
  sparse.c = problem.c;
  sparse.ldc = problem.ldc;
  sparse.epilogue = problem.epilogue;
  if (problem.m == 0) return;
  if (problem.m <= kernels::sparse_few_rows && problem.a.col_stride == 1) {
    sparse.a = problem.a.data;
    sparse.lda = problem.a.row_stride;
    multiply_few(context, table, sparse);
  } else {
    multiply_many(context, table, problem, sparse);
  }
}

void SparseOperand::multiply_few(KernelContext& context, const KernelTable& table,
                                 const SparseProblem& problem) const {
  const std::int64_t groups = matrix_.groups();
  const std::int64_t products = problem.m * matrix_.blocks * kernels::sparse_columns;
  const std::int64_t tasks = std::max<std::int64_t>(1, products / kernels::min_task_products);
  for_ranges(context, groups, kernels::ceil_div(groups, tasks),
             [&](std::size_t begin, std::size_t end, int) {
               table.sparse.gemv(problem, static_cast<std::int64_t>(begin),
                                 static_cast<std::int64_t>(end - begin));
             });
}

void SparseOperand::multiply_many(KernelContext& context, const KernelTable& table,
                                  const kernels::GemmProblem& dense, SparseProblem problem) const {
  constexpr std::int64_t most_packed = std::int64_t{1} << 22;  // floats of A at a time
  const GemmKernels& gemm = table.gemm;
  const std::int64_t m = problem.m, k = matrix_.k, panel = gemm.nr, chunk = 8 * panel;
  const std::int64_t slab =
      std::min(kernels::round_up(m, panel), kernels::round_up(most_packed / k + 1, chunk));
  float* const packed = context.scratch<float>(slab * k).data();
  problem.packed_a = packed;
  problem.m = std::min(slab, m);
  const kernels::GemmGrid grid = kernels::sparse_grid(problem, panel, wanted_tasks(context));
  float* const scratch = scratch_per_worker<float>(context, grid.scratch_floats);
  for (std::int64_t first = 0; first < m; first += slab) {
    SparseProblem part = problem;
    part.m = std::min(slab, m - first);
    part.c += first * part.ldc;
    part.epilogue = kernels::rows_from(problem.epilogue, first);
    context.parallel_for(kernels::ceil_div(part.m, chunk), [&](std::int64_t task, int) {
      const std::int64_t row = task * chunk;
      MatrixView rows = dense.a;
      rows.data = rows.at(first + row, 0);
      gemm.pack_b(rows.transposed(), k, std::min(chunk, part.m - row), packed + row * k);
    });
    kernels::GemmGrid tiles = grid;
    tiles.tiles_m = kernels::ceil_div(part.m, tiles.tile_m);
    context.parallel_for(tiles.task_count(), [&](std::int64_t task, int worker) {
      table.sparse.task(part, tiles, task, scratch + grid.scratch_floats * to_size(worker));
    });
  }
}

}  // namespace inlay::inline v0::cpu
