// Operators on shapes: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Expand, Shape, Size.
#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

using Dims = std::vector<Dim>;

/// A tensor of input 0's dtype whose rank is the length of the 1-D input i, where that is known.
void set_rank_by_length(InferContext& context, std::size_t i) {
  const auto length = context.input(i).static_shape();
  if (length && length->rank() == 1 && (*length)[0] <= Shape::max_rank) {
    context.set_output(0, context.dtype(0), infer::unknown_dims(static_cast<int>((*length)[0])));
  } else {
    context.set_output(0, context.dtype(0));
  }
}

void infer_reshape(InferContext& context) {
  const Type& data = context.input(0);
  auto dims = context.known_dims(1);
  if (!dims) return set_rank_by_length(context, 1);
  const bool copy_zeros = context.attributes().integer("allowzero", 0) == 0;
  Dims known;
  Dim* unknown = nullptr;
  bool one_unknown = data.has_rank;
  for (std::size_t i = 0; i < dims->size(); ++i) {
    Dim& dim = (*dims)[i];
    if (dim.value == 0 && copy_zeros) {
      if (data.has_rank && i >= data.dims.size()) context.fail("shape copies an axis of no input");
      dim = data.has_rank ? data.dims[i] : Dim();
      if (!dim.known() && dim.symbol.empty()) one_unknown = false;
    } else if (!dim.known() && dim.symbol.empty()) {
      one_unknown = one_unknown && unknown == nullptr;
      unknown = &dim;
      continue;
    }
    known.push_back(dim);
  }
  if (one_unknown && unknown != nullptr) *unknown = infer::quotient(data.dims, known);
  if (data.has_rank && unknown == nullptr) {
    const Dim before = infer::product(data.dims);
    const Dim after = infer::product(*dims);
    if (before.known() && after.known() && before.value != after.value) {
      context.fail("Reshape from " + std::to_string(before.value) + " to " +
                   std::to_string(after.value) + " elements");
    }
  }
  context.set_output(0, data.dtype, std::move(*dims));
}

void infer_flatten(InferContext& context) {
  const Type& data = context.input(0);
  if (!data.has_rank) return context.set_output(0, data.dtype, infer::unknown_dims(2));
  const std::int64_t axis = context.attributes().integer("axis", 1);
  const int rank = data.rank();
  if (axis < -rank || axis > rank) context.fail("axis is outside the input's rank");
  const auto cut = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  const std::span<const Dim> dims = data.dims;
  context.set_output(0, data.dtype,
                     {infer::product(dims.first(cut)), infer::product(dims.subspan(cut))});
}

void infer_squeeze(InferContext& context) {
  const Type& data = context.input(0);
  const infer::Integers given = infer::integers(context, "axes", 1);
  const bool known = data.has_rank && (!given.given || given.values);
  if (!known) return context.set_output(0, data.dtype);
  Dims dims = data.dims;
  if (given.given) {
    const auto axes = infer::axes(context, *given.values, data.rank());
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
      const Dim& dim = dims[static_cast<std::size_t>(*axis)];
      if (dim.known() && dim.value != 1) context.fail("Squeeze of an axis that is not 1");
      dims.erase(dims.begin() + *axis);
    }
  } else {
    for (const Dim& dim : dims) {
      if (!dim.known()) return context.set_output(0, data.dtype);
    }
    std::erase_if(dims, [](const Dim& dim) { return dim.value == 1; });
  }
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_unsqueeze(InferContext& context) {
  const Type& data = context.input(0);
  const infer::Integers given = infer::integers(context, "axes", 1);
  if (!given.given) context.fail("Unsqueeze needs axes");
  if (!data.has_rank || !given.values) return context.set_output(0, data.dtype);
  Dims dims = data.dims;
  const int rank = data.rank() + static_cast<int>(given.values->size());
  for (const int axis : infer::axes(context, *given.values, rank)) {
    dims.insert(dims.begin() + axis, Dim(1));
  }
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_transpose(InferContext& context) {
  const Type& data = context.input(0);
  const auto perm = context.attributes().integers("perm");
  if (!data.has_rank) {
    if (perm.empty()) return context.set_output(0, data.dtype);
    return context.set_output(0, data.dtype, infer::unknown_dims(static_cast<int>(perm.size())));
  }
  Dims dims(data.dims.rbegin(), data.dims.rend());
  if (!perm.empty()) {
    const auto axes = infer::axes(context, {perm.begin(), perm.end()}, data.rank());
    if (axes.size() != data.dims.size()) context.fail("perm must name every axis once");
    for (std::size_t i = 0; i < dims.size(); ++i) {
      dims[i] = data.dims[static_cast<std::size_t>(infer::axis(context, perm[i], data.rank()))];
    }
  }
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_shape(InferContext& context) {
  const Type& data = context.input(0);
  if (!data.has_rank) return context.set_output(0, DType::int64, infer::unknown_dims(1));
  const std::int64_t rank = data.rank();
  auto place = [rank](std::int64_t axis) {
    return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  const std::int64_t start = place(context.attributes().integer("start", 0));
  const std::int64_t end = place(context.attributes().integer("end", rank));
  context.set_output(0, DType::int64, {std::max<std::int64_t>(end - start, 0)});
}

void infer_size(InferContext& context) { context.set_output(0, DType::int64, Dims{}); }

void infer_expand(InferContext& context) {
  const Type& data = context.input(0);
  auto target = context.known_dims(1);
  if (!target) {
    const auto length = context.input(1).static_shape();
    if (length && length->rank() == 1 && (*length)[0] <= Shape::max_rank) {
      target = infer::unknown_dims(static_cast<int>((*length)[0]));
    }
  }
  if (!data.has_rank || !target) return context.set_output(0, data.dtype);
  Dims dims = std::move(*target);
  if (dims.size() < data.dims.size()) {
    dims.insert(dims.begin(), data.dims.size() - dims.size(), Dim(1));
  }
  auto dim = dims.end() - data.rank();
  for (const Dim& from : data.dims) {
    *dim = infer::broadcast(context, *dim, from);
    ++dim;
  }
  context.set_output(0, data.dtype, std::move(dims));
}

}  // namespace

std::vector<OpSchema> shape_schemas() {
  return {
      {.domain = "",
       .name = "Expand",
       .since = 8,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_expand,
       .types = {dtypes::any, DType::int64}},
      {.domain = "",
       .name = "Flatten",
       .infer = infer_flatten,
       .traits = Trait::view,
       .types = {dtypes::any}},
      {.domain = "",
       .name = "Reshape",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_reshape,
       .traits = Trait::view,
       .types = {dtypes::any, DType::int64}},
      {.domain = "", .name = "Shape", .infer = infer_shape, .types = {dtypes::any}},
      {.domain = "", .name = "Size", .infer = infer_size, .types = {dtypes::any}},
      {.domain = "",
       .name = "Squeeze",
       .max_inputs = 2,
       .infer = infer_squeeze,
       .traits = Trait::view,
       .types = {dtypes::any, DType::int64}},
      {.domain = "", .name = "Transpose", .infer = infer_transpose, .types = {dtypes::any}},
      {.domain = "",
       .name = "Unsqueeze",
       .max_inputs = 2,
       .infer = infer_unsqueeze,
       .traits = Trait::view,
       .types = {dtypes::any, DType::int64}},
  };
}

}  // namespace inlay::inline v0
