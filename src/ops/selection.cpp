// Operators whose output depends on values: NonZero, Compress, Unique, NonMaxSuppression; and
// OneHot.
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

using Dims = std::vector<Dim>;

void infer_non_zero(InferContext& context) {
  const Type& data = context.input(0);
  Dims dims = infer::unknown_dims(2);
  if (data.has_rank) dims[0] = data.rank();
  context.set_output(0, DType::int64, std::move(dims));
}

void infer_compress(InferContext& context) {
  const Type& data = context.input(0);
  const auto* axis = context.attributes().get<std::int64_t>("axis");
  if (axis == nullptr) return context.set_output(0, data.dtype, infer::unknown_dims(1));
  if (!data.has_rank) return context.set_output(0, data.dtype);
  Dims dims = data.dims;
  dims[static_cast<std::size_t>(infer::axis(context, *axis, data.rank()))] = Dim();
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_unique(InferContext& context) {
  infer_compress(context);
  for (std::size_t i = 1; i < context.output_count(); ++i) {
    context.set_output(i, DType::int64, infer::unknown_dims(1));
  }
}

void infer_one_hot(InferContext& context) {
  const Type& indices = context.input(0);
  const DType dtype = context.dtype(2);
  if (!indices.has_rank) return context.set_output(0, dtype);
  Dims dims = indices.dims;
  const int axis =
      infer::axis(context, context.attributes().integer("axis", -1), indices.rank() + 1);
  const auto depth = context.known_dims(1);
  dims.insert(dims.begin() + axis, depth && depth->size() == 1 ? depth->front() : Dim());
  context.set_output(0, dtype, std::move(dims));
}

void infer_non_max_suppression(InferContext& context) {
  infer::require_rank(context, 0, 3, 3);
  infer::require_rank(context, 1, 3, 3);
  context.set_output(0, DType::int64, {Dim(), Dim(3)});
}

}  // namespace

std::vector<OpSchema> selection_schemas() {
  return {
      {.domain = "",
       .name = "Compress",
       .since = 9,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_compress,
       .types = {dtypes::any, DType::boolean}},
      {.domain = "",
       .name = "NonMaxSuppression",
       .since = 10,
       .min_inputs = 2,
       .max_inputs = 5,
       .infer = infer_non_max_suppression,
       .types = {DType::float32, DType::float32, DType::int64, DType::float32}},
      {.domain = "",
       .name = "NonZero",
       .since = 9,
       .infer = infer_non_zero,
       .types = {dtypes::numbers | dtypes::boolean | dtypes::complex | dtypes::string}},
      {.domain = "",
       .name = "OneHot",
       .since = 9,
       .min_inputs = 3,
       .max_inputs = 3,
       .infer = infer_one_hot,
       .types = {dtypes::numbers, dtypes::numbers, dtypes::any}},
      {.domain = "",
       .name = "Unique",
       .since = 11,
       .max_outputs = 4,
       .infer = infer_unique,
       .types = {dtypes::numbers | dtypes::boolean | dtypes::complex | dtypes::string}},
  };
}

}  // namespace inlay::inline v0
