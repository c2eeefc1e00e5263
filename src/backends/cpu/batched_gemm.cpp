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

/// Packs `matrices` operands of `lines` rows (columns of B) and depth k into scratch, on all
/// workers: pack(line, count, matrix, dst) does `count` lines from `line` on.
template <class Pack>
const float* pack_shared(KernelContext& context, std::int64_t matrices, std::int64_t lines,
                         std::int64_t k, std::int64_t panel, std::int64_t packed_size,
                         const Pack& pack) {
  float* packed = context.scratch<float>(matrices * packed_size).data();
  const std::int64_t step = 8 * panel, chunks = kernels::ceil_div(lines, step);
  context.parallel_for(matrices * chunks, [&](std::int64_t task, int) {
    const std::int64_t matrix = task / chunks, line = task % chunks * step;
    pack(line, std::min(step, lines - line), matrix, packed + matrix * packed_size + line * k);
  });
  return packed;
}

}  // namespace

void run_batched_gemm(KernelContext& context, const GemmKernels& gemm, const BatchedGemm& batched) {
  constexpr std::int64_t max_shared = std::int64_t{1} << 26;  // floats worth keeping in scratch
  constexpr std::int64_t repaying = 256;  // rows (columns) that repay packing the other operand
  kernels::GemmProblem first = batched.first;
  const std::int64_t packed_a = gemm.packed_a_size(first.m, first.k);
  const std::int64_t packed_b = gemm.packed_b_size(first.k, first.n);
  if (first.packed_b == nullptr && !first.b_is_half() && first.m >= repaying && first.n > 1 &&
      batched.b_matrices > 0 && batched.b_matrices * packed_b <= max_shared) {
    first.packed_b =
        pack_shared(context, batched.b_matrices, first.n, first.k, gemm.nr, packed_b,
                    [&](std::int64_t column, std::int64_t count, std::int64_t matrix, float* dst) {
                      kernels::MatrixView view = batched.first.b;
                      view.data = view.at(0, column) + matrix * first.k * first.n;
                      gemm.pack_b(view, first.k, count, dst);
                    });
  }
  if (first.packed_a == nullptr && first.n >= repaying && first.m > gemm.mr &&
      batched.a_matrices > 0 && batched.a_matrices * packed_a <= max_shared) {
    first.packed_a =
        pack_shared(context, batched.a_matrices, first.m, first.k, gemm.mr, packed_a,
                    [&](std::int64_t row, std::int64_t count, std::int64_t matrix, float* dst) {
                      kernels::MatrixView view = batched.first.a;
                      view.data = view.at(row, 0) + matrix * first.m * first.k;
                      gemm.pack_a(view, count, first.k, dst);
                    });
  }
  const std::int64_t wanted =
      kernels::ceil_div(wanted_tasks(context), std::max<std::int64_t>(1, batched.count));
  const bool b_is_packed =
      first.packed_b != nullptr || (first.b_is_half() && first.m <= kernels::half_few_rows);
  const kernels::GemmGrid grid =
      gemm.grid(first.m, first.n, first.k, first.packed_a != nullptr, b_is_packed, wanted);
  const std::int64_t a_size = first.m * first.k, b_size = first.k * first.n;
  const std::size_t floats = (grid.scratch_floats + 15) / 16 * 16;
  float* const scratch = scratch_per_worker<float>(context, floats);
  context.parallel_for(batched.count * grid.task_count(), [&](std::int64_t task, int worker) {
    const std::int64_t index = task / grid.task_count();
    const std::int64_t a = offset_of(batched.batch, batched.a_steps, index);
    const std::int64_t b = offset_of(batched.batch, batched.b_steps, index);
    kernels::GemmProblem problem = first;
    if (first.packed_a == nullptr) {
      problem.a.data += a;
    } else if (a != 0) {
      problem.packed_a += a / a_size * packed_a;
    }
    const std::int64_t packed = b == 0 ? 0 : b / b_size * packed_b;
    if (first.packed_b != nullptr) {
      problem.packed_b += packed;
    } else if (first.packed_b_bf16 != nullptr) {
      problem.packed_b_bf16 += packed;
    } else if (first.packed_b_f16 != nullptr) {
      problem.packed_b_f16 += packed;
    } else {
      problem.b.data += b;
    }
    const std::int64_t c = offset_of(batched.batch, batched.c_steps, index);
    problem.c += c;
    if (first.epilogue.residual != nullptr) problem.epilogue.residual += c;
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
