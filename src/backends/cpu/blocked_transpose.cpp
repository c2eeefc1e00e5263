// inlay:BlockedConvTranspose. The output pixels of one phase of the stride, in height and in width,
// see one subset of the taps: each phase is a convolution of stride 1 whose results lie apart.
#include "backends/reference/blocked.hpp"

#include "backends/cpu/blocked_bias.hpp"
#include "backends/cpu/conv_geometry.hpp"
#include "backends/cpu/fused_activation.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::BlockedConvPlan;
using kernels::BlockedForm;
using kernels::ConvShape;
using kernels::Extent3;

constexpr std::int64_t max_phases = 16;  // of strides up to 4

/// One axis of a phase.
struct PhaseAxis {
  std::int64_t tap;     ///< the first it sees; the next are a stride further
  std::int64_t taps;    ///< how many
  std::int64_t pad;     ///< of its convolution; the first results may begin inside the input
  std::int64_t length;  ///< results
};

/// Output o = phase + stride * j sees input i by tap t where i * stride + t = o + pad.
PhaseAxis phase_axis(std::int64_t phase, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                     std::int64_t pad) {
  PhaseAxis axis;
  axis.tap = ((phase + pad) % stride + stride) % stride;
  axis.taps = kernels::ceil_div(kernel - axis.tap, stride);
  axis.pad = axis.taps - 1 - (phase + pad - axis.tap) / stride;
  axis.length = phase < out ? kernels::ceil_div(out - phase, stride) : 0;
  return axis;
}

/// A phase of the transposed convolution `s`.
struct Phase {
  PhaseAxis h, w;
  ConvShape shape;
};

Phase phase_of(const ConvShape& s, std::int64_t index) {
  Phase phase{phase_axis(index / s.stride.w, s.out.h, s.kernel.h, s.stride.h, s.pad.h),
              phase_axis(index % s.stride.w, s.out.w, s.kernel.w, s.stride.w, s.pad.w), s};
  ConvShape& shape = phase.shape;
  shape.kernel = {1, phase.h.taps, phase.w.taps};
  shape.out = {1, phase.h.length, phase.w.length};
  shape.stride = shape.dilation = {1, 1, 1};
  shape.pad = {0, phase.h.pad, phase.w.pad};
  return phase;
}

/// Of weights [channels, filters, kernel], those of a phase as a convolution has them: [filters,
/// channels, taps], the last tap first.
std::vector<float> phase_weights(const ConvShape& s, const Phase& phase, const float* weights) {
  std::vector<float> result;
  result.reserve(to_size(s.filters * s.channels * phase.shape.kernel.count()));
  for (std::int64_t f = 0; f < s.filters; ++f) {
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const float* const kernel = weights + (c * s.filters + f) * s.kernel.count();
      for (std::int64_t i = phase.h.taps; i-- > 0;) {
        for (std::int64_t j = phase.w.taps; j-- > 0;) {
          result.push_back(
              kernel[(phase.h.tap + i * s.stride.h) * s.kernel.w + phase.w.tap + j * s.stride.w]);
        }
      }
    }
  }
  return result;
}

class BlockedConvTransposeKernel final : public Kernel {
 public:
  BlockedConvTransposeKernel(const CompileContext& context, const KernelTable& table)
      : blocked_(table.blocked),
        activation_(fused_activation(context.node.attributes).value_or(kernels::Activation{})) {
    const Tensor& weights = *context.constant(1);
    weights_shape_ = weights.shape();
    // What is packed depends on the window alone.
    const ConvShape shape = nominal_transposed(context.node, weights_shape_);
    const std::int64_t phases = shape.stride.count();
    std::int64_t floats = 0;
    for (std::int64_t i = 0; i < phases; ++i) {
      floats += static_cast<std::int64_t>(
          blocked_.plan(phase_of(shape, i).shape, BlockedForm::spread, 1).packed_floats);
    }
    packed_ = context.pack<float>(floats, [&](float* to) {
      for (std::int64_t i = 0; i < phases; ++i) {
        const Phase phase = phase_of(shape, i);
        const BlockedConvPlan plan = blocked_.plan(phase.shape, BlockedForm::spread, 1);
        const auto part = phase_weights(shape, phase, weights.as<float>().data());
        blocked_.pack_weights(phase.shape, plan, part.data(), to);
        to += plan.packed_floats;
      }
    });
    bias_.pack(context, shape.filters, blocked_.block);
  }

  bool consumed(std::size_t i) const noexcept override {
    return i == 1 || (i == 2 && bias_.is_packed());
  }

