#include "backends/reference/channels.hpp"
#include "backends/reference/conv.hpp"
#include "backends/reference/matmul.hpp"
#include "backends/reference/qlinear.hpp"
#include "backends/reference/quantization.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

/// Which scale belongs to which element: one for all, one per index of an axis, or one per block of
/// indices along an axis.
struct ScaleLayout {
  AxisSplit split;
  std::int64_t block;       ///< indices of the axis that share a scale
  std::int64_t outer_step;  ///< from one outer index to the next, in scales
  std::int64_t block_step;
  std::int64_t inner_step;

  /// Calls f(element, scale) for each element in order.
  template <class F>
  void for_each(F&& f) const {
    if (split.axis * split.inner == 0) return;
    std::int64_t element = 0;
    for (std::int64_t o = 0; o < split.outer; ++o) {
      for (std::int64_t a = 0; a < split.axis; ++a) {
        std::int64_t scale = o * outer_step + a / block * block_step;
        for (std::int64_t i = 0; i < split.inner; ++i, scale += inner_step) f(element++, scale);
      }
    }
  }
};

/// Errors: shape_mismatch when scale or zero point do not fit x.
ScaleLayout scale_layout(const KernelContext& context) {
  const Shape& x = context.input(0).shape();
  const Shape& scale = context.input(1).shape();
  if (context.has_input(2) && context.input(2).size() != context.input(1).size()) {
    context.fail(ErrorCode::shape_mismatch, "the zero point must have the shape of the scale");
  }
  if (context.input(1).size() == 1) return {{1, 1, x.elements()}, 1, 0, 0, 0};
  std::int64_t axis_value = context.attributes().integer("axis", 1);
  if (x.rank() == 1) axis_value = 0;
  const int axis = normalize_axis(axis_value, x.rank());
  const AxisSplit split = split_axis(x, axis);
  if (scale.rank() == 1) {
    if (scale[0] != split.axis) {
      context.fail(ErrorCode::shape_mismatch, "there are " + std::to_string(scale[0]) +
                                                  " scales for an axis of " +
                                                  std::to_string(split.axis));
    }
    return {split, 1, 0, 1, 0};
  }
  const std::int64_t block = context.attributes().integer("block_size", 0);
  Shape blocked = x;
  if (block > 0) blocked[axis] = split.axis / block + (split.axis % block != 0 ? 1 : 0);
  if (block <= 0 || !(scale == blocked)) {
    context.fail(ErrorCode::shape_mismatch, "scales " + to_string(scale) + " do not fit " +
                                                to_string(x) + " in blocks of " +
                                                std::to_string(block));
  }
  return {split, block, scale[axis] * split.inner, split.inner, 1};
}

/// value / scale as a division of the given type gives it.
double quotient(double value, double scale, DType precision) {
  switch (precision) {
    case DType::float16:
      return float16(static_cast<float>(value) / static_cast<float>(scale));
    case DType::bfloat16:
      return bfloat16(static_cast<float>(value) / static_cast<float>(scale));
    case DType::int32:
    case DType::float64:
      return value / scale;
    default:
      return static_cast<float>(value) / static_cast<float>(scale);
  }
}

void run_quantize(KernelContext& context) {
  const Tensor& x = context.input(0);
  const ScaleLayout layout = scale_layout(context);
  const auto scales = decoded_scales(context, context.input(1));
  const auto zeros =
      context.has_input(2) ? decoded(context, context.input(2)) : std::span<const double>();
  auto precision = static_cast<DType>(context.attributes().integer("precision", 0));
  if (precision == DType::undefined) precision = context.input(1).dtype();
  const bool saturate = context.attributes().integer("saturate", 1) != 0;
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Types<float, float16, bfloat16, std::int32_t>>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    visit_quantizer(y, saturate, [&](auto put) {
      layout.for_each([&](std::int64_t i, std::int64_t s) {
        const auto scale = static_cast<std::size_t>(s);
        put(i, quotient(static_cast<double>(from[i]), scales[scale], precision),
            zeros.empty() ? 0.0 : zeros[scale]);
      });
    });
  });
}

void run_dequantize(KernelContext& context) {
  const Tensor& x = context.input(0);
  const ScaleLayout layout = scale_layout(context);
  const auto scales = decoded_scales(context, context.input(1));
  const auto zeros =
      context.has_input(2) ? decoded(context, context.input(2)) : std::span<const double>();
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Types<float, float16, bfloat16>>(y.dtype(), [&]<class T>() {
    T* to = y.as_mutable<T>().data();
    visit_codes(x, [&](auto code) {
      layout.for_each([&](std::int64_t i, std::int64_t s) {
        const auto scale = static_cast<std::size_t>(s);
        const double centre = zeros.empty() ? 0.0 : zeros[scale];
        to[i] = static_cast<T>(static_cast<float>(code(i) - centre) *
                               static_cast<float>(scales[scale]));
      });
    });
  });
}

void run_dynamic_quantize(KernelContext& context) {
  const auto x = context.input(0).as<float>();
  const DynamicCodes codes(x);
  Tensor& y = context.output(0, context.input(0).shape());
  context.output(1, Shape()).as_mutable<float>()[0] = codes.scale;
  context.output(2, Shape()).as_mutable<std::uint8_t>()[0] = codes.zero_point;
  const auto to = y.as_mutable<std::uint8_t>();
  for (std::size_t i = 0; i < x.size(); ++i) to[i] = codes(x[i]);
}

