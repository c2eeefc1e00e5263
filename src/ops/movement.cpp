// Operators that move elements: Concat, Split, Slice, Pad, Tile, ReverseSequence, CenterCropPad,
// DepthToSpace, SpaceToDepth, Trilu.
#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"
#include "ops/shape_rules.hpp"

namespace inlay::inline v0 {
namespace {

using Dims = std::vector<Dim>;

void infer_concat(InferContext& context) {
  infer::require_same_dtype(context, 0, context.input_count());
  std::optional<Dims> dims;
  std::size_t axis = 0;
  bool all_ranked = true;
  Dim length = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const Type& input = context.input(i);
    if (!input.has_rank) {
      all_ranked = false;
      continue;
    }
    if (!dims) {
      dims = input.dims;
      axis = static_cast<std::size_t>(
          infer::axis(context, context.attributes().integer("axis", 1), input.rank()));
    }
    if (input.dims.size() != dims->size()) context.fail("the inputs do not have one rank");
    for (std::size_t d = 0; d < dims->size(); ++d) {
      if (d != axis) (*dims)[d] = infer::merged(context, (*dims)[d], input.dims[d]);
    }
    length = infer::plus(length, input.dims[axis]);
  }
  if (!dims) return context.set_output(0, context.dtype(0));
  (*dims)[axis] = all_ranked ? length : Dim();
  context.set_output(0, context.dtype(0), std::move(*dims));
}

void infer_split(InferContext& context) {
  const Type& data = context.input(0);
  const std::size_t outputs = context.output_count();
  if (!data.has_rank) {
    for (std::size_t i = 0; i < outputs; ++i) context.set_output(i, data.dtype);
    return;
  }
  const auto axis = static_cast<std::size_t>(
      infer::axis(context, context.attributes().integer("axis", 0), data.rank()));
  const Dim& whole = data.dims[axis];
  const infer::Integers sizes = infer::integers(context, "split", 1);
  if (sizes.values && sizes.values->size() != outputs) {
    context.fail("split does not have one size per output");
  }
  const auto parts =
      context.attributes().integer("num_outputs", static_cast<std::int64_t>(outputs));
  if (parts < 1 || parts < static_cast<std::int64_t>(outputs)) {
    context.fail("num_outputs is less than the number of outputs");
  }
  for (std::size_t i = 0; i < outputs; ++i) {
    Dims dims = data.dims;
    if (sizes.values) {
      if ((*sizes.values)[i] < 0) context.fail("split holds a negative size");
      dims[axis] = (*sizes.values)[i];
    } else if (!sizes.given && whole.known()) {
      dims[axis] = equal_part(whole.value, parts, static_cast<std::int64_t>(i));
    } else if (parts > 1 || sizes.given) {
      dims[axis] = Dim();
    }
    context.set_output(i, data.dtype, std::move(dims));
  }
}

/// What Slice leaves of one axis.
Dim sliced(const InferContext& context, const Dim& dim, std::int64_t start, std::int64_t end,
           std::int64_t step) {
  if (step == 0) context.fail("a step is 0");
  if (dim.known()) return slice_range(start, end, step, dim.value).count;
  const bool to_end = step > 0 ? end >= INT32_MAX : end <= INT32_MIN;
  const bool from_start = step > 0 ? start == 0 : start == -1 || start >= INT32_MAX;
  if (from_start && to_end && (step == 1 || step == -1)) return dim;
  return {};
}

void infer_slice(InferContext& context) {
  const Type& data = context.input(0);
  if (!data.has_rank) return context.set_output(0, data.dtype);
  const infer::Integers starts = infer::integers(context, "starts", 1);
  const infer::Integers ends = infer::integers(context, "ends", 2);
  const infer::Integers named = infer::integers(context, "axes", 3);
  const infer::Integers steps = infer::integers(context, "steps", 4);
  if (!starts.given || !ends.given) context.fail("Slice needs starts and ends");
  std::size_t count = data.dims.size();  // of axes sliced
  for (const infer::Integers* list : {&starts, &ends, &named, &steps}) {
    if (list->values) count = std::min(count, list->values->size());
  }
  Dims dims = data.dims;
  if (named.given && !named.values) {
    context.set_output(0, data.dtype, infer::unknown_dims(data.rank()));
    return;
  }
  // An end that is the axis's own symbol takes the whole axis, as the largest number does.
  const auto symbolic_ends = ends.values ? std::nullopt : context.known_dims(2);
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis =
        named.values
            ? static_cast<std::size_t>(infer::axis(context, (*named.values)[i], data.rank()))
            : i;
    std::optional<std::int64_t> end;
    if (ends.values) end = (*ends.values)[i];
    if (symbolic_ends && i < symbolic_ends->size()) {
      const Dim& symbol = (*symbolic_ends)[i];
      if (symbol.known()) end = symbol.value;
      if (symbol.same_as(dims[axis])) end = INT64_MAX;
    }
    if (!starts.values || !end || (steps.given && !steps.values)) {
      dims[axis] = Dim();
    } else {
      const std::int64_t step = steps.given ? (*steps.values)[i] : 1;
      dims[axis] = sliced(context, dims[axis], (*starts.values)[i], *end, step);
    }
  }
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_pad(InferContext& context) {
  const Type& data = context.input(0);
  if (!data.has_rank) return context.set_output(0, data.dtype);
  const infer::Integers pads = infer::integers(context, "pads", 1);
  const infer::Integers named = infer::integers(context, "axes", 3);
  if (!pads.values || (named.given && !named.values)) {
    return context.set_output(0, data.dtype, infer::unknown_dims(data.rank()));
  }
  Dims dims = data.dims;
  const std::size_t count = named.given ? named.values->size() : dims.size();
  if (pads.values->size() != 2 * count) context.fail("pads does not have two entries per axis");
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis =
        named.given
            ? static_cast<std::size_t>(infer::axis(context, (*named.values)[i], data.rank()))
            : i;
    dims[axis] = infer::plus(infer::plus(dims[axis], (*pads.values)[i]), (*pads.values)[count + i]);
  }
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_tile(InferContext& context) {
  const Type& data = context.input(0);
  if (!data.has_rank) return context.set_output(0, data.dtype);
  const auto repeats = context.known_dims(1);
  if (!repeats) return context.set_output(0, data.dtype, infer::unknown_dims(data.rank()));
  if (repeats->size() != data.dims.size()) context.fail("repeats does not have one entry per axis");
  Dims dims = data.dims;
  for (std::size_t i = 0; i < dims.size(); ++i) dims[i] = infer::times(dims[i], (*repeats)[i]);
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_center_crop_pad(InferContext& context) {
  const Type& data = context.input(0);
  if (!data.has_rank) return context.set_output(0, data.dtype);
  Dims dims = data.dims;
  const auto named = context.attributes().integers("axes");
  const auto target = context.known_dims(1);
  const std::size_t count = named.empty() ? dims.size() : named.size();
  if (target && target->size() != count) context.fail("shape does not have one entry per axis");
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis =
        named.empty() ? i : static_cast<std::size_t>(infer::axis(context, named[i], data.rank()));
    dims[axis] = target ? (*target)[i] : Dim();
  }
  context.set_output(0, data.dtype, std::move(dims));
}

/// Blocks of blocksize x blocksize pixels move from depth to space, or the other way.
void infer_blocks(InferContext& context, bool to_space) {
  const Type& data = context.input(0);
  infer::require_rank(context, 0, 4, 4);
  const std::int64_t block = context.attributes().integer("blocksize", 0);
  if (block < 1 || block > INT32_MAX) context.fail("blocksize is not a positive number");
  if (!data.has_rank) return context.set_output(0, data.dtype, infer::unknown_dims(4));
  auto divided = [&](const Dim& dim, std::int64_t by) {
    if (!dim.known()) return by == 1 ? dim : Dim();
    if (dim.value % by != 0) context.fail("an axis is no multiple of the block size");
    return Dim(dim.value / by);
  };
  const Dims& in = data.dims;
  if (to_space) {
    context.set_output(0, data.dtype,
                       {in[0], divided(in[1], block * block), infer::times(in[2], block),
                        infer::times(in[3], block)});
  } else {
    context.set_output(
        0, data.dtype,
        {in[0], infer::times(in[1], block * block), divided(in[2], block), divided(in[3], block)});
  }
}

}  // namespace

