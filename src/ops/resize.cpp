// Resize and Upsample.
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"
#include "ops/shape_rules.hpp"

namespace inlay::inline v0 {
namespace {

using Dims = std::vector<Dim>;

/// Input `i` as constant floats; empty optional when it is not known.
std::optional<std::span<const float>> constant_floats(const InferContext& context, std::size_t i) {
  const Tensor* tensor = context.constant(i);
  if (tensor == nullptr || tensor->dtype() != DType::float32) return std::nullopt;
  return tensor->as<float>();
}

bool is_empty(const InferContext& context, std::size_t i) {
  if (!context.has_input(i)) return true;
  const auto shape = context.input(i).static_shape();
  return shape && shape->rank() == 1 && (*shape)[0] == 0;
}

/// Sizes of the resized axes, by the policy on the aspect ratio.
Dims by_sizes(const InferContext& context, const Dims& before, Dims sizes) {
  const std::string_view policy = context.attributes().text("keep_aspect_ratio_policy", "stretch");
  if (policy == "stretch") return sizes;
  double least = INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (!sizes[i].known() || before[i].value < 1) return Dims(sizes.size());
    const double scale = static_cast<double>(sizes[i].value) / static_cast<double>(before[i].value);
    least = std::min(least, scale);
    most = std::max(most, scale);
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    sizes[i] = fitted_size(before[i].value, policy == "not_larger" ? least : most);
  }
  return sizes;
}

Dims by_scales(const InferContext& context, const Dims& before,
               std::optional<std::span<const float>> scales) {
  const bool crops =
      context.attributes().text("coordinate_transformation_mode", "") == "tf_crop_and_resize";
  const std::span<const float> roi =
      crops ? constant_floats(context, 1).value_or(std::span<const float>())
            : std::span<const float>();
  Dims sizes(before.size());
  if (!scales || (crops && roi.empty())) return sizes;
  if (scales->size() != before.size() || (crops && roi.size() != 2 * before.size())) {
    context.fail("scales or roi do not have the entries that the axes need");
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const float extent = crops ? roi[before.size() + i] - roi[i] : 1;
    if (before[i].known()) {
      sizes[i] = scaled_size(before[i].value, (*scales)[i], extent);
    } else if ((*scales)[i] == 1 && extent == 1) {
      sizes[i] = before[i];
    }
  }
  return sizes;
}

void infer_resize(InferContext& context) {
  const Type& data = context.input(0);
  if (!data.has_rank) return context.set_output(0, data.dtype);
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : context.attributes().integers("axes")) {
    axes.push_back(static_cast<std::size_t>(infer::axis(context, axis, data.rank())));
  }
  for (std::size_t i = 0; axes.size() < data.dims.size() && !context.attributes().has("axes");
       ++i) {
    axes.push_back(i);
  }
  Dims before;
  for (const std::size_t axis : axes) before.push_back(data.dims[axis]);
  Dims after;
  const std::size_t scales_input = context.version() < 11 ? 1 : 2;
  if (!is_empty(context, 3)) {
    Dims sizes = context.known_dims(3).value_or(Dims(axes.size()));
    if (sizes.size() != axes.size()) context.fail("sizes does not have one entry per axis");
    after = by_sizes(context, before, std::move(sizes));
  } else if (context.has_input(scales_input)) {
    after = by_scales(context, before, constant_floats(context, scales_input));
  } else {
    context.fail("Resize needs scales or sizes");
  }
  Dims dims = data.dims;
  for (std::size_t i = 0; i < axes.size(); ++i) dims[axes[i]] = after[i];
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_upsample(InferContext& context) {
  const Type& data = context.input(0);
  if (!data.has_rank) return context.set_output(0, data.dtype);
  const auto scales = context.attributes().has("scales") ? context.attributes().reals("scales")
                                                         : constant_floats(context, 1);
  context.set_output(0, data.dtype, by_scales(context, data.dims, scales));
}

}  // namespace

std::vector<OpSchema> resize_schemas() {
  return {
      {.domain = "",
       .name = "Resize",
       .since = 10,
       .max_inputs = 4,
       .infer = infer_resize,
       .types = {dtypes::any, dtypes::floats, DType::float32, DType::int64}},
      {.domain = "",
       .name = "Upsample",
       .max_inputs = 2,
       .infer = infer_upsample,
       .types = {dtypes::any, DType::float32}},
  };
}

}  // namespace inlay::inline v0
