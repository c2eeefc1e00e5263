// Convolutions of 8-bit codes: QLinearConv, com.microsoft's with channels last, and ConvInteger.
#include "backends/cpu/conv_geometry.hpp"
#include "backends/cpu/quantized_codes.hpp"
#include "backends/cpu/transpose.hpp"
#include "backends/reference/channels.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::ConvShape;
using kernels::IntegerOutput;

bool has_channels_last(const Node& node) {
  return node.attributes.integer("channels_last", 0) != 0;
}

/// Where an operator has its inputs.
struct ConvPlaces {
  std::size_t w, x_zero, w_zero;
  std::size_t x_scale = 0, w_scale = 0, y_scale = 0;  ///< 0: there are none
  std::size_t bias = 0;
};

ConvPlaces conv_places(const Node& node) {
  if (node.op == "ConvInteger") return {.w = 1, .x_zero = 2, .w_zero = 3};
  return {.w = 3, .x_zero = 2, .w_zero = 5, .x_scale = 1, .w_scale = 4, .y_scale = 6, .bias = 8};
}

class IntegerConvKernel final : public Kernel {
 public:
  IntegerConvKernel(const CompileContext& context, const KernelTable& table)
      : conv_(table.integer.conv),
        spatial_(table.spatial),
        places_(conv_places(context.node)),
        is_last_(has_channels_last(context.node)) {
    const Tensor& w = *context.constant(places_.w);
    w_shape_ = w.shape();
    w_is_signed_ = w.dtype() == DType::int8;
    const ConvShape shape = nominal_shape(context.node, w_shape_);
    const PackedCodes layout(conv_.packed_size(shape), shape.filters);
    packed_ = context.pack<std::int8_t>(layout.bytes(), [&](std::int8_t* packed) {
      const std::vector<std::uint8_t> weights = with_channels_last(w);
      conv_.pack(shape, weights.data(), w_is_signed_, packed, layout.sums(packed));
    });
  }

  bool consumed(std::size_t i) const noexcept override { return i == places_.w; }

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    if (x.rank() != w_shape_.rank()) {
      context.fail(ErrorCode::shape_mismatch, "x and w are of different ranks");
    }
    const Shape x_shape = is_last_ ? kernels::channels_first(x.shape()) : x.shape();
    const ConvSizes g = geometry_of(context.node(), x_shape, w_shape_);
    if (places_.bias != 0) kernels::check_bias(context, places_.bias, g.shape.filters);
    Tensor& y = context.output(0, is_last_ ? kernels::channels_last(g.output) : g.output);
    if (y.size() == 0) return;
    kernels::IntegerConvProblem problem;
    problem.shape = g.shape;
    problem.input = static_cast<const std::uint8_t*>(x.data());
    problem.y = y.mutable_data();
    const auto element = byte_size(y.dtype(), 1);
    if (!is_last_ && x.size() > 0) {
      void* const first = context.scratch(byte_size(x.dtype(), x.size()));
      transpose(context, x_shape[0], x_shape[1], x_shape.product(2, x_shape.rank()), 1, x.data(),
                first);
      problem.input = static_cast<const std::uint8_t*>(first);
    }
    if (!is_last_) problem.y = context.scratch(byte_size(y.dtype(), y.size()));
    fill(context, y, problem);
    const kernels::IntegerConvPlan plan = conv_.plan(g.shape, wanted_tasks(context));
    const std::size_t words = (plan.scratch_words + 15) / 16 * 16;
    auto* const scratch = scratch_per_worker<kernels::DotWord>(context, words);
    context.parallel_for(plan.task_count, [&](std::int64_t task, int worker) {
      conv_.task(problem, plan, task, scratch + words * to_size(worker));
    });
    if (!is_last_) {
      transpose(context, g.output[0], g.output.product(2, g.output.rank()), g.output[1], element,
                problem.y, y.mutable_data());
    }
  }

 private:
  /// [filters, channels, kernel] as [filters, kernel, channels].
  static std::vector<std::uint8_t> with_channels_last(const Tensor& w) {
    const auto* const from = static_cast<const std::uint8_t*>(w.data());
    const std::int64_t channels = w.dim(1), taps = w.shape().product(2, w.rank());
    std::vector<std::uint8_t> to(to_size(w.size()));
    for (std::int64_t f = 0; f < w.dim(0); ++f) {
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t t = 0; t < taps; ++t) {
          to[to_size((f * taps + t) * channels + c)] = from[(f * channels + c) * taps + t];
        }
      }
    }
    return to;
  }

  /// Swaps the rows and columns of `batch` matrices.
  void transpose(KernelContext& context, std::int64_t batch, std::int64_t rows, std::int64_t cols,
                 std::size_t element, const void* from, void* to) const {
    const std::size_t dims[] = {to_size(batch), to_size(rows), to_size(cols)}, order[] = {0, 2, 1};
    run_transpose(context, spatial_, kernels::make_transpose_plan(3, dims, order, element), from,
                  to);
  }

  void fill(KernelContext& context, const Tensor& y, kernels::IntegerConvProblem& problem) const {
    problem.x_is_signed = context.input(0).dtype() == DType::int8;
    problem.x_zero = zero_points(context, places_.x_zero).get(0, 0);
    problem.w_is_signed = w_is_signed_;
    problem.w_zeros = zero_points(context, places_.w_zero);
    const PackedCodes layout(conv_.packed_size(problem.shape), problem.shape.filters);
    problem.weights = packed_.as<std::int8_t>().data();
    problem.sums = layout.sums(problem.weights);
    problem.output = IntegerOutput::integers;
    if (places_.bias != 0 && context.has_input(places_.bias)) {
      problem.bias = context.input(places_.bias).as<std::int32_t>().data();
    }
    if (places_.y_scale == 0) return;
    const Codes of_y(context, places_.y_scale);
    problem.output = IntegerOutput::codes;
    problem.scales = joint_scales(context, places_.w_scale,
                                  context.input(places_.x_scale).item<float>(), of_y.scale);
    problem.y_zero = of_y.zero_point;
    problem.y_is_signed = y.dtype() == DType::int8;
  }

  const IntegerConvKernels& conv_;
  const SpatialKernels& spatial_;
  ConvPlaces places_;
  bool is_last_;
  Tensor packed_;
  Shape w_shape_;
  bool w_is_signed_ = false;
};

