// com.microsoft's QLinear operators beyond those that every quantizer writes: QLinearSoftmax,
// QLinearReduceMean, QLinearWhere.
#include "backends/reference/arguments.hpp"
#include "backends/reference/contrib/contrib.hpp"
#include "backends/reference/quantization.hpp"
#include "backends/reference/softmax.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// The numbers that the codes of input i stand for, their scale and zero point in the next two.
const float* dequantized(KernelContext& context, std::size_t i) {
  const Tensor& tensor = context.input(i);
  const float scale = scalar_scale(context, i + 1);
  const float* codes = centered<float>(context, tensor, i + 2);
  const auto values = context.scratch<float>(tensor.size());
  std::transform(codes, codes + tensor.size(), values.begin(),
                 [=](float code) { return code * scale; });
  return values.data();
}

/// Calls f(put), where put(i, value) stores the code of `value` as element i of `y`, with the scale
/// of input `scale` and the zero point of the next.
template <class F>
void quantize(KernelContext& context, Tensor& y, std::size_t scale, F&& f) {
  const float y_scale = scalar_scale(context, scale);
  const double y_zero = scalar_zero_point(context, scale + 1);
  visit_quantizer(y, true, [&](auto put) {
    f([&](std::int64_t i, double value) { put(i, static_cast<float>(value) / y_scale, y_zero); });
  });
}

void run_qlinear_softmax(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Shape& shape = x.shape();
  const int axis = axis_attribute(context, -1, shape.rank());
  AxisSplit split = split_axis(shape, axis);
  if (context.attributes().integer("opset", 13) < 13) {  // all axes from `axis` on are one
    split = {shape.product(0, axis), shape.product(axis, shape.rank()), 1};
  }
  const float* values = dequantized(context, 0);
  Tensor& y = context.output(0, shape);
  if (y.size() == 0) return;
  quantize(context, y, 3, [&](auto put) {
    each_line(split, [&](std::int64_t, std::int64_t start) {
      const ExpSum all(values + start, split.axis, split.inner);
      for (std::int64_t i = 0; i < split.axis; ++i) {
        const std::int64_t at = start + i * split.inner;
        put(at, all.softmax(static_cast<double>(values[at])));
      }
    });
  });
}

void run_qlinear_reduce_mean(KernelContext& context) {
  const Tensor& x = context.input(0);
  const auto axes = context.attributes().integers("axes");
  const bool keep = context.attributes().integer("keepdims", 1) != 0;
  AxisSet set;
  for (const std::int64_t axis : axes) set.add(axis, x.rank());
  if (axes.empty()) set.chosen.fill(true);
  const Partition parts = partition(x.shape(), set);
  Shape shape;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!set[axis]) shape.push_back(x.dim(axis));
    if (set[axis] && keep) shape.push_back(1);
  }
  const float* values = dequantized(context, 0);
  const auto count = static_cast<double>(parts.within.elements());
  Tensor& y = context.output(0, shape);
  quantize(context, y, 3, [&](auto put) {
    walk<1>(parts.kept, {parts.kept_strides}, [&](std::int64_t i, const Offsets<1>& base) {
      double sum = 0;
      walk<1>(parts.within, {parts.within_strides}, [&](std::int64_t, const Offsets<1>& at) {
        sum += static_cast<double>(values[base[0] + at[0]]);
      });
      put(i, sum / count);
    });
  });
}

void run_qlinear_where(KernelContext& context) {
  const Tensor& condition = context.input(0);
  const Tensor& x = context.input(1);
  const Tensor& y = context.input(4);
  const Shape shape = broadcast(broadcast(condition.shape(), x.shape()), y.shape());
  const std::array<Strides, 3> steps{broadcast_strides(condition.shape(), shape),
                                     broadcast_strides(x.shape(), shape),
                                     broadcast_strides(y.shape(), shape)};
  const bool* chosen = condition.as<bool>().data();
  const float* first = dequantized(context, 1);
  const float* second = dequantized(context, 4);
  Tensor& z = context.output(0, shape);
  quantize(context, z, 7, [&](auto put) {
    walk<3>(shape, steps, [&](std::int64_t i, const Offsets<3>& at) {
      put(i, static_cast<double>(chosen[at[0]] ? first[at[1]] : second[at[2]]));
    });
  });
}

}  // namespace

void add_contrib_quantized_kernels(std::vector<ReferenceKernel>& table) {
  constexpr std::string_view microsoft = "com.microsoft";
  table.push_back({microsoft, "QLinearSoftmax", run_qlinear_softmax});
  table.push_back({microsoft, "QLinearReduceMean", run_qlinear_reduce_mean});
  table.push_back({microsoft, "QLinearWhere", run_qlinear_where});
}

}  // namespace inlay::inline v0::kernels
