// Function pointers of the f32 matrix multiplication.
#pragma once

#include <inlay/kernels/gemm.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/gemm.hpp for the contracts.
struct GemmKernels {
  std::int64_t mr, nr;  ///< rows and columns of one packed panel
  std::int64_t (*packed_a_size)(std::int64_t m, std::int64_t k);
  std::int64_t (*packed_b_size)(std::int64_t k, std::int64_t n);
  void (*pack_a)(kernels::MatrixView a, std::int64_t m, std::int64_t k, float* packed);
  void (*pack_b)(kernels::MatrixView b, std::int64_t k, std::int64_t n, float* packed);
  kernels::GemmGrid (*grid)(std::int64_t m, std::int64_t n, std::int64_t k, bool a_is_packed,
                            bool b_is_packed, std::int64_t wanted_tasks);
  void (*task)(const kernels::GemmProblem& problem, const kernels::GemmGrid& grid,
               std::int64_t task, float* scratch);
};

/// Weights of 16 bits come out of a Cast.
inline constexpr bool has_half_weights = is_built("", "Cast") && is_built("inlay", "FusedMatMul");

template <class A>
constexpr GemmKernels make_gemm_kernels() {
  if (!is_any_built({"MatMul", "Gemm", "Einsum", "LSTM", "GRU"}) &&
      !is_built("inlay", "FusedMatMul"))
    return {};
  return {.mr = kernels::GemmBlocking<A>::mr,
          .nr = kernels::GemmBlocking<A>::nr,
          .packed_a_size = &kernels::packed_a_size<A>,
          .packed_b_size = &kernels::packed_b_size<A>,
          .pack_a = &kernels::pack_a<A>,
          .pack_b = &kernels::pack_b<A>,
          .grid = &kernels::gemm_grid<A>,
          .task = &kernels::gemm_task<A, has_half_weights>};
}

}  // namespace inlay::inline v0::cpu
