// Conv, com.microsoft:FusedConv and ConvTranspose.
#include "backends/cpu/broadcast_term.hpp"
#include "backends/cpu/conv_geometry.hpp"
#include "backends/cpu/fused_activation.hpp"
#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::ConvPlan;
using kernels::ConvShape;

class ConvKernel final : public Kernel {
 public:
  INLAY_COLD ConvKernel(const CompileContext& context, const KernelTable& table)
      : conv_(is_transpose(context.node) ? table.conv_transpose : table.conv),
        activation_(fused_activation(context.node.attributes).value_or(kernels::Activation{})) {
    const Tensor* weights = context.constant(1);
    if (weights == nullptr || weights->rank() != context.input_type(0).rank()) return;
    const std::optional<Shape> x = context.input_type(0).static_shape();
    const ConvShape shape = x ? geometry_of(context.node, *x, weights->shape()).shape
                              : nominal_shape(context.node, weights->shape());
    const ConvPlan plan = conv_.plan(shape);
    if (plan.packed_floats == 0) return;
    packed_ = context.pack<float>(static_cast<std::int64_t>(plan.packed_floats), [&](float* to) {
      conv_.pack_weights(shape, plan, weights->as<float>().data(), to);
    });
    weights_shape_ = weights->shape();
    // For some sizes of the input the weights are used as they are.
    consumed_ = x.has_value();
  }

  bool consumed(std::size_t i) const noexcept override { return i == 1 && consumed_; }

  void run(KernelContext& context) const override {
    const Shape w = packed_.defined() ? weights_shape_ : context.input(1).shape();
    const ConvSizes g = geometry_of(context.node(), context.input(0).shape(), w);
    kernels::check_bias(context, 2, g.shape.filters);
    float* const y = context.output(0, g.output).as_mutable<float>().data();
    const ConvPlan plan = conv_.plan(g.shape);
    kernels::ConvProblem problem;
    problem.shape = g.shape;
    problem.input = floats(context, 0);
    problem.weights =
        plan.packed_floats != 0 ? packed_weights(context, g.shape, plan) : floats(context, 1);
    problem.bias = floats_or_null(context, 2);
    problem.residual = broadcast_term(context, 3, g.output);
    problem.activation = activation_;
    problem.output = y;
    const std::size_t size = (plan.scratch_floats + 15) / 16 * 16;
    float* const scratch = scratch_per_worker<float>(context, size);
    context.parallel_for(plan.task_count, [&](std::int64_t task, int worker) {
      conv_.task(problem, plan, task, scratch + size * to_size(worker));
    });
  }

 private:
  const float* packed_weights(KernelContext& context, const ConvShape& shape,
                              const ConvPlan& plan) const {
    if (packed_.defined()) return packed_.as<float>().data();
    float* packed = context.scratch<float>(static_cast<std::int64_t>(plan.packed_floats)).data();
    conv_.pack_weights(shape, plan, floats(context, 1), packed);
    return packed;
  }

  const ConvKernels& conv_;
  kernels::Activation activation_;
  Tensor packed_;
  Shape weights_shape_;  // where packed
  bool consumed_ = false;
};

Support supports_conv(const CompileContext& context) {
  constexpr std::int64_t max_step = 64;
  const std::optional<Shape> w = context.input_type(1).static_shape();
  const Type& x = context.input_type(0);
  if (!x.has_rank || x.rank() > 2 + max_spatial) return unsupported("more than three spatial axes");
  if (!fused_activation(context.node.attributes)) return unsupported("an activation not fused");
  // A phase of the stride costs a step of its own, and there are as many as strides multiplied;
  // those of a kernel that leaves nothing out have work to do.
  const auto strides = context.node.attributes.integers("strides");
  for (std::size_t i = 0; i < strides.size(); ++i) {
    const std::int64_t taps = w && i + 2 < w->size() ? (*w)[static_cast<int>(i) + 2] : 0;
    if (strides[i] > std::max(max_step, taps)) return unsupported("an unusual stride");
  }
  return float_inputs(context, 4);
}

}  // namespace

std::vector<CpuOp> conv_ops() {
  return {
      cpu_op("", "Conv", supports_conv, compile_as<ConvKernel>),
      cpu_op("com.microsoft", "FusedConv", supports_conv, compile_as<ConvKernel>),
      cpu_op("", "ConvTranspose", supports_conv, compile_as<ConvKernel>),
  };
}

}  // namespace inlay::inline v0::cpu
