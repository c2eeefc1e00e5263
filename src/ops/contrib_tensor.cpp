// Operators of com.microsoft that stand alone, or that the standard has too by now.
#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

using Dims = std::vector<Dim>;

void infer_cdist(InferContext& context) {
  infer::require_same_dtype(context, 0, 2);
  infer::require_rank(context, 0, 2, 2);
  infer::require_rank(context, 1, 2, 2);
  const auto rows = [&](std::size_t i) {
    return context.input(i).has_rank ? context.input(i).dims[0] : Dim();
  };
  if (context.input(0).has_rank && context.input(1).has_rank) {
    infer::merged(context, context.input(0).dims[1], context.input(1).dims[1]);
  }
  context.set_output(0, context.dtype(0), {rows(0), rows(1)});
}

void infer_crop_and_resize(InferContext& context) {
  infer::require_rank(context, 0, 4, 4);
  infer::require_rank(context, 1, 2, 2);
  Dims dims = infer::unknown_dims(4);
  if (context.input(1).has_rank) dims[0] = context.input(1).dims[0];
  if (context.input(0).has_rank) dims[1] = context.input(0).dims[1];
  if (const auto size = context.constant_integers(3)) {
    if (size->size() != 2 || (*size)[0] <= 0 || (*size)[1] <= 0) {
      context.fail("crop_size must be a positive height and width");
    }
    dims[2] = (*size)[0];
    dims[3] = (*size)[1];
  }
  context.set_output(0, context.dtype(0), std::move(dims));
}

void infer_expand_dims(InferContext& context) {
  Type type = context.input(0);
  if (!type.has_rank) return context.set_output(0, std::move(type));
  const auto axis = context.constant_integers(1);
  if (axis && axis->size() == 1) {
    type.dims.insert(type.dims.begin() + infer::axis(context, axis->front(), type.rank() + 1),
                     Dim(1));
  } else {
    type.dims = infer::unknown_dims(type.rank() + 1);
  }
  context.set_output(0, std::move(type));
}

void infer_ngram_repeat_block(InferContext& context) { context.set_output(0, context.input(1)); }

/// The values in order of appearance, each element's place among them, their counts.
void infer_unique_in_order(InferContext& context) {
  context.set_output(0, context.dtype(0), infer::unknown_dims(1));
  context.set_output(1, DType::int64, {infer::product(context.input(0).dims)});
  if (!context.input(0).has_rank) context.set_output(1, DType::int64, infer::unknown_dims(1));
  context.set_output(2, DType::int64, infer::unknown_dims(1));
}

}  // namespace

std::vector<OpSchema> contrib_tensor_schemas() {
  constexpr DTypeSet floats = dtypes::floats, int32 = DType::int32, int64 = DType::int64;
  constexpr DTypeSet wide{DType::float32, DType::float64};
  constexpr DTypeSet float32 = DType::float32;
  const char* microsoft = "com.microsoft";
  return {
      {.domain = microsoft, .name = "Inverse", .infer = infer::same_as_input, .types = {floats}},
      {.domain = microsoft,
       .name = "CDist",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_cdist,
       .types = {wide}},
      {.domain = microsoft,
       .name = "CropAndResize",
       .min_inputs = 4,
       .max_inputs = 4,
       .infer = infer_crop_and_resize,
       .types = {floats, floats, int32, int32}},
      {.domain = microsoft,
       .name = "ExpandDims",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_expand_dims,
       .traits = Trait::view,
       .types = {dtypes::any, int32}},
      {.domain = microsoft,
       .name = "NGramRepeatBlock",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_ngram_repeat_block,
       .types = {int64, float32}},
      {.domain = microsoft,
       .name = "Unique",
       .min_outputs = 3,
       .max_outputs = 3,
       .infer = infer_unique_in_order,
       .types = {dtypes::numbers | dtypes::boolean | dtypes::string | dtypes::complex}},
  };
}

}  // namespace inlay::inline v0