/// Whether input i is absent, or known to be one number or one for each filter.
bool suits_filters(const CompileContext& context, std::size_t i, std::int64_t filters) {
  if (is_single(context, i)) return true;
  const auto shape = context.input_type(i).static_shape();
  return shape && shape->rank() == 1 && (*shape)[0] == filters;
}

Support supports_integer_conv(const CompileContext& context) {
  const ConvPlaces at = conv_places(context.node);
  if (!is_code(context.dtype(0)) || !is_code(context.dtype(at.w))) {
    return unsupported("codes that are not of 8 bits");
  }
  const Tensor* const w = context.constant(at.w);
  if (w == nullptr) return unsupported("weights that are computed");
  if (w->rank() < 3 || w->rank() > 2 + max_spatial || w->size() == 0) {
    return unsupported("an unusual number of axes");
  }
  const std::int64_t filters = w->dim(0), groups = context.node.attributes.integer("group", 1);
  if (groups < 1 || filters % groups != 0) return unsupported("groups that do not divide filters");
  const auto has_zeros = [&](std::size_t i, std::size_t of) {
    return !context.node.has_input(i) || context.dtype(i) == context.dtype(of);
  };
  if (!has_zeros(at.x_zero, 0) || !has_zeros(at.w_zero, at.w)) {
    return unsupported("another zero point");
  }
  if (!is_single(context, at.x_zero) || !suits_filters(context, at.w_zero, filters)) {
    return unsupported("several zero points");
  }
  if (at.y_scale == 0) return supported();
  if (context.dtype(at.x_scale) != DType::float32 || context.dtype(at.w_scale) != DType::float32) {
    return unsupported("a scale that is not f32");
  }
  if (!is_single(context, at.x_scale) || !suits_filters(context, at.w_scale, filters)) {
    return unsupported("several scales");
  }
  if (const char* reason = unsuited(context, at.y_scale, output_dtype(context))) {
    return unsupported(reason);
  }
  return supported();
}

}  // namespace

std::vector<CpuOp> integer_conv_ops() {
  return {
      cpu_op("", "QLinearConv", supports_integer_conv, compile_as<IntegerConvKernel>),
      cpu_op("com.microsoft", "QLinearConv", supports_integer_conv, compile_as<IntegerConvKernel>),
      cpu_op("", "ConvInteger", supports_integer_conv, compile_as<IntegerConvKernel>),
  };
}

}  // namespace inlay::inline v0::cpu
