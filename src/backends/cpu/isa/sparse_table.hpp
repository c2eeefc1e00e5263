// Function pointers of products with matrices of blocks that are not zero.
#pragma once

#include <inlay/kernels/sparse_gemm.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/sparse_gemm.hpp for the contracts.
struct SparseKernels {
  void (*gemv)(const kernels::SparseProblem& problem, std::int64_t first_group,
               std::int64_t groups);
  void (*task)(const kernels::SparseProblem& problem, const kernels::GemmGrid& grid,
               std::int64_t task, float* scratch);
};

template <class A>
constexpr SparseKernels make_sparse_kernels() {
  if (!is_any_built({"MatMul", "Gemm"}) && !is_built("inlay", "FusedMatMul")) return {};
  return {.gemv = &kernels::sparse_gemv<A>, .task = &kernels::sparse_task<A>};
}

}  // namespace inlay::inline v0::cpu
