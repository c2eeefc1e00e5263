// Resize and Upsample over two axes that are the last or have one behind them, nearest or linear.
#include "backends/cpu/glue.hpp"
#include "backends/reference/resize_rules.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::ResizeAxis;
using kernels::ResizeMode;

class ResizeKernel final : public Kernel {
 public:
  ResizeKernel(const CompileContext&, const KernelTable& table) : spatial_(table.spatial) {}

  void run(KernelContext& context) const override {
    const kernels::ResizeAxes axes = kernels::resize_axes(context);
    const ResizeMode mode(context);
    const Shape from = context.input(0).shape();
    const int rank = from.rank();
    const Shape shape = kernels::resized_shape(axes, rank);
    if (shape.elements() > 0 && from.elements() == 0) {
      context.fail(ErrorCode::shape_mismatch, "there is no element to resize");
    }
    const bool by_columns =
        rank >= 3 && axes[to_size(rank - 1)].identity() && !axes[to_size(rank - 3)].identity();
    const int last = rank - (by_columns ? 2 : 1);  // of the axes that are resized
    for (int axis = 0; axis < last - 1; ++axis) {
      if (!axes[to_size(axis)].identity()) {
        context.fail(ErrorCode::unsupported, "only two of the last three axes can be resized");
      }
    }
    const float* x = floats(context, 0);
    float* y = context.output(0, shape).as_mutable<float>().data();
    if (shape.elements() == 0) return;
    const ResizeAxis& height = axes[to_size(last - 1)];
    const ResizeAxis& width = axes[to_size(last)];
    const std::int64_t out_rows = shape.product(0, last);
    const std::int64_t grain = items_per_task(shape.product(last, rank));
    const std::size_t count = to_size(shape.back());
    if (mode.mode == "nearest") {
      const auto rows = nearest_table(context, mode, height);
      const auto columns = nearest_table(context, mode, width);
      for_ranges(context, out_rows, grain, [&](std::size_t begin, std::size_t end, int) {
        if (by_columns) {
          spatial_.resize_nearest_columns(x, y, rows, columns, count, begin, end);
        } else {
          spatial_.resize_nearest(x, y, rows, columns, begin, end);
        }
      });
      return;
    }
    const auto rows = linear_table(context, mode, height);
    const auto columns = linear_table(context, mode, width);
    const std::size_t line_floats = columns.size * (by_columns ? count : 1);
    float* const lines = scratch_per_worker<float>(context, line_floats);
    for_ranges(context, out_rows, grain, [&](std::size_t begin, std::size_t end, int worker) {
      float* const line = lines + static_cast<std::size_t>(worker) * line_floats;
      if (by_columns) {
        spatial_.resize_bilinear_columns(x, y, rows, columns, count, begin, end, line);
      } else {
        spatial_.resize_bilinear(x, y, rows, columns, begin, end, line);
      }
    });
  }

 private:
  static kernels::NearestAxis nearest_table(KernelContext& context, const ResizeMode& mode,
                                            const ResizeAxis& axis) {
    const auto index = context.scratch<std::int32_t>(axis.to);
    for (std::size_t i = 0; i < index.size(); ++i) {
      const double at = kernels::source_position(mode.transform, axis, static_cast<double>(i));
      index[i] = axis.identity() ? static_cast<std::int32_t>(i)
                                 : static_cast<std::int32_t>(mode.nearest_element(axis, at));
    }
    return {to_size(axis.from), to_size(axis.to), index.data()};
  }

  static kernels::LinearAxis linear_table(KernelContext& context, const ResizeMode& mode,
                                          const ResizeAxis& axis) {
    const auto low = context.scratch<std::int32_t>(axis.to);
    const auto high = context.scratch<std::int32_t>(axis.to);
    const auto weight = context.scratch<float>(axis.to);
    const auto last = static_cast<double>(axis.from - 1);
    for (std::size_t i = 0; i < low.size(); ++i) {
      const double at =
          axis.identity() ? static_cast<double>(i)
                          : kernels::source_position(mode.transform, axis, static_cast<double>(i));
      const double floor = std::floor(at);
      low[i] = static_cast<std::int32_t>(std::clamp(floor, 0.0, last));
      high[i] = static_cast<std::int32_t>(std::clamp(floor + 1, 0.0, last));
      weight[i] = static_cast<float>(at - floor);
    }
    return {to_size(axis.from), to_size(axis.to), low.data(), high.data(), weight.data()};
  }

  const SpatialKernels& spatial_;
};

/// Whether surely no axes change their size but the last two, or the two before the last.
bool resizes_planes_only(const CompileContext& context) {
  const int rank = context.input_type(0).rank();
  const auto axes = context.node.attributes.integers("axes");
  if (!axes.empty()) {
    const auto within = [&](int first, int last) {
      return std::all_of(axes.begin(), axes.end(), [&](std::int64_t axis) {
        const std::int64_t i = axis < 0 ? axis + rank : axis;
        return i >= first && i <= last;
      });
    };
    return within(rank - 2, rank - 1) || within(rank - 3, rank - 2);
  }
  const auto ones_lead = [&](std::span<const float> scales) {
    if (static_cast<int>(scales.size()) != rank) return false;
    const int last = rank >= 3 && scales.back() == 1 ? rank - 2 : rank - 1;
    return std::all_of(scales.begin(), scales.begin() + last - 1,
                       [](float scale) { return scale == 1; });
  };
  if (context.node.attributes.has("scales")) {
    return ones_lead(context.node.attributes.reals("scales"));
  }
  const bool by_sizes = context.node.is("Resize") && context.node.has_input(3);
  if (by_sizes) {
    // The leading dims must be the same symbols or numbers in the result as in the input.
    const ValueId out = context.node.output(0);
    const Type& result = context.graph.value(out).type;
    if (result.rank() != rank) return false;
    const auto keeps = [&](int axis) {
      const auto i = to_size(axis);
      return result.dims[i].same_as(context.input_type(0).dims[i]);
    };
    const int last = rank >= 3 && keeps(rank - 1) ? rank - 2 : rank - 1;
    for (int axis = 0; axis < last - 1; ++axis) {
      if (!keeps(axis)) return false;
    }
    return true;
  }
  const bool classic = context.node.is("Upsample") || context.node.version < 11;
  const Tensor* scales = context.constant(classic ? 1 : 2);
  return scales != nullptr && scales->dtype() == DType::float32 && ones_lead(scales->as<float>());
}

Support supports_resize(const CompileContext& context) {
  const Attributes& attributes = context.node.attributes;
  const std::string_view mode = attributes.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear" && mode != "bilinear") {
    return unsupported("neither nearest nor linear");
  }
  if (attributes.text("coordinate_transformation_mode", "") == "tf_crop_and_resize") {
    return unsupported("crops");
  }
  if (attributes.integer("antialias", 0) != 0) return unsupported("antialias");
  if (attributes.integer("exclude_outside", 0) != 0) return unsupported("exclude_outside");
  if (attributes.text("keep_aspect_ratio_policy", "stretch") != "stretch") {
    return unsupported("keeps an aspect ratio");
  }
  if (context.input_type(0).rank() < 2) return unsupported("unknown rank");
  if (!resizes_planes_only(context)) return unsupported("axes that are not neighbours at the end");
  return float_inputs(context, 1);
}

}  // namespace

std::vector<CpuOp> resize_ops() {
  return {cpu_op("", "Resize", supports_resize, compile_as<ResizeKernel>),
          cpu_op("", "Upsample", supports_resize, compile_as<ResizeKernel>)};
}

}  // namespace inlay::inline v0::cpu
