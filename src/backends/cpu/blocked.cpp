// Blocked channels: inlay:BlockChannels, UnblockChannels and BlockedConv.
#include "backends/reference/blocked.hpp"

#include "backends/cpu/blocked_bias.hpp"
#include "backends/cpu/blocked_copy.hpp"
#include "backends/cpu/conv_geometry.hpp"
#include "backends/cpu/fused_activation.hpp"
#include "backends/reference/channels.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::BlockedConvPlan;
using kernels::BlockedForm;
using kernels::ConvShape;

/// Both ways between the layouts; `plain` is the shape of the one that is not blocked.
template <class Move>
void move_blocks(KernelContext& context, const Shape& plain, std::int64_t block, const float* from,
                 float* to, bool to_blocks, Move move) {
  constexpr std::int64_t grain = 512;  // pixels
  const std::int64_t channels = plain[1], plane = plain.product(2, plain.rank());
  const std::int64_t blocks = kernels::ceil_div(channels, block),
                     pieces = (plane + grain - 1) / grain;
  context.parallel_for(plain[0] * blocks * pieces, [&](std::int64_t task, int) {
    const std::int64_t index = task / pieces, first = task % pieces * grain;
    const std::int64_t channel = index % blocks * block;
    const std::int64_t whole = index * block * plane;
    const std::int64_t planes = (index / blocks * channels + channel) * plane;
    move(from + (to_blocks ? planes : whole), std::min(block, channels - channel), plane, first,
         std::min(first + grain, plane), to + (to_blocks ? whole : planes));
  });
}

class BlockChannelsKernel final : public Kernel {
 public:
  BlockChannelsKernel(const CompileContext&, const KernelTable& table) : blocked_(table.blocked) {}

  void run(KernelContext& context) const override {
    const Shape plain = context.input(0).shape();
    float* const y =
        context.output(0, blocked_shape(plain, blocked_.block)).as_mutable<float>().data();
    move_blocks(context, plain, blocked_.block, floats(context, 0), y, true,
                blocked_.block_channels);
  }

 private:
  const BlockedKernels& blocked_;
};

class UnblockChannelsKernel final : public Kernel {
 public:
  UnblockChannelsKernel(const CompileContext&, const KernelTable& table)
      : blocked_(table.blocked) {}

  void run(KernelContext& context) const override {
    const std::int64_t channels = context.attributes().integer("channels", 0);
    const Shape plain = unblocked_shape(context.input(0).shape(), channels, blocked_.block);
    if (puts_channels_last(context.attributes())) return channels_last(context, plain);
    float* const y = context.output(0, plain).as_mutable<float>().data();
    move_blocks(context, plain, blocked_.block, floats(context, 0), y, false,
                blocked_.unblock_channels);
  }

 private:
  void channels_last(KernelContext& context, const Shape& plain) const {
    constexpr std::int64_t grain = 256;  // pixels
    const std::int64_t channels = plain[1], plane = plain.product(2, plain.rank());
    const std::int64_t block = blocked_.block, pieces = kernels::ceil_div(plane, grain);
    const float* const x = floats(context, 0);
    float* const y = context.output(0, kernels::channels_last(plain)).as_mutable<float>().data();
    context.parallel_for(plain[0] * pieces, [&](std::int64_t task, int) {
      const std::int64_t image = task / pieces, first = task % pieces * grain;
      const std::int64_t last = std::min(first + grain, plane);
      const std::int64_t blocks = kernels::ceil_div(channels, block);
      for (std::int64_t c = 0; c < channels; c += block) {
        const float* from = x + ((image * blocks + c / block) * plane + first) * block;
        float* to = y + (image * plane + first) * channels + c;
        copy_channels(std::min(block, channels - c), last - first, from, block, to, channels);
      }
    });
  }

  const BlockedKernels& blocked_;
};

/// Whether to transform. Where the size of pictures is open, only small weights are sure to repay
/// it.
bool takes_winograd(const ConvShape& shape, bool size_is_known) {
  constexpr std::int64_t small = 1 << 18;  // floats
  return kernels::suits_winograd(shape) && shape.batch > 0 &&
         (size_is_known || kernels::winograd_points * shape.channels * shape.filters <= small);
}

class BlockedConvKernel final : public Kernel {
 public:
  INLAY_COLD BlockedConvKernel(const CompileContext& context, const KernelTable& table)
      : blocked_(table.blocked),
        form_(context.node.attributes.has("channels") ? BlockedForm::direct : BlockedForm::planar),
        activation_(fused_activation(context.node.attributes).value_or(kernels::Activation{})) {
    const Tensor& weights = *context.constant(1);
    weights_shape_ = weights.shape();
    ConvShape shape = nominal_shape(context.node, weights_shape_);
    const std::optional<Shape> x = context.input_type(0).static_shape();
    if (x) {
      const Shape plain = kernels::blocked_conv_input(context.node.attributes, *x);
      shape = geometry_of(context.node, plain, weights_shape_).shape;
    }
    if (form_ == BlockedForm::direct && takes_winograd(shape, x.has_value())) {
      form_ = BlockedForm::winograd;
    }
    const BlockedConvPlan plan = blocked_.plan(shape, form_, 1);
    packed_ = context.pack<float>(static_cast<std::int64_t>(plan.packed_floats), [&](float* to) {
      blocked_.pack_weights(shape, plan, weights.as<float>().data(), to);
    });
    bias_.pack(context, shape.filters, blocked_.block);
    runs_rows_ = form_ != BlockedForm::winograd &&
                 (shape.groups == 1 || shape.groups == shape.filters) &&
                 weights_shape_.rank() == 4 && !context.node.has_input(3) &&
                 (!context.node.has_input(2) || bias_.is_packed());
  }

