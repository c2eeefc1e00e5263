// Pad and CenterCropPad.
#include "backends/reference/arguments.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/storage.hpp"
#include "ops/shape_rules.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

enum class PadMode { constant, reflect, edge, wrap };

PadMode pad_mode(const KernelContext& context) {
  const std::string_view mode = context.attributes().text("mode", "constant");
  if (mode == "constant") return PadMode::constant;
  if (mode == "reflect") return PadMode::reflect;
  if (mode == "edge") return PadMode::edge;
  if (mode == "wrap") return PadMode::wrap;
  context.fail(ErrorCode::invalid_graph, "mode is none of constant, reflect, edge, wrap");
}

/// The element of an axis of `dim` that stands at position `i` outside or inside of it.
std::int64_t padding_source(PadMode mode, std::int64_t i, std::int64_t dim) {
  if (i >= 0 && i < dim) return i;
  if (mode == PadMode::edge) return std::clamp<std::int64_t>(i, 0, dim - 1);
  const std::int64_t period = mode == PadMode::wrap ? dim : std::max<std::int64_t>(2 * dim - 2, 1);
  const std::int64_t at = (i % period + period) % period;
  return at < dim ? at : period - at;
}

/// Output 0 is `data` cut or extended to `shape`, beginning `begins` elements before its start.
template <class T>
void pad_constant(const Shape& shape, const Strides& begins, const Shape& data, const T& fill,
                  T* to, const T* from) {
  std::fill_n(to, shape.elements(), fill);
  const Strides to_strides = dense_strides(shape);
  const Strides from_strides = dense_strides(data);
  Shape common;
  std::int64_t to_offset = 0;
  std::int64_t from_offset = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    const std::int64_t first = std::max<std::int64_t>(-begins[at], 0);  // kept, of data
    const std::int64_t last = std::min(data[axis], shape[axis] - begins[at]);
    common.push_back(std::max<std::int64_t>(last - first, 0));
    to_offset += (first + begins[at]) * to_strides[at];
    from_offset += first * from_strides[at];
  }
  if (common.elements() == 0) return;
  copy_strided(common, to + to_offset, to_strides, from + from_offset, from_strides);
}

/// The value to pad with, of the T that stores it.
template <class T>
T pad_value(KernelContext& context, DType dtype) {
  if (context.has_input(2)) {
    const Tensor& value = context.input(2);
    if (value.size() != 1) {
      context.fail(ErrorCode::shape_mismatch, "constant_value is not a single element");
    }
    return *stored<T>(context, value);
  }
  return stored_number<T>(dtype, context.attributes().real("value", 0));
}

void pad(KernelContext& context) {
  const Tensor& data = context.input(0);
  const PadMode mode = pad_mode(context);
  const auto pads = integers(context, "pads", 1);
  const auto axes = integers(context, "axes", 3);
  const std::size_t count = context.has_input(3) ? axes.size() : data.shape().size();
  if (pads.size() != 2 * count) {
    context.fail(ErrorCode::shape_mismatch, "pads does not have two entries per axis");
  }
  Shape shape;
  Strides begins{};
  Strides ends{};
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis =
        context.has_input(3) ? static_cast<std::size_t>(normalize_axis(axes[i], data.rank())) : i;
    begins[axis] = pads[i];
    ends[axis] = pads[count + i];
  }
  constexpr std::int64_t most = std::int64_t{1} << 60;
  AxisSources sources{};
  for (int axis = 0; axis < data.rank(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    if (std::max({begins[at], ends[at], data.dim(axis)}) > most ||
        std::min(begins[at], ends[at]) < -most) {
      context.fail(ErrorCode::limit, "pads are too large");
    }
    const std::int64_t size = data.dim(axis) + begins[at] + ends[at];
    if (size < 0) context.fail(ErrorCode::shape_mismatch, "pads take away more than there is");
    shape.push_back(size);
  }
  Tensor& output = context.output(0, shape);
  if (mode != PadMode::constant && output.size() > 0) {
    if (data.size() == 0) {
      context.fail(ErrorCode::shape_mismatch, "there is no element to pad with");
    }
    for (int axis = 0; axis < data.rank(); ++axis) {
      const auto at = static_cast<std::size_t>(axis);
      const auto table = context.scratch<std::int64_t>(shape[axis]);
      for (std::size_t i = 0; i < table.size(); ++i) {
        table[i] = padding_source(mode, static_cast<std::int64_t>(i) - begins[at], data.dim(axis));
      }
      sources[at] = table;
    }
  }
  write_stored(context, output, [&](auto* to) {
    using T = element_t<decltype(to)>;
    const T* from = stored<T>(context, data);
    if (mode == PadMode::constant) {
      pad_constant(shape, begins, data.shape(), pad_value<T>(context, data.dtype()), to, from);
    } else {
      gather_axes(shape, sources, dense_strides(data.shape()), T{}, to, from);
    }
  });
}

void center_crop_pad(KernelContext& context) {
  const Tensor& data = context.input(0);
  const auto target = integers(context, context.input(1));
  const auto axes = context.attributes().integers("axes");
  if (target.size() != (axes.empty() ? data.shape().size() : axes.size())) {
    context.fail(ErrorCode::shape_mismatch, "shape does not have one entry per axis");
  }
  Shape shape = data.shape();
  Strides begins{};
  for (std::size_t i = 0; i < target.size(); ++i) {
    const int axis = axes.empty() ? static_cast<int>(i) : normalize_axis(axes[i], data.rank());
    if (target[i] < 0) context.fail(ErrorCode::invalid_argument, "shape holds a negative size");
    shape[axis] = target[i];
    begins[static_cast<std::size_t>(axis)] = -center_offset(data.dim(axis), target[i]);
  }
  write_stored(context, context.output(0, shape), [&](auto* to) {
    using T = element_t<decltype(to)>;
    pad_constant(shape, begins, data.shape(), T{}, to, stored<T>(context, data));
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> pad_kernels() {
  return {
      {"", "CenterCropPad", kernels::center_crop_pad},
      {"", "Pad", kernels::pad},
      {"com.microsoft", "Pad", kernels::pad},
  };
}

}  // namespace inlay::inline v0
