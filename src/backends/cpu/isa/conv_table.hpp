// Function pointers of the f32 convolutions.
#pragma once

#include <inlay/kernels/conv.hpp>
#include <inlay/kernels/conv_transpose.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/conv.hpp and conv_transpose.hpp for the contracts.
struct ConvKernels {
  kernels::ConvPlan (*plan)(const kernels::ConvShape& shape);
  void (*pack_weights)(const kernels::ConvShape& shape, const kernels::ConvPlan& plan,
                       const float* weights, float* packed);
  void (*task)(const kernels::ConvProblem& problem, const kernels::ConvPlan& plan,
               std::int64_t task, float* scratch);
};

template <class A>
constexpr ConvKernels make_conv_kernels() {
  if (!is_built("", "Conv") && !is_built("com.microsoft", "FusedConv")) return {};
  return {.plan = &kernels::conv_plan<A>,
          .pack_weights = &kernels::conv_pack_weights<A>,
          .task = &kernels::conv_task<A>};
}

template <class A>
constexpr ConvKernels make_conv_transpose_kernels() {
  if (!is_built("", "ConvTranspose")) return {};
  return {.plan = &kernels::conv_transpose_plan<A>,
          .pack_weights = &kernels::conv_transpose_pack_weights<A>,
          .task = &kernels::conv_transpose_task<A>};
}

}  // namespace inlay::inline v0::cpu
