// Conv, com.microsoft:FusedConv and ConvTranspose.
#include "backends/reference/conv.hpp"

#include "backends/cpu/broadcast_term.hpp"
#include "backends/cpu/fused_activation.hpp"
#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::ConvPlan;
using kernels::ConvShape;
using kernels::Extent3;

constexpr int max_spatial = 3;

bool is_transpose(const Node& node) { return node.op == "ConvTranspose"; }

/// The kernel's view of a window; the spatial axes are the last of depth, height and width.
ConvShape shape_of(const Window& window, bool transpose) {
  ConvShape s;
  for (int i = 0; i < window.rank; ++i) {
    const WindowAxis& axis = window[i];
    const int at = max_spatial - window.rank + i;
    const auto set = [&](Extent3& extent, std::int64_t value) {
      (at == 0 ? extent.d : at == 1 ? extent.h : extent.w) = value;
    };
    // A transposed window slides over the output.
    set(s.in, transpose ? axis.output : axis.input);
    set(s.out, transpose ? axis.input : axis.output);
    set(s.kernel, axis.kernel);
    set(s.stride, axis.stride);
    set(s.dilation, axis.dilation);
    set(s.pad, axis.pad_begin);
  }
  return s;
}

/// Lets an innermost axis of one pixel give way to those before it: kernels work along rows.
void drop_flat_width(ConvShape& s) {
  if (s.in.w != 1 || s.out.w != 1 || s.kernel.w != 1 || s.pad.w != 0) return;
  for (Extent3* e : {&s.in, &s.out, &s.kernel, &s.stride, &s.dilation}) *e = {1, e->d, e->h};
  s.pad = {0, s.pad.d, s.pad.h};
}

struct Geometry {
  ConvShape shape;
  Shape output;
};

/// Errors: as conv_geometry.
Geometry geometry_of(const Node& node, const Shape& x, const Shape& w) {
  if (!is_transpose(node)) {
    const kernels::ConvGeometry g = kernels::conv_geometry(node.attributes, x, w);
    Geometry result{shape_of(g.window, false), g.output};
    result.shape.batch = g.batch, result.shape.channels = g.channels;
    result.shape.filters = g.filters, result.shape.groups = g.groups;
    drop_flat_width(result.shape);
    return result;
  }
  const std::int64_t groups = node.attributes.integer("group", 1);
  if (x.rank() < 3 || w.rank() != x.rank() || x[1] != w[0] || groups < 1 || x[1] % groups != 0 ||
      w[1] > INT64_MAX / groups) {
    throw Error(ErrorCode::shape_mismatch,
                "weights " + to_string(w) + " do not fit an input of " + to_string(x));
  }
  const Window window =
      make_transposed_window(node.attributes, x.dims().subspan(2), w.dims().subspan(2));
  Geometry result{shape_of(window, true), {x[0], w[1] * groups}};
  for (const std::int64_t dim : window.input_shape()) result.output.push_back(dim);
  result.shape.batch = x[0], result.shape.channels = x[1];
  result.shape.filters = w[1] * groups, result.shape.groups = groups;
  return result;
}

/// Some shape of the node's, for packing weights before the input's size is known: packed weights
/// depend on the kernel, groups, strides and dilations alone.
ConvShape nominal_shape(const Node& node, const Shape& w) {
  const std::int64_t groups = std::max<std::int64_t>(1, node.attributes.integer("group", 1));
  Window window;
  window.rank = w.rank() - 2;
  const auto strides = node.attributes.integers("strides");
  const auto dilations = node.attributes.integers("dilations");
  for (int i = 0; i < window.rank; ++i) {
    WindowAxis& axis = window[i];
    axis.kernel = w[i + 2];
    if (to_size(i) < strides.size()) axis.stride = strides[to_size(i)];
    if (to_size(i) < dilations.size()) axis.dilation = dilations[to_size(i)];
    axis.input = axis.output = 64 + axis.kernel;
  }
  const bool transpose = is_transpose(node);
  ConvShape s = shape_of(window, transpose);
  s.channels = transpose ? w[0] : w[1] * groups;
  s.filters = transpose ? w[1] * groups : w[0];
  s.groups = groups;
  return s;
}

class ConvKernel final : public Kernel {
 public:
  ConvKernel(const CompileContext& context, const KernelTable& table)
      : conv_(is_transpose(context.node) ? table.conv_transpose : table.conv),
        activation_(fused_activation(context.node.attributes).value_or(kernels::Activation{})) {
    const Tensor* weights = context.constant(1);
    if (weights == nullptr || weights->rank() != context.input_type(0).rank()) return;
    const std::optional<Shape> x = context.input_type(0).static_shape();
    const ConvShape shape = x ? geometry_of(context.node, *x, weights->shape()).shape
                              : nominal_shape(context.node, weights->shape());
    const ConvPlan plan = conv_.plan(shape);
    if (plan.packed_floats == 0) return;
    packed_ = Tensor::zeros(DType::float32, {static_cast<std::int64_t>(plan.packed_floats)});
    conv_.pack_weights(shape, plan, weights->as<float>().data(),
                       packed_.as_mutable<float>().data());
    weights_shape_ = weights->shape();
    // For some sizes of the input the weights are used as they are.
    consumed_ = x.has_value();
  }

  std::size_t packed_bytes() const noexcept override {
    return packed_.defined() ? packed_.bytes() : 0;
  }
  bool consumed(std::size_t i) const noexcept override { return i == 1 && consumed_; }

  void run(KernelContext& context) const override {
    const Shape w = packed_.defined() ? weights_shape_ : context.input(1).shape();
    const Geometry g = geometry_of(context.node(), context.input(0).shape(), w);
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