  bool consumed(std::size_t i) const noexcept override {
    return i == 1 || (i == 2 && bias_.is_packed());
  }

  void run(KernelContext& context) const override {
    const ConvSizes g = sizes(context, context.input(0).shape());
    const Shape shape = blocked_shape(g.output, blocked_.block);
    kernels::check_residual(context, 3, shape);
    kernels::ConvProblem problem = problem_of(context, g);
    problem.output = context.output(0, shape).as_mutable<float>().data();
    problem.input = floats(context, 0);
    problem.residual = floats_or_null(context, 3);
    const BlockedConvPlan plan = blocked_.plan(g.shape, form_, wanted_tasks(context));
    const std::size_t size = (plan.scratch_floats + 15) / 16 * 16;
    float* const scratch = scratch_per_worker<float>(context, size);
    context.parallel_for(plan.task_count, [&](std::int64_t task, int worker) {
      blocked_.task(problem, plan, task, scratch + size * to_size(worker));
    });
  }

  bool runs_rows() const noexcept override { return runs_rows_; }

  RowWindow row_window(const KernelContext& context, const Shape& input) const override {
    const ConvSizes g = sizes(context, input);
    const ConvShape& s = g.shape;
    const BlockedConvPlan plan = blocked_.plan(s, form_, 1);
    return {.output = blocked_shape(g.output, blocked_.block),
            .kernel = s.kernel.h,
            .stride = s.stride.h,
            .dilation = s.dilation.h,
            .pad = s.pad.h,
            .scratch = plan.scratch_floats * sizeof(float)};
  }

  void run_rows(KernelContext& context, const Shape& input, const RowBand& in, const RowBand& out,
                std::int64_t begin, std::int64_t end, void* scratch) const override {
    const ConvSizes g = sizes(context, input);
    kernels::ConvProblem problem = problem_of(context, g);
    problem.input = static_cast<const float*>(in.data);
    problem.output = static_cast<float*>(out.data);
    blocked_.rows(problem, blocked_.plan(g.shape, form_, 1), {in.begin, in.end - in.begin},
                  {out.begin, out.end - out.begin}, begin, end, static_cast<float*>(scratch));
  }

 private:
  ConvSizes sizes(const KernelContext& context, const Shape& input) const {
    return geometry_of(context.node(), kernels::blocked_conv_input(context.attributes(), input),
                       weights_shape_);
  }

  kernels::ConvProblem problem_of(KernelContext& context, const ConvSizes& g) const {
    kernels::ConvProblem problem;
    problem.shape = g.shape;
    problem.weights = packed_.as<float>().data();
    problem.bias = bias_.get(context, g.shape.filters, blocked_.block);
    problem.activation = activation_;
    return problem;
  }

  const BlockedKernels& blocked_;
  BlockedForm form_;
  kernels::Activation activation_;
  Tensor packed_;
  BlockedBias bias_;
  bool runs_rows_;
  Shape weights_shape_;
};

Support supports_layout(const CompileContext& context) { return float_inputs(context, 1); }

Support supports_blocked_conv(const CompileContext& context) {
  const Attributes& attributes = context.node.attributes;
  const Tensor* weights = context.constant(1);
  if (weights == nullptr) return unsupported("weights that are not constant");
  if (weights->rank() < 3 || weights->rank() > 4) return unsupported("not one or two spatial axes");
  if (!fused_activation(attributes)) return unsupported("an activation not fused");
  const ConvShape shape = nominal_shape(context.node, weights->shape());
  if (shape.filters % shape.groups != 0) return unsupported("groups of several sizes");
  const std::int64_t block = channel_block_of(attributes);
  const bool planar = !attributes.has("channels");
  if (!(planar ? kernels::suits_planar : kernels::suits_blocked)(shape, block)) {
    return unsupported("an unusual window or groups");
  }
  return float_inputs(context, 4);
}

}  // namespace

std::vector<CpuOp> blocked_ops() {
  return {
      cpu_op("inlay", "BlockChannels", supports_layout, compile_as<BlockChannelsKernel>),
      cpu_op("inlay", "UnblockChannels", supports_layout, compile_as<UnblockChannelsKernel>),
      cpu_op("inlay", "BlockedConv", supports_blocked_conv, compile_as<BlockedConvKernel>),
  };
}

}  // namespace inlay::inline v0::cpu
