// A convolution's bias in whole blocks of filters.
#pragma once

#include "backends/cpu/glue.hpp"
#include "backends/reference/conv.hpp"

namespace inlay::inline v0::cpu {

/// Input 2 of a node.
class BlockedBias {
 public:
  /// Once, while the kernel is compiled: a constant one is kept in blocks.
  void pack(const CompileContext& context, std::int64_t filters, std::int64_t block) {
    const Tensor* bias = context.constant(2);
    if (bias == nullptr || bias->size() != filters) return;
    packed_ = context.pack<float>(kernels::round_up(filters, block), [&](float* to) {
      const auto from = bias->as<float>();
      std::copy(from.begin(), from.end(), to);
    });
  }
  bool is_packed() const noexcept { return packed_.defined(); }

  /// Null where there is none. Errors: shape_mismatch.
  const float* get(KernelContext& context, std::int64_t filters, std::int64_t block) const {
    if (packed_.defined()) return packed_.as<float>().data();
    if (!context.has_input(2)) return nullptr;
    kernels::check_bias(context, 2, filters);
    const auto bias = context.scratch<float>(kernels::round_up(filters, block));
    const auto from = context.input(2).as<float>();
    std::fill(std::copy(from.begin(), from.end(), bias.begin()), bias.end(), 0.0f);
    return bias.data();
  }

 private:
  Tensor packed_;  // undefined unless constant
};

}  // namespace inlay::inline v0::cpu
