// Operators that read or write at indices: Gather, GatherElements, GatherND, Scatter,
// ScatterElements, ScatterND, TensorScatter.
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

using Dims = std::vector<Dim>;

void infer_gather(InferContext& context) {
  const Type& data = context.input(0);
  const Type& indices = context.input(1);
  if (!data.has_rank) return context.set_output(0, data.dtype);
  const int axis = infer::axis(context, context.attributes().integer("axis", 0), data.rank());
  if (!indices.has_rank) return context.set_output(0, data.dtype);
  Dims dims(data.dims.begin(), data.dims.begin() + axis);
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), data.dims.begin() + axis + 1, data.dims.end());
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_gather_elements(InferContext& context) {
  const Type& data = context.input(0);
  Type type = infer::with_dtype(context.input(1), data.dtype);
  if (data.has_rank) {
    infer::axis(context, context.attributes().integer("axis", 0), data.rank());
    infer::require_rank(context, 1, data.rank(), data.rank());
    if (!type.has_rank) type = Type::tensor(data.dtype, infer::unknown_dims(data.rank()));
  }
  context.set_output(0, std::move(type));
}

void infer_gather_nd(InferContext& context) {
  const Type& data = context.input(0);
  const Type& indices = context.input(1);
  if (!data.has_rank || !indices.has_rank) return context.set_output(0, data.dtype);
  if (indices.dims.empty()) context.fail("indices is a scalar");
  const std::int64_t batch = context.attributes().integer("batch_dims", 0);
  if (batch < 0 || batch >= std::min(data.rank(), indices.rank())) {
    context.fail("batch_dims is outside the inputs' ranks");
  }
  const Dim& depth = indices.dims.back();
  if (!depth.known()) return context.set_output(0, data.dtype);
  if (depth.value > data.rank() - batch) context.fail("indices has more entries than data axes");
  Dims dims(indices.dims.begin(), indices.dims.end() - 1);
  dims.insert(dims.end(), data.dims.begin() + batch + depth.value, data.dims.end());
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_scatter(InferContext& context) {
  if (context.dtype(0) != context.dtype(2) && context.dtype(2) != DType::undefined) {
    context.fail("data and updates must have one dtype");
  }
  infer::same_as_input(context);
}

void infer_tensor_scatter(InferContext& context) {
  infer::require_same_dtype(context, 0, 2);
  infer::same_as_input(context);
}

OpSchema scatter_schema(std::string name, int since) {
  return {.domain = "",
          .name = std::move(name),
          .since = since,
          .min_inputs = 3,
          .max_inputs = 3,
          .infer = infer_scatter,
          .types = {dtypes::any, dtypes::indices, dtypes::any}};
}

}  // namespace

std::vector<OpSchema> gather_schemas() {
  return {
      {.domain = "",
       .name = "Gather",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_gather,
       .types = {dtypes::any, dtypes::indices}},
      {.domain = "",
       .name = "GatherElements",
       .since = 11,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_gather_elements,
       .types = {dtypes::any, dtypes::indices}},
      {.domain = "",
       .name = "GatherND",
       .since = 11,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_gather_nd,
       .types = {dtypes::any, DType::int64}},
      {.domain = "com.microsoft",
       .name = "GatherND",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_gather_nd,
       .types = {dtypes::any, dtypes::indices}},
      scatter_schema("Scatter", 9),
      scatter_schema("ScatterElements", 11),
      scatter_schema("ScatterND", 11),
      {.domain = "",
       .name = "TensorScatter",
       .since = 24,
       .min_inputs = 2,
       .max_inputs = 3,
       .infer = infer_tensor_scatter,
       .types = {dtypes::any, dtypes::any, DType::int64}},
  };
}

}  // namespace inlay::inline v0
