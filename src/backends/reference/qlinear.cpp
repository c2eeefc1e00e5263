#include "backends/reference/qlinear.hpp"

#include "backends/reference/activation_function.hpp"
#include "backends/reference/pool.hpp"
#include "backends/reference/quantization.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// The scale of input i and the zero point of input i + 1 (0 when absent).
struct Quantization {
  float scale;
  double zero_point;
};
Quantization quantization(KernelContext& context, std::size_t i) {
  return {scalar_scale(context, i), scalar_zero_point(context, i + 1)};
}

/// f(a, b) in units of the output's scale, from codes without zero points and the three scales.
template <class F>
void run_binary(KernelContext& context, F&& f) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(3);
  const float a_scale = scalar_scale(context, 1), b_scale = scalar_scale(context, 4);
  const Quantization out = quantization(context, 6);
  const Shape shape = broadcast(a.shape(), b.shape());
  const std::array<Strides, 2> steps{broadcast_strides(a.shape(), shape),
                                     broadcast_strides(b.shape(), shape)};
  const float* a_codes = centered<float>(context, a, 2);
  const float* b_codes = centered<float>(context, b, 5);
  Tensor& y = context.output(0, shape);
  visit_quantizer(y, true, [&](auto put) {
    walk<2>(shape, steps, [&](std::int64_t i, Offsets<2> at) {
      put(i, f(a_codes[at[0]], b_codes[at[1]], a_scale, b_scale, out.scale), out.zero_point);
    });
  });
}

void run_unary(KernelContext& context, const ActivationFunction<float>& f) {
  const Tensor& x = context.input(0);
  const float scale = scalar_scale(context, 1);
  const Quantization out = quantization(context, 3);
  const float* codes = centered<float>(context, x, 2);
  Tensor& y = context.output(0, x.shape());
  visit_quantizer(y, true, [&](auto put) {
    for (std::int64_t i = 0; i < y.size(); ++i) {
      put(i, f(codes[i] * scale) / out.scale, out.zero_point);
    }
  });
}

}  // namespace

void run_qlinear_add(KernelContext& context) {
  run_binary(context, [](float a, float b, float a_scale, float b_scale, float y_scale) {
    return a * (a_scale / y_scale) + b * (b_scale / y_scale);
  });
}

void run_qlinear_mul(KernelContext& context) {
  run_binary(context, [](float a, float b, float a_scale, float b_scale, float y_scale) {
    return a * b * (a_scale * b_scale / y_scale);
  });
}

void run_qlinear_leaky_relu(KernelContext& context) {
  ActivationFunction<float> f = find_activation<float>("LeakyRelu");
  f.alpha = context.attributes().real("alpha", f.alpha);
  run_unary(context, f);
}

void run_qlinear_sigmoid(KernelContext& context) {
  run_unary(context, find_activation<float>("Sigmoid"));
}

void run_qlinear_average_pool(KernelContext& context) {
  const Tensor& x = context.input(0);
  const bool last = context.attributes().integer("channels_last", 0) != 0;
  const PoolGeometry g =
      pool_geometry(context.attributes(), last ? channels_first(x.shape()) : x.shape());
  const bool count_padding = context.attributes().integer("count_include_pad", 0) != 0;
  const float scale = scalar_scale(context, 1);
  const Quantization out = quantization(context, 3);
  const auto* codes = centered<std::int32_t>(context, x, 2);
  const std::int64_t plane_size = g.window.input_size(), outputs = g.window.output_size();
  Tensor& y = context.output(0, last ? channels_last(g.output) : g.output);
  visit_quantizer(y, true, [&](auto put) {
    for_each_window(context, g, [&](std::int64_t plane, const WindowView& view, std::int64_t i) {
      const PlanePlaces image = plane_places(plane, plane_size, g.output[1], last);
      const PlanePlaces result = plane_places(plane, outputs, g.output[1], last);
      std::int64_t sum = 0;
      view.for_each([&](std::int64_t at) { sum += codes[image(at)]; });
      const float factor = scale / (out.scale * static_cast<float>(view.divisor(count_padding)));
      put(result(i - plane * outputs), static_cast<float>(sum) * factor, out.zero_point);
    });
  });
}

void run_qlinear_global_average_pool(KernelContext& context) {
  const Tensor& x = context.input(0);
  if (x.rank() < 3) {
    context.fail(ErrorCode::shape_mismatch, "a pool needs a batch, a channel and spatial axes");
  }
  const bool last = context.attributes().integer("channels_last", 0) != 0;
  const Shape first = last ? channels_first(x.shape()) : x.shape();
  Shape shape{first[0], first[1]};
  while (shape.rank() < x.rank()) shape.push_back(1);
  const std::int64_t size = first.product(2, x.rank());
  const float scale = scalar_scale(context, 1);
  const Quantization out = quantization(context, 3);
  const auto* codes = centered<std::int32_t>(context, x, 2);
  const float factor = scale / (out.scale * static_cast<float>(size));
  Tensor& y = context.output(0, last ? channels_last(shape) : shape);
  visit_quantizer(y, true, [&](auto put) {
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const PlanePlaces plane = plane_places(i, size, first[1], last);
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < size; ++k) sum += codes[plane(k)];
      put(i, static_cast<float>(sum) * factor, out.zero_point);
    }
  });
}

void run_qlinear_concat(KernelContext& context) {
  const Quantization out = quantization(context, 0);
  Shape shape = context.input(2).shape();
  const int axis = normalize_axis(context.attributes().integer("axis", 0), shape.rank());
  for (std::size_t i = 5; i < context.input_count(); i += 3) {
    Shape part = context.input(i).shape();
    if (part.rank() == shape.rank()) {
      shape[axis] += part[axis];
      part[axis] = shape[axis];
    }
    if (!(part == shape)) {
      context.fail(ErrorCode::shape_mismatch, "the parts differ along another axis");
    }
  }
  Tensor& y = context.output(0, shape);
  const AxisSplit whole = split_axis(shape, axis);
  std::int64_t start = 0;  // of the part within the axis
  for (std::size_t n = 2; n < context.input_count(); n += 3) {
    const Tensor& part = context.input(n);
    const float scale = scalar_scale(context, n + 1);
    const float* codes = centered<float>(context, part, n + 2);
    const std::int64_t rows = part.dim(axis) * whole.inner;
    visit_quantizer(y, true, [&](auto put) {
      for (std::int64_t o = 0; o < whole.outer; ++o) {
        for (std::int64_t i = 0; i < rows; ++i) {
          put((o * whole.axis + start) * whole.inner + i, codes[o * rows + i] * scale / out.scale,
              out.zero_point);
        }
      }
    });
    start += part.dim(axis);
  }
}

void run_code_table(KernelContext& context) {
  const Tensor &x = context.input(0), &table = context.input(1);
  if (table.size() != 256) {
    context.fail(ErrorCode::shape_mismatch, "a table of codes has 256 entries");
  }
  Tensor& y = context.output(0, x.shape());
  const auto* const codes = static_cast<const std::uint8_t*>(x.data());
  const auto* const entries = static_cast<const std::uint8_t*>(table.data());
  auto* const to = static_cast<std::uint8_t*>(y.mutable_data());
  for (std::int64_t i = 0; i < x.size(); ++i) to[i] = entries[codes[i]];
}

}  // namespace inlay::inline v0::kernels
