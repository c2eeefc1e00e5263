// What the products of 8-bit codes share: constant matrices packed once, and the tasks of a
// product.
#pragma once

#include "backends/cpu/quantized_codes.hpp"

namespace inlay::inline v0::cpu {

inline kernels::CodeView code_view(const Tensor& codes, std::int64_t cols) {
  return {static_cast<const std::uint8_t*>(codes.data()), cols, 1, codes.dtype() == DType::int8};
}

/// How `gemm` packs a matrix [k, n].
inline PackedCodes layout_of(const IntegerGemmKernels& gemm, std::int64_t k, std::int64_t n) {
  return {gemm.packed_b_size(k, n), n};
}

/// A constant matrix of codes, packed.
class PackedMatrix {
 public:
  PackedMatrix() = default;
  /// `b` is a constant input of the node: matrices [k, n], or [n, k] if `is_transposed`, of which
  /// this is number `index`.
  PackedMatrix(const CompileContext& context, const IntegerGemmKernels& gemm, const Tensor& b,
               bool is_transposed, std::int64_t index = 0)
      : shape_{b.dim(b.rank() - (is_transposed ? 1 : 2)),
               b.dim(b.rank() - (is_transposed ? 2 : 1))},
        layout_(layout_of(gemm, shape_[0], shape_[1])),
        is_signed_(b.dtype() == DType::int8) {
    packed_ = context.pack<std::int8_t>(layout_.bytes(), [&](std::int8_t* packed) {
      kernels::CodeView view = code_view(b, b.shape().back());
      view.data += index * shape_.elements();
      gemm.pack_b(is_transposed ? view.transposed() : view, shape_[0], shape_[1], packed,
                  layout_.sums(packed));
    });
  }

  bool defined() const { return packed_.defined(); }
  const Shape& shape() const { return shape_; }
  bool is_signed() const { return is_signed_; }
  const std::int8_t* data() const { return packed_.as<std::int8_t>().data(); }
  const std::int32_t* sums() const { return layout_.sums(data()); }

 private:
  Shape shape_;
  PackedCodes layout_{0, 0};
  bool is_signed_ = false;
  Tensor packed_;
};

/// Runs `count` products that `place(index, problem)` tells apart.
template <class Place>
void run_products(KernelContext& context, const IntegerGemmKernels& gemm,
                  const kernels::IntegerGemmProblem& problem, std::int64_t count,
                  const Place& place) {
  const std::int64_t wanted =
      kernels::ceil_div(wanted_tasks(context), std::max<std::int64_t>(1, count));
  const kernels::GemmGrid grid = gemm.grid(problem.m, problem.n, problem.k, wanted);
  const std::size_t words = (grid.scratch_floats + 15) / 16 * 16;
  auto* const scratch = scratch_per_worker<kernels::DotWord>(context, words);
  context.parallel_for(count * grid.task_count(), [&](std::int64_t task, int worker) {
    kernels::IntegerGemmProblem one = problem;
    place(task / grid.task_count(), one);
    gemm.task(one, grid, task % grid.task_count(), scratch + words * to_size(worker));
  });
}

}  // namespace inlay::inline v0::cpu