void run_qlinear_conv(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(3);
  const bool last = context.attributes().integer("channels_last", 0) != 0;  // com.microsoft's
  const Shape x_shape = last ? channels_first(x.shape()) : x.shape();
  const ConvGeometry g = conv_geometry(context.attributes(), x_shape, w.shape());
  check_bias(context, 8, g.filters);
  const auto w_scales = decoded_scales(context, context.input(4));
  if (w_scales.size() != 1 && w_scales.size() != static_cast<std::size_t>(g.filters)) {
    context.fail(ErrorCode::shape_mismatch, "there must be one weight scale, or one per filter");
  }
  const float x_scale = scalar_scale(context, 1), y_scale = scalar_scale(context, 6);
  const double y_zero = scalar_zero_point(context, 7);
  Tensor& y = context.output(0, last ? channels_last(g.output) : g.output);
  const auto* codes = centered<std::int32_t>(context, x, 2);
  if (last) codes = with_channels_first(context, codes, x_shape);
  const auto sums = context.scratch<std::int32_t>(y.size());
  fill_bias(g, context.has_input(8) ? context.input(8).as<std::int32_t>().data() : nullptr,
            sums.data());
  convolve<std::int32_t>(context, g, codes, centered_filters<std::int32_t>(context, w, 5),
                         sums.data());
  const std::int64_t plane = g.plane();
  visit_quantizer(y, true, [&](auto put) {
    context.parallel_for(g.batch * g.filters, [&](std::int64_t task, int) {
      const auto filter = w_scales.size() == 1 ? 0 : static_cast<std::size_t>(task % g.filters);
      const float factor = x_scale * static_cast<float>(w_scales[filter]) / y_scale;
      const PlanePlaces result = plane_places(task, plane, g.filters, last);
      const std::int32_t* from = sums.data() + task * plane;
      for (std::int64_t i = 0; i < plane; ++i) {
        put(result(i), static_cast<float>(from[i]) * factor, y_zero);
      }
    });
  });
}

template <class Sum>
void qlinear_matmul(KernelContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(3);
  const MatMulGeometry g = matmul_geometry(a.shape(), b.shape());
  const auto a_scales = decoded_scales(context, context.input(1));
  const auto b_scales = decoded_scales(context, context.input(4));
  const float y_scale = scalar_scale(context, 6);
  const double y_zero = scalar_zero_point(context, 7);
  Tensor& y = context.output(0, g.output);
  const auto sums = context.scratch<Sum>(y.size());
  matmul<Sum>(context, g, centered_rows<Sum>(context, a, 2), centered<Sum>(context, b, 5),
              sums.data());
  // Scales follow rows of a and columns of b, whatever the rank of the product.
  Shape full = g.batch;
  full.push_back(g.m);
  full.push_back(g.n);
  const std::array<Strides, 2> steps{broadcast_strides(per_row(context.input(1)), full),
                                     broadcast_strides(context.input(4).shape(), full)};
  visit_quantizer(y, true, [&](auto put) {
    walk<2>(full, steps, [&](std::int64_t i, Offsets<2> at) {
      const float factor = static_cast<float>(a_scales[static_cast<std::size_t>(at[0])]) *
                           static_cast<float>(b_scales[static_cast<std::size_t>(at[1])]) / y_scale;
      put(i, static_cast<float>(sums[static_cast<std::size_t>(i)]) * factor, y_zero);
    });
  });
}

void run_qlinear_matmul(KernelContext& context) {
  if (is_small_float(context.input(0).dtype()) || is_small_float(context.input(3).dtype())) {
    qlinear_matmul<float>(context);
  } else {
    qlinear_matmul<std::int32_t>(context);
  }
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> quantized_kernels() {
  constexpr std::string_view microsoft = "com.microsoft";
  return {
      {"", "QuantizeLinear", kernels::run_quantize},
      {"", "DequantizeLinear", kernels::run_dequantize},
      {"", "DynamicQuantizeLinear", kernels::run_dynamic_quantize},
      {"", "QLinearConv", kernels::run_qlinear_conv},
      {microsoft, "QLinearConv", kernels::run_qlinear_conv},
      {"", "QLinearMatMul", kernels::run_qlinear_matmul},
      {microsoft, "QuantizeLinear", kernels::run_quantize},
      {microsoft, "DequantizeLinear", kernels::run_dequantize},
      {microsoft, "QLinearAdd", kernels::run_qlinear_add},
      {microsoft, "QLinearMul", kernels::run_qlinear_mul},
      {microsoft, "QLinearLeakyRelu", kernels::run_qlinear_leaky_relu},
      {microsoft, "QLinearSigmoid", kernels::run_qlinear_sigmoid},
      {microsoft, "QLinearAveragePool", kernels::run_qlinear_average_pool},
      {microsoft, "QLinearGlobalAveragePool", kernels::run_qlinear_global_average_pool},
      {microsoft, "QLinearConcat", kernels::run_qlinear_concat},
      {"inlay", "CodeTable", kernels::run_code_table},
  };
}

}  // namespace inlay::inline v0
