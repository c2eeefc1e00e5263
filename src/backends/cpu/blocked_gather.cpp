// inlay:BlockedGather: joins, takes apart and shuffles channels in blocks.
#include <array>

#include "backends/cpu/glue.hpp"
#include "backends/reference/blocked.hpp"

namespace inlay::inline v0::cpu {
namespace {

class BlockedGatherKernel final : public Kernel {
 public:
  INLAY_COLD BlockedGatherKernel(const CompileContext& context, const KernelTable& table)
      : blocked_(table.blocked) {
    const ChannelGather gather(context.node.attributes, context.node.inputs.size());
    const std::int64_t block = blocked_.block;
    for (std::int64_t c = 0; c < gather.count(); ++c) {
      const auto [input, channel] = gather[c];
      Part& part = part_of(c / block, input, channel / block);
      part.lanes[to_size(c % block)] = static_cast<std::int32_t>(channel % block);
    }
  }

  void run(KernelContext& context) const override {
    constexpr std::int64_t grain = 256;  // pixels: what several blocks read stays near
    const ChannelGather gather(context.attributes(), context.input_count());
    const Shape shape = kernels::gathered_shape(context, gather);
    const std::int64_t block = blocked_.block, plane = shape.product(2, shape.rank());
    const Shape whole = blocked_shape(shape, block);
    float* const y = context.output(0, whole).as_mutable<float>().data();
    const std::int64_t pieces = kernels::ceil_div(plane, grain);
    context.parallel_for(shape[0] * pieces, [&](std::int64_t task, int) {
      const std::int64_t image = task / pieces, pixel = task % pieces * grain;
      const auto at = [&](std::int64_t blocks, std::int64_t index) {
        return ((image * blocks + index) * plane + pixel) * block;
      };
      for (std::size_t i = 0; i < parts_.size();) {
        std::array<kernels::GatherSource, kernels::max_gather_sources> sources;
        std::size_t count = 0;
        const std::int64_t to = parts_[i].to;
        for (; i < parts_.size() && parts_[i].to == to; ++i, ++count) {
          const Part& part = parts_[i];
          const Tensor& x = context.input(part.input);
          sources[count] = {x.as<float>().data() + at(x.dim(1), part.from), part.lanes.data()};
        }
        blocked_.gather_channels({sources.data(), count}, std::min(grain, plane - pixel),
                                 y + at(whole[1], to));
      }
    });
  }

 private:
  /// Channels of block `to` that lie in one block of an input.
  struct Part {
    std::int64_t to;
    std::size_t input;
    std::int64_t from;
    std::array<std::int32_t, kernels::max_gather_sources> lanes;
  };

  Part& part_of(std::int64_t to, std::size_t input, std::int64_t from) {
    for (auto part = parts_.rbegin(); part != parts_.rend() && part->to == to; ++part) {
      if (part->input == input && part->from == from) return *part;
    }
    parts_.push_back({to, input, from, {}});
    parts_.back().lanes.fill(-1);
    return parts_.back();
  }

  const BlockedKernels& blocked_;
  std::vector<Part> parts_;  // in the order of the blocks that they make
};

Support supports_blocked_gather(const CompileContext& context) {
  return float_inputs(context, context.node.inputs.size());
}

}  // namespace

std::vector<CpuOp> blocked_gather_ops() {
  return {
      cpu_op("inlay", "BlockedGather", supports_blocked_gather, compile_as<BlockedGatherKernel>)};
}

}  // namespace inlay::inline v0::cpu
