// Function pointers of products with weights of few bits.
#pragma once

#include <inlay/kernels/nbits_gemm.hpp>
#include <inlay/kernels/nbits_gemv.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/nbits_gemv.hpp and nbits_gemm.hpp for the contracts.
struct NbitsKernels {
  std::int64_t mr, nr;  ///< rows and columns of one packed panel
  bool (*prepare_row)(const kernels::NbitsShape& shape, const float* row, std::uint32_t* to);
  void (*gemv)(const kernels::NbitsProblem& problem, std::int64_t first_panel, std::int64_t panels);
  std::int64_t (*packed_a_size)(std::int64_t m, std::int64_t k);
  void (*pack_a)(kernels::MatrixView a, std::int64_t m, std::int64_t k, float* packed);
  kernels::GemmGrid (*gemm_grid)(std::int64_t m, std::int64_t n, std::int64_t k,
                                 std::int64_t wanted_tasks);
  void (*gemm_task)(const kernels::NbitsProblem& problem, const kernels::GemmGrid& grid,
                    std::int64_t task, float* scratch);
};

template <class A>
constexpr NbitsKernels make_nbits_kernels() {
  if (!is_built("com.microsoft", "MatMulNBits")) return {};
  return {.mr = kernels::GemmBlocking<A>::mr,
          .nr = kernels::GemmBlocking<A>::nr,
          .prepare_row = &kernels::nbits_prepare_row<A>,
          .gemv = &kernels::nbits_gemv<A>,
          .packed_a_size = &kernels::packed_a_size<A>,
          .pack_a = &kernels::pack_a<A>,
          .gemm_grid = &kernels::nbits_gemm_grid<A>,
          .gemm_task = &kernels::nbits_gemm_task<A>};
}

}  // namespace inlay::inline v0::cpu
