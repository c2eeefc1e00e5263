// Resize and Upsample: every axis on its own, as a table of source elements (nearest) or of
// weighted taps (linear; cubic after Keys, "Cubic convolution interpolation for digital image
// processing").
#include "backends/reference/reference.hpp"
#include "backends/reference/resize_rules.hpp"
#include "backends/reference/storage.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

void resize_nearest(KernelContext& context, const ResizeMode& mode, const ResizeAxes& axes,
                    const Shape& shape) {
  const Tensor& data = context.input(0);
  AxisSources sources{};
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const auto table = context.scratch<std::int64_t>(axes[axis].to);
    for (std::size_t i = 0; i < table.size(); ++i) {
      const double x = source_position(mode.transform, axes[axis], static_cast<double>(i));
      const bool outside = mode.extrapolates(axes[axis], x);
      table[i] = axes[axis].identity() ? static_cast<std::int64_t>(i)
                 : outside             ? -1
                                       : mode.nearest_element(axes[axis], x);
    }
    sources[axis] = table;
  }
  write_stored(context, context.output(0, shape), [&](auto* to) {
    using T = element_t<decltype(to)>;
    gather_axes(shape, sources, dense_strides(data.shape()),
                stored_number<T>(data.dtype(), mode.extrapolation_value), to,
                stored<T>(context, data));
  });
}

/// The weighted elements that one output position is made of.
struct Taps {
  std::int64_t first;  ///< may lie outside: the axis's ends are repeated
  std::int64_t count;  ///< 0: the extrapolation value
};

/// Fills taps[i] and weights[i * width ...] for every output position i.
void find_taps(const ResizeMode& mode, const ResizeAxis& axis, double radius, std::span<Taps> taps,
               std::span<double> weights, std::int64_t width) {
  const double stretch = radius / mode.radius();
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const double x = source_position(mode.transform, axis, static_cast<double>(i));
    double* weight = weights.data() + static_cast<std::int64_t>(i) * width;
    if (mode.extrapolates(axis, x)) {
      taps[i] = {0, 0};
      continue;
    }
    const auto first = static_cast<std::int64_t>(std::floor(x - radius)) + 1;
    const auto last = static_cast<std::int64_t>(std::ceil(x + radius)) - 1;
    taps[i] = {first, std::min(last - first + 1, width)};
    double sum = 0;
    for (std::int64_t k = 0; k < taps[i].count; ++k) {
      const bool outside = first + k < 0 || first + k >= axis.from;
      weight[k] = mode.exclude_outside && outside
                      ? 0
                      : mode.filter((static_cast<double>(first + k) - x) / stretch);
      sum += weight[k];
    }
    if (sum == 0 || !(mode.antialias || mode.exclude_outside)) continue;
    for (std::int64_t k = 0; k < taps[i].count; ++k) weight[k] /= sum;
  }
}

/// Interpolates the middle axis of [outer, axis.from, inner].
template <class From>
void interpolate_axis(KernelContext& context, const ResizeMode& mode, const ResizeAxis& axis,
                      std::int64_t outer, std::int64_t inner, const From* from, double* to) {
  const double stretch = mode.antialias ? std::max(1.0, 1 / axis.scale) : 1;
  const double radius = mode.radius() * stretch;
  const auto width = static_cast<std::int64_t>(2 * std::ceil(radius)) + 1;
  const auto taps = context.scratch<Taps>(axis.to);
  const auto weights = context.scratch<double>(Shape{axis.to, width}.elements());
  find_taps(mode, axis, radius, taps, weights, width);
  for (std::int64_t block = 0; block < outer; ++block, from += axis.from * inner) {
    context.check_cancelled();
    for (std::size_t i = 0; i < taps.size(); ++i, to += inner) {
      const double* weight = weights.data() + static_cast<std::int64_t>(i) * width;
      std::fill_n(to, inner, taps[i].count == 0 ? mode.extrapolation_value : 0.0);
      for (std::int64_t k = 0; k < taps[i].count; ++k) {
        const From* row =
            from + std::clamp<std::int64_t>(taps[i].first + k, 0, axis.from - 1) * inner;
        for (std::int64_t n = 0; n < inner; ++n) to[n] += weight[k] * static_cast<double>(row[n]);
      }
    }
  }
}

void resize_weighted(KernelContext& context, const ResizeMode& mode, const ResizeAxes& axes,
                     const Shape& shape) {
  const Tensor& data = context.input(0);
  visit_dtype<Numbers>(data.dtype(), [&]<class T>() {
    const auto result = context.output(0, shape).as_mutable<T>();
    if (result.empty()) return;
    Shape now = data.shape();
    const double* values = nullptr;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const ResizeAxis& how = axes[static_cast<std::size_t>(axis)];
      if (how.identity()) continue;
      const std::int64_t outer = now.product(0, axis);
      const std::int64_t inner = now.product(axis + 1, now.rank());
      now[axis] = how.to;
      const auto next = context.scratch<double>(now.elements());
      if (values == nullptr) {
        interpolate_axis(context, mode, how, outer, inner, data.as<T>().data(), next.data());
      } else {
        interpolate_axis(context, mode, how, outer, inner, values, next.data());
      }
      values = next.data();
    }
    if (values == nullptr) {
      std::copy_n(data.as<T>().data(), data.size(), result.data());
    } else {
      std::transform(values, values + result.size(), result.data(), interpolated<T>);
    }
  });
}

void resize(KernelContext& context) {
  const ResizeAxes axes = resize_axes(context);
  const ResizeMode mode(context);
  const Tensor& data = context.input(0);
  const Shape shape = resized_shape(axes, data.rank());
  if (shape.elements() > 0 && data.size() == 0) {
    context.fail(ErrorCode::shape_mismatch, "there is no element to resize");
  }
  if (mode.mode == "nearest") return resize_nearest(context, mode, axes, shape);
  resize_weighted(context, mode, axes, shape);
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> resize_kernels() {
  using namespace kernels;
  return {{"", "Resize", resize}, {"", "Upsample", resize}};
}

}  // namespace inlay::inline v0
