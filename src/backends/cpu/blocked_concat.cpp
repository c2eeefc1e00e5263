// inlay:BlockedConcat: joins channels in blocks where some inputs do not fill theirs.
#include "backends/cpu/blocked_copy.hpp"
#include "backends/reference/blocked.hpp"

namespace inlay::inline v0::cpu {
namespace {

class BlockedConcatKernel final : public Kernel {
 public:
  BlockedConcatKernel(const CompileContext&, const KernelTable&) {}

  void run(KernelContext& context) const override {
    constexpr std::int64_t grain = 256;  // pixels: both parts of a block are written while it is near
    const std::int64_t block = channel_block_of(context.attributes());
    const auto channels = joined_channels(context.attributes(), context.node().inputs.size());
    const Shape joined = kernels::joined_shape(context, channels);
    const Shape whole = blocked_shape(joined, block);
    float* const y = context.output(0, whole).as_mutable<float>().data();
    const std::int64_t plane = joined.product(2, joined.rank());
    const std::int64_t pieces = kernels::ceil_div(plane, grain);
    context.parallel_for(joined[0] * pieces, [&](std::int64_t task, int) {
      const std::int64_t image = task / pieces, pixel = task % pieces * grain;
      const std::int64_t pixels = std::min(grain, plane - pixel);
      std::int64_t to = 0;
      for (std::size_t i = 0; i < channels.size(); ++i) {
        const std::int64_t blocks = kernels::ceil_div(channels[i], block);
        for (std::int64_t b = 0; b < blocks; ++b) {
          const std::int64_t count = std::min(block, channels[i] - b * block);
          const float* const source =
              floats(context, i) + ((image * blocks + b) * plane + pixel) * block;
          float* const target = y + ((image * whole[1] + to / block) * plane + pixel) * block;
          // What does not fit this block begins the next one.
          const std::int64_t lane = to % block, fits = std::min(count, block - lane);
          copy_channels(fits, pixels, source, block, target + lane, block);
          copy_channels(count - fits, pixels, source + fits, block, target + plane * block, block);
          to += count;
        }
      }
    });
  }
};

Support supports_blocked_concat(const CompileContext& context) {
  return float_inputs(context, context.node.inputs.size());
}

}  // namespace

std::vector<CpuOp> blocked_concat_ops() {
  return {
      cpu_op("inlay", "BlockedConcat", supports_blocked_concat, compile_as<BlockedConcatKernel>)};
}

}  // namespace inlay::inline v0::cpu
