// Function pointers of what runs on blocked channels.
#pragma once

#include <inlay/kernels/blocked_conv.hpp>
#include <inlay/kernels/blocked_gather.hpp>
#include <inlay/kernels/blocked_layout.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/blocked_conv.hpp, blocked_gather.hpp and blocked_layout.hpp for the contracts.
struct BlockedKernels {
  std::int64_t block;  ///< channels of a block; 0: none of this is built
  kernels::BlockedConvPlan (*plan)(const kernels::ConvShape& shape, kernels::BlockedForm form,
                                   std::int64_t wanted_tasks);
  void (*pack_weights)(const kernels::ConvShape& shape, const kernels::BlockedConvPlan& plan,
                       const float* weights, float* packed);
  void (*task)(const kernels::ConvProblem& problem, const kernels::BlockedConvPlan& plan,
               std::int64_t task, float* scratch);
  void (*rows)(const kernels::ConvProblem& problem, const kernels::BlockedConvPlan& plan,
               const kernels::ConvRows& in, const kernels::ConvRows& out, std::int64_t begin,
               std::int64_t end, float* scratch);
  void (*block_channels)(const float* src, std::int64_t channels, std::int64_t plane,
                         std::int64_t begin, std::int64_t end, float* dst);
  void (*unblock_channels)(const float* src, std::int64_t channels, std::int64_t plane,
                           std::int64_t begin, std::int64_t end, float* dst);
  void (*gather_channels)(std::span<const kernels::GatherSource> sources, std::int64_t pixels,
                          float* y);
};

template <class A>
constexpr BlockedKernels make_blocked_kernels() {
  if (!is_built("inlay", "BlockedConv")) return {};
  return {.block = kernels::channel_block<A>,
          .plan = &kernels::blocked_conv_plan<A>,
          .pack_weights = &kernels::blocked_conv_pack<A>,
          .task = &kernels::blocked_conv_task<A>,
          .rows = &kernels::blocked_conv_rows<A>,
          .block_channels = &kernels::block_channels<A>,
          .unblock_channels = &kernels::unblock_channels<A>,
          .gather_channels =
              is_built("inlay", "BlockedGather") ? &kernels::gather_channels<A> : nullptr};
}

}  // namespace inlay::inline v0::cpu
