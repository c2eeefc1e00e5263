// Function pointers of the kernels on 8-bit codes that multiply integers.
#pragma once

#include <inlay/kernels/integer_conv.hpp>
#include <inlay/kernels/peak.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/igemm.hpp for the contracts.
struct IntegerGemmKernels {
  std::int64_t nr;  ///< columns of one packed panel
  std::int64_t (*packed_b_size)(std::int64_t k, std::int64_t n);
  void (*pack_b)(const kernels::CodeView& b, std::int64_t k, std::int64_t n, std::int8_t* packed,
                 std::int32_t* sums);
  kernels::GemmGrid (*grid)(std::int64_t m, std::int64_t n, std::int64_t k,
                            std::int64_t wanted_tasks);
  void (*task)(const kernels::IntegerGemmProblem& problem, const kernels::GemmGrid& grid,
               std::int64_t task, kernels::DotWord* scratch);
};

/// See inlay/kernels/integer_conv.hpp for the contracts.
struct IntegerConvKernels {
  std::int64_t (*packed_size)(const kernels::ConvShape& shape);
  void (*pack)(const kernels::ConvShape& shape, const std::uint8_t* weights, bool is_signed,
               std::int8_t* packed, std::int32_t* sums);
  kernels::IntegerConvPlan (*plan)(const kernels::ConvShape& shape, std::int64_t wanted_tasks);
  void (*task)(const kernels::IntegerConvProblem& problem, const kernels::IntegerConvPlan& plan,
               std::int64_t task, kernels::DotWord* scratch);
};

struct IntegerKernels {
  /// See kernels::dot_peak; `peak_ops` operations per iteration.
  std::int32_t (*peak)(std::int64_t iterations, std::int32_t row);
  std::int64_t peak_ops;
  IntegerGemmKernels gemm;
  IntegerConvKernels conv;
};

template <class A>
constexpr IntegerGemmKernels make_integer_gemm_kernels() {
  if (!is_any_built({"QLinearMatMul", "MatMulInteger"}) &&
      !is_any_built_of_microsoft({"MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QGemm"}) &&
      !is_built("inlay", "DynamicQuantizeMatMul")) {
    return {};
  }
  return {.nr = kernels::GemmBlocking<A>::nr,
          .packed_b_size = &kernels::igemm_packed_b_size<A>,
          .pack_b = &kernels::igemm_pack_b<A>,
          .grid = &kernels::igemm_grid<A>,
          .task = &kernels::igemm_task<A>};
}

template <class A>
constexpr IntegerConvKernels make_integer_conv_kernels() {
  if (!is_any_built({"QLinearConv", "ConvInteger"}) && !is_built("com.microsoft", "QLinearConv")) {
    return {};
  }
  return {.packed_size = &kernels::integer_conv_packed_size<A>,
          .pack = &kernels::integer_conv_pack<A>,
          .plan = &kernels::integer_conv_plan<A>,
          .task = &kernels::integer_conv_task<A>};
}

template <class A>
constexpr IntegerKernels make_integer_kernels() {
  return {.peak = &kernels::dot_peak<A>,
          .peak_ops = kernels::dot_peak_ops<A>,
          .gemm = make_integer_gemm_kernels<A>(),
          .conv = make_integer_conv_kernels<A>()};
}

}  // namespace inlay::inline v0::cpu
