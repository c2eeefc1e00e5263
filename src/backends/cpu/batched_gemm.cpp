#include "backends/cpu/batched_gemm.hpp"

#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {
namespace {

std::int64_t offset_of(const Shape& batch, const kernels::Strides& steps, std::int64_t index) {
  std::int64_t offset = 0;
  for (int axis = batch.rank() - 1; axis >= 0; --axis) {
    offset += index % batch[axis] * steps[to_size(axis)];
    index /= batch[axis];
  }
  return offset;
}

/// Packs all B matrices into scratch on all workers.
const float* pack_b_shared(KernelContext& context, const GemmKernels& gemm,
                           const BatchedGemm& batched) {
  const kernels::GemmProblem& p = batched.first;
  const std::int64_t size = gemm.packed_b_size(p.k, p.n);
  float* packed = context.scratch<float>(batched.b_matrices * size).data();
  const std::int64_t columns = 8 * gemm.nr, chunks = kernels::ceil_div(p.n, columns);
  context.parallel_for(batched.b_matrices * chunks, [&](std::int64_t task, int) {
    const std::int64_t matrix = task / chunks, column = task % chunks * columns;
    kernels::MatrixView view = p.b;
    view.data = p.b.at(0, column) + matrix * p.k * p.n;
    gemm.pack_b(view, p.k, std::min(columns, p.n - column), packed + matrix * size + column * p.k);
  });
  return packed;
}

}  // namespace

void run_batched_gemm(KernelContext& context, const GemmKernels& gemm, const BatchedGemm& batched) {
  constexpr std::int64_t max_shared = std::int64_t{1} << 26;  // floats worth keeping in scratch
  kernels::GemmProblem first = batched.first;
  const auto grid_of = [&] {
    return gemm.grid(first.m, first.n, first.k, first.packed_a != nullptr,
                     first.packed_b != nullptr, batched.count);
  };
  kernels::GemmGrid grid = grid_of();
  if (first.packed_b == nullptr && grid.tiles_m > 1 &&
      batched.b_matrices * gemm.packed_b_size(first.k, first.n) <= max_shared) {
    first.packed_b = pack_b_shared(context, gemm, batched);
    grid = grid_of();
  }
  const std::int64_t a_size = first.m * first.k, b_size = first.k * first.n;
  const std::int64_t packed_a = gemm.packed_a_size(first.m, first.k);
  const std::int64_t packed_b = gemm.packed_b_size(first.k, first.n);
  const std::size_t floats = (grid.scratch_floats + 15) / 16 * 16;
  float* const scratch = scratch_per_worker<float>(context, floats);
  context.parallel_for(batched.count * grid.task_count(), [&](std::int64_t task, int worker) {
    const std::int64_t index = task / grid.task_count();
    const std::int64_t a = offset_of(batched.batch, batched.a_steps, index);
    const std::int64_t b = offset_of(batched.batch, batched.b_steps, index);
    kernels::GemmProblem problem = first;
    problem.a.data += a;
    problem.b.data += b;
    if (first.packed_a != nullptr && a != 0) problem.packed_a += a / a_size * packed_a;
    if (first.packed_b != nullptr && b != 0) problem.packed_b += b / b_size * packed_b;
    problem.c += index * batched.c_step;
    if (first.epilogue.residual != nullptr) problem.epilogue.residual += index * batched.c_step;
    gemm.task(problem, grid, task % grid.task_count(), scratch + floats * to_size(worker));
  });
}

void pack_matrices_a(const GemmKernels& gemm, kernels::MatrixView first, std::int64_t count,
                     std::int64_t m, std::int64_t k, float* packed) {
  for (; count > 0; --count, first.data += m * k, packed += gemm.packed_a_size(m, k)) {
    gemm.pack_a(first, m, k, packed);
  }
}

void pack_matrices_b(const GemmKernels& gemm, kernels::MatrixView first, std::int64_t count,
                     std::int64_t k, std::int64_t n, float* packed) {
  for (; count > 0; --count, first.data += k * n, packed += gemm.packed_b_size(k, n)) {
    gemm.pack_b(first, k, n, packed);
  }
}

}  // namespace inlay::inline v0::cpu
