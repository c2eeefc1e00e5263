// Resize and Upsample: which axes change how, and where a result's elements come from.
#pragma once

#include <algorithm>
#include <cmath>

#include "backends/reference/arguments.hpp"
#include "backends/reference/interpolate.hpp"
#include "ops/shape_rules.hpp"

namespace inlay::inline v0::kernels {

/// What coordinate_transformation_mode may be; tf_half_pixel_for_nn is of versions 11 and 12.
inline constexpr std::string_view coordinate_transformations[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
    "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};

/// How one axis is resized.
struct ResizeAxis {
  std::int64_t from = 0;  ///< elements before
  std::int64_t to = 0;    ///< elements after
  double scale = 1;
  double length = 0;  ///< elements after, before rounding
  double start = 0;   ///< the part to resize, as a fraction of the axis
  double end = 1;

  bool identity() const { return from == to && scale == 1 && start == 0 && end == 1; }
};
using ResizeAxes = std::array<ResizeAxis, Shape::max_rank>;

/// The position in the input of position `x` in the output.
inline double source_position(std::string_view mode, const ResizeAxis& axis, double x) {
  const auto from = static_cast<double>(axis.from);
  if (mode == "align_corners") return axis.length == 1 ? 0 : x * (from - 1) / (axis.length - 1);
  if (mode == "asymmetric") return x / axis.scale;
  if (mode == "tf_crop_and_resize") {
    if (axis.to <= 1) return 0.5 * (axis.start + axis.end) * (from - 1);
    return axis.start * (from - 1) + x * (axis.end - axis.start) * (from - 1) / (axis.length - 1);
  }
  if (mode == "tf_half_pixel_for_nn") return (x + 0.5) / axis.scale;
  const double half_pixel = (x + 0.5) / axis.scale - 0.5;
  if (mode == "pytorch_half_pixel") return axis.to > 1 ? half_pixel : 0;
  if (mode == "half_pixel_symmetric") {
    return from / 2 * (1 - static_cast<double>(axis.to) / axis.length) + half_pixel;
  }
  return half_pixel;
}

/// Everything about a call but the axes.
struct ResizeMode {
  std::string_view mode;
  std::string_view transform;
  std::string_view nearest;
  double cubic_a;
  bool antialias;
  bool exclude_outside;
  double extrapolation_value;

  explicit ResizeMode(const KernelContext& context) {
    const Attributes& given = context.attributes();
    const bool classic = context.node().is("Upsample") || context.version() < 11;
    mode = given.text("mode", "nearest");
    transform = given.text("coordinate_transformation_mode", classic ? "asymmetric" : "half_pixel");
    nearest = given.text("nearest_mode", classic ? "classic" : "round_prefer_floor");
    cubic_a = given.real("cubic_coeff_a", -0.75F);
    antialias = given.integer("antialias", 0) != 0;
    exclude_outside = given.integer("exclude_outside", 0) != 0;
    extrapolation_value = given.real("extrapolation_value", 0);
    if (mode == "bilinear") mode = "linear";
    if (mode != "nearest" && mode != "linear" && mode != "cubic") {
      context.fail(ErrorCode::invalid_graph, "mode is none of nearest, linear, cubic");
    }
    if (std::ranges::find(coordinate_transformations, transform) ==
        std::end(coordinate_transformations)) {
      context.fail(ErrorCode::invalid_graph,
                   "there is no coordinate_transformation_mode '" + std::string(transform) + "'");
    }
  }

  /// Outside of the input, tf_crop_and_resize gives a constant.
  bool extrapolates(const ResizeAxis& axis, double x) const {
    return transform == "tf_crop_and_resize" &&
           !(x >= 0 && x <= static_cast<double>(axis.from - 1));
  }

  std::int64_t nearest_element(const ResizeAxis& axis, double x) const {
    double at = std::ceil(x - 0.5);  // round_prefer_floor
    if (nearest == "round_prefer_ceil") at = std::floor(x + 0.5);
    if (nearest == "floor") at = std::floor(x);
    if (nearest == "ceil") at = std::ceil(x);
    if (nearest == "classic") at = axis.scale < 1 ? std::ceil(x) : std::floor(x);
    return static_cast<std::int64_t>(std::clamp(at, 0.0, static_cast<double>(axis.from - 1)));
  }

  /// The filter's half width in input elements, where it is not stretched.
  double radius() const { return mode == "linear" ? 1 : 2; }
  double filter(double x) const {
    return mode == "linear" ? linear_weight(x) : cubic_weight(x, cubic_a);
  }
};

inline ResizeAxes unresized(const Shape& shape) {
  ResizeAxes axes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    ResizeAxis& one = axes[static_cast<std::size_t>(axis)];
    one.from = one.to = shape[axis];
    one.length = static_cast<double>(shape[axis]);
  }
  return axes;
}

inline void set_scale(ResizeAxis& axis, float scale) {
  axis.scale = scale;
  axis.length = static_cast<double>(axis.from) * scale * (axis.end - axis.start);
  axis.to = scaled_size(axis.from, scale, static_cast<float>(axis.end - axis.start));
}

inline void set_sizes(const KernelContext& context, std::span<ResizeAxis* const> axes,
                      std::span<const std::int64_t> sizes) {
  const std::string_view policy = context.attributes().text("keep_aspect_ratio_policy", "stretch");
  double least = INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (sizes[i] < 0) context.fail(ErrorCode::invalid_argument, "sizes holds a negative size");
    ResizeAxis& axis = *axes[i];
    axis.to = sizes[i];
    axis.length = static_cast<double>(sizes[i]);
    axis.scale = axis.from == axis.to ? 1 : axis.length / static_cast<double>(axis.from);
    least = std::min(least, axis.scale);
    most = std::max(most, axis.scale);
  }
  if (policy == "stretch") return;
  const double scale = policy == "not_larger" ? least : most;
  if (!std::isfinite(scale)) {
    context.fail(ErrorCode::shape_mismatch, "an empty axis has no aspect ratio to keep");
  }
  for (ResizeAxis* axis : axes) {
    axis->scale = scale;
    axis->length = static_cast<double>(axis->from) * scale;
    axis->to = fitted_size(axis->from, scale);
  }
}

