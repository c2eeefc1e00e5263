// A batch of f32 matrix products, spread over a run's workers.
#pragma once

#include <inlay/kernels/gemm_problem.hpp>

#include "backends/cpu/isa/gemm_table.hpp"
#include "backends/reference/iterate.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::cpu {

/// Product number i takes its operands, C and residual at these distances from `first`'s.
struct BatchedGemm {
  kernels::GemmProblem first;
  std::int64_t count = 1;
  Shape batch;                            ///< of `count` products
  kernels::Strides a_steps{}, b_steps{};  ///< elements per batch axis (of packed operands, too)
  kernels::Strides c_steps{};             ///< of C and the residual
  std::int64_t a_matrices = 1, b_matrices = 1;  ///< different operands; 0: they are not dense
};

/// Runs all products; operands that several tasks would pack alike are packed once.
void run_batched_gemm(KernelContext& context, const GemmKernels& gemm, const BatchedGemm& batched);

/// Packs `count` dense matrices, each A [m, k] (or B [k, n]) viewed from `first`, one behind the
/// other.
void pack_matrices_a(const GemmKernels& gemm, kernels::MatrixView first, std::int64_t count,
                     std::int64_t m, std::int64_t k, float* packed);
void pack_matrices_b(const GemmKernels& gemm, kernels::MatrixView first, std::int64_t count,
                     std::int64_t k, std::int64_t n, float* packed);

}  // namespace inlay::inline v0::cpu