  void run(KernelContext& context) const override {
    const Shape x = kernels::blocked_conv_input(context.attributes(), context.input(0).shape());
    const ConvSizes g = geometry_of(context.node(), x, weights_shape_);
    kernels::ConvProblem problem;
    problem.output =
        context.output(0, blocked_shape(g.output, blocked_.block)).as_mutable<float>().data();
    problem.input = floats(context, 0);
    problem.bias = bias_.get(context, g.shape.filters, blocked_.block);
    problem.activation = activation_;

    struct Part {
      kernels::ConvProblem problem;
      BlockedConvPlan plan;
      std::int64_t end = 0;  ///< tasks of this part and those before it
    };
    std::array<Part, max_phases> parts;
    const float* weights = packed_.as<float>().data();
    std::size_t scratch_floats = 0;
    std::int64_t tasks = 0;
    const Extent3 out = g.shape.out, stride = g.shape.stride;
    const std::int64_t wanted = kernels::ceil_div(wanted_tasks(context), stride.count());
    for (std::int64_t i = 0; i < stride.count(); ++i) {
      Part& part = parts[to_size(i)];
      part.problem = problem;
      part.problem.shape = phase_of(g.shape, i).shape;
      part.problem.weights = weights;
      part.problem.spread = {out.count(), i / stride.w * out.w + i % stride.w, stride.h * out.w,
                             stride.w};
      part.plan = blocked_.plan(part.problem.shape, BlockedForm::spread, wanted);
      weights += part.plan.packed_floats;
      scratch_floats = std::max(scratch_floats, part.plan.scratch_floats);
      part.end = tasks += part.plan.task_count;
    }
    const std::size_t size = (scratch_floats + 15) / 16 * 16;
    float* const scratch = scratch_per_worker<float>(context, size);
    context.parallel_for(tasks, [&](std::int64_t task, int worker) {
      std::size_t i = 0;
      while (task >= parts[i].end) ++i;
      const std::int64_t begin = parts[i].end - parts[i].plan.task_count;
      blocked_.task(parts[i].problem, parts[i].plan, task - begin,
                    scratch + size * to_size(worker));
    });
  }

  /// nominal_shape with the node's pads, on which the phases depend.
  static ConvShape nominal_transposed(const Node& node, const Shape& w) {
    ConvShape shape = nominal_shape(node, w);
    const auto pads = node.attributes.integers("pads");
    if (pads.size() == 4) shape.pad = {0, pads[0], pads[1]};
    return shape;
  }

 private:
  const BlockedKernels& blocked_;
  kernels::Activation activation_;
  Tensor packed_;
  BlockedBias bias_;
  Shape weights_shape_;
};

/// Whether the sizes are such that nothing computed with them overflows.
bool is_usual(const ConvShape& s) {
  constexpr std::int64_t max_stride = 4, max_pad = 1 << 16;
  const auto fits = [](std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                       std::int64_t pad) {
    return dilation == 1 && stride >= 1 && stride <= max_stride && kernel >= stride &&
           pad >= -max_pad && pad <= max_pad;
  };
  return s.groups == 1 && fits(s.kernel.h, s.stride.h, s.dilation.h, s.pad.h) &&
         fits(s.kernel.w, s.stride.w, s.dilation.w, s.pad.w);
}

Support supports(const CompileContext& context) {
  const Attributes& attributes = context.node.attributes;
  const Tensor* weights = context.constant(1);
  if (weights == nullptr) return unsupported("weights that are not constant");
  if (weights->rank() != 4) return unsupported("not two spatial axes");
  if (!fused_activation(attributes)) return unsupported("an activation not fused");
  const std::string_view auto_pad = attributes.text("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" || attributes.has("output_shape")) {
    return unsupported("pads that depend on the input");
  }
  const ConvShape shape =
      BlockedConvTransposeKernel::nominal_transposed(context.node, weights->shape());
  if (!is_usual(shape)) return unsupported("an unusual window or groups");
  const std::int64_t block = channel_block_of(attributes);
  for (std::int64_t i = 0; i < shape.stride.count(); ++i) {
    if (!kernels::suits_blocked(phase_of(shape, i).shape, block)) {
      return unsupported("an unusual window");
    }
  }
  return float_inputs(context, 3);
}

}  // namespace

std::vector<CpuOp> blocked_transpose_ops() {
  return {
      cpu_op("inlay", "BlockedConvTranspose", supports, compile_as<BlockedConvTransposeKernel>)};
}

}  // namespace inlay::inline v0::cpu