inline ResizeAxes axes_of_resize(KernelContext& context) {
  const Tensor& data = context.input(0);
  const auto named = context.attributes().integers("axes");
  ResizeAxes all = unresized(data.shape());
  std::array<ResizeAxis*, Shape::max_rank> chosen{};
  const std::size_t count = named.empty() ? data.shape().size() : named.size();
  if (count > data.shape().size()) context.fail(ErrorCode::invalid_argument, "too many axes");
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis =
        named.empty() ? i : static_cast<std::size_t>(normalize_axis(named[i], data.rank()));
    chosen[i] = &all[axis];
  }
  const std::span<ResizeAxis* const> axes(chosen.data(), count);
  const auto check = [&](std::int64_t entries, std::size_t wanted) {
    if (entries != static_cast<std::int64_t>(wanted)) {
      context.fail(ErrorCode::shape_mismatch, "roi, scales or sizes do not fit the axes");
    }
  };
  if (context.attributes().text("coordinate_transformation_mode", "") == "tf_crop_and_resize") {
    const Tensor& roi = context.input(1);
    check(roi.size(), 2 * count);
    visit_dtype<Floats>(roi.dtype(), [&]<class T>() {
      for (std::size_t i = 0; i < count; ++i) {
        axes[i]->start = roi.as<T>()[i];
        axes[i]->end = roi.as<T>()[count + i];
      }
    });
  }
  if (context.has_input(3) && context.input(3).size() > 0) {
    const auto sizes = integers(context, context.input(3));
    check(std::ssize(sizes), count);
    set_sizes(context, axes, sizes);
  } else {
    const auto scales = context.input(context.version() < 11 ? 1 : 2).as<float>();
    check(std::ssize(scales), count);
    for (std::size_t i = 0; i < count; ++i) set_scale(*axes[i], scales[i]);
  }
  return all;
}

inline ResizeAxes axes_of_upsample(KernelContext& context) {
  const Tensor& data = context.input(0);
  const auto scales = context.attributes().has("scales") ? context.attributes().reals("scales")
                                                         : context.input(1).as<float>();
  if (scales.size() != data.shape().size()) {
    context.fail(ErrorCode::shape_mismatch, "scales does not have one entry per axis");
  }
  ResizeAxes axes = unresized(data.shape());
  for (std::size_t i = 0; i < scales.size(); ++i) set_scale(axes[i], scales[i]);
  return axes;
}

/// What the node asks for. Errors: shape_mismatch, invalid_argument.
inline ResizeAxes resize_axes(KernelContext& context) {
  return context.node().is("Upsample") ? axes_of_upsample(context) : axes_of_resize(context);
}

inline Shape resized_shape(const ResizeAxes& axes, int rank) {
  Shape shape;
  for (int axis = 0; axis < rank; ++axis) shape.push_back(axes[static_cast<std::size_t>(axis)].to);
  return shape;
}

}  // namespace inlay::inline v0::kernels
