// Function pointers of scaled dot-product attention and rotary embedding.
#pragma once

#include <inlay/kernels/attention.hpp>
#include <inlay/kernels/rotary.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/attention.hpp for the contracts.
struct AttentionKernels {
  std::int64_t block;  ///< keys
  std::int64_t (*packed_size)(const kernels::AttentionProblem& problem);
  void (*pack)(const kernels::AttentionProblem& problem, std::int64_t b, std::int64_t h,
               std::int64_t first, std::int64_t count, float* packed);
  std::int64_t (*tasks)(const kernels::AttentionProblem& problem);
  std::int64_t (*scratch)(const kernels::AttentionProblem& problem);
  void (*task)(const kernels::AttentionProblem& problem, const float* packed, std::int64_t task,
               float* scratch);
};

template <class A>
constexpr AttentionKernels make_attention_kernels() {
  if (!is_built("", "Attention") && !is_built("inlay", "FusedAttention")) return {};
  return {.block = kernels::AttentionBlocking<A>::block,
          .packed_size = &kernels::attention_packed_size<A>,
          .pack = &kernels::attention_pack<A>,
          .tasks = &kernels::attention_tasks<A>,
          .scratch = &kernels::attention_scratch<A>,
          .task = &kernels::attention_task<A>};
}

using RotaryKernel = void (*)(const kernels::RotaryRows& rows);

template <class A>
constexpr RotaryKernel make_rotary_kernel() {
  const bool is_needed =
      is_built("", "RotaryEmbedding") || is_built("inlay", "FusedRotaryEmbedding");
  return is_needed ? &kernels::rotary<A> : nullptr;
}

}  // namespace inlay::inline v0::cpu