std::vector<OpSchema> movement_schemas() {
  return {
      {.domain = "",
       .name = "CenterCropPad",
       .since = 18,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_center_crop_pad,
       .types = {dtypes::any, dtypes::indices}},
      {.domain = "",
       .name = "Concat",
       .max_inputs = any_number,
       .infer = infer_concat,
       .types = {dtypes::any}},
      {.domain = "",
       .name = "DepthToSpace",
       .infer = [](InferContext& context) { infer_blocks(context, true); },
       .types = {dtypes::any}},
      {.domain = "",
       .name = "Pad",
       .max_inputs = 4,
       .infer = infer_pad,
       .types = {dtypes::any, DType::int64, dtypes::any, dtypes::indices}},
      {.domain = "com.microsoft",
       .name = "Pad",
       .min_inputs = 2,
       .max_inputs = 3,
       .infer = infer_pad,
       .types = {dtypes::any, DType::int64, dtypes::any}},
      {.domain = "",
       .name = "ReverseSequence",
       .since = 10,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer::same_as_input,
       .types = {dtypes::any, DType::int64}},
      {.domain = "",
       .name = "Slice",
       .max_inputs = 5,
       .infer = infer_slice,
       .types = {dtypes::any, dtypes::indices}},
      {.domain = "",
       .name = "SpaceToDepth",
       .infer = [](InferContext& context) { infer_blocks(context, false); },
       .types = {dtypes::any}},
      {.domain = "",
       .name = "Split",
       .max_inputs = 2,
       .max_outputs = any_number,
       .infer = infer_split,
       .types = {dtypes::any, DType::int64}},
      {.domain = "",
       .name = "Tile",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_tile,
       .types = {dtypes::any, DType::int64}},
      {.domain = "",
       .name = "Trilu",
       .since = 14,
       .max_inputs = 2,
       .infer = infer::same_as_input,
       .types = {dtypes::any, DType::int64}},
      {.domain = "com.microsoft",
       .name = "Trilu",
       .max_inputs = 2,
       .infer = infer::same_as_input,
       .types = {dtypes::any, DType::int64}},
  };
}

}  // namespace inlay::inline v0
