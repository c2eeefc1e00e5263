#include "ops/infer_util.hpp"
#include "ops/range.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

void infer_constant(InferContext& context) {
  const Attributes& attributes = context.attributes();
  for (const std::string_view name : {"value", "sparse_value"}) {
    if (const auto* tensor = attributes.get<Tensor>(name)) {
      return context.set_output(0, Type::tensor(tensor->dtype(), tensor->shape()));
    }
  }
  const auto scalar = [&](DType dtype) { context.set_output(0, Type::tensor(dtype, Shape{})); };
  const auto list = [&](DType dtype, std::size_t size) {
    context.set_output(0, dtype, {Dim(static_cast<std::int64_t>(size))});
  };
  if (attributes.has("value_float")) return scalar(DType::float32);
  if (attributes.has("value_int")) return scalar(DType::int64);
  if (attributes.has("value_string")) return scalar(DType::string);
  if (attributes.has("value_floats")) {
    return list(DType::float32, attributes.reals("value_floats").size());
  }
  if (attributes.has("value_ints")) {
    return list(DType::int64, attributes.integers("value_ints").size());
  }
  if (const auto* text = attributes.get<std::vector<std::string>>("value_strings")) {
    return list(DType::string, text->size());
  }
  context.fail("a Constant needs one of the value attributes");
}

void infer_constant_of_shape(InferContext& context) {
  const auto* value = context.attributes().get<Tensor>("value");
  if (value != nullptr && value->size() != 1) context.fail("value must hold one element");
  const DType dtype = value != nullptr ? value->dtype() : DType::float32;
  if (const auto dims = context.known_dims(0)) return context.set_output(0, dtype, *dims);
  const auto static_shape = context.input(0).static_shape();
  if (static_shape && static_shape->rank() == 1 && (*static_shape)[0] <= Shape::max_rank) {
    return context.set_output(0, dtype, infer::unknown_dims(static_cast<int>((*static_shape)[0])));
  }
  context.set_output(0, dtype);
}

void infer_range(InferContext& context) {
  infer::require_same_dtype(context, 0, 3);
  const Tensor* start = context.constant(0);
  const Tensor* limit = context.constant(1);
  const Tensor* delta = context.constant(2);
  Dim count;
  if (start != nullptr && limit != nullptr && (delta != nullptr || !context.has_input(2))) {
    count = range_count(*start, *limit, delta);
  }
  context.set_output(0, context.dtype(0), {count});
}

void infer_eye_like(InferContext& context) {
  infer::require_rank(context, 0, 2, 2);
  infer::same_shape(context, infer::dtype_attribute(context, "dtype", context.dtype(0)));
}

/// The attribute `dtype`, or what stands for it; fails inference when it is not in `allowed`.
DType drawn_dtype(const InferContext& context, DType fallback, DTypeSet allowed) {
  const DType dtype = infer::dtype_attribute(context, "dtype", fallback);
  if (dtype != DType::undefined && !allowed.contains(dtype)) {
    context.fail("the operator does not draw numbers of type " + std::string(name(dtype)) +
                 "; set the attribute dtype");
  }
  return dtype;
}

void infer_random_like(InferContext& context) {
  infer::same_shape(context, drawn_dtype(context, context.dtype(0), dtypes::floats));
}

void infer_bernoulli(InferContext& context) {
  infer::same_shape(context,
                    drawn_dtype(context, context.dtype(0), dtypes::numbers | dtypes::boolean));
}

void infer_random(InferContext& context) {
  if (!context.attributes().has("shape")) context.fail("attribute shape is missing");
  context.set_output(0, Type::tensor(drawn_dtype(context, DType::float32, dtypes::floats),
                                     Shape(context.attributes().integers("shape"))));
}

void infer_multinomial(InferContext& context) {
  infer::require_rank(context, 0, 2, 2);
  const std::int64_t samples = context.attributes().integer("sample_size", 1);
  if (samples < 0) context.fail("attribute sample_size is negative");
  const Type& x = context.input(0);
  context.set_output(0, drawn_dtype(context, DType::int32, dtypes::indices),
                     {x.has_rank ? x.dims[0] : Dim(), Dim(samples)});
}

void infer_window(InferContext& context) {
  Dim size;
  if (const auto known = context.constant_integers(0); known && known->size() == 1) {
    if ((*known)[0] < 0) context.fail("a window has a negative size");
    size = (*known)[0];
  }
  context.set_output(0, infer::dtype_attribute(context, "output_datatype", DType::float32), {size});
}

OpSchema random_schema(std::string_view name, int since, std::vector<DTypeSet> types,
                       InferFn infer) {
  const int inputs = static_cast<int>(types.size());
  return {.name = std::string(name),
          .since = since,
          .min_inputs = inputs,
          .max_inputs = inputs,
          .infer = std::move(infer),
          .traits = Trait::nondeterministic,
          .types = std::move(types)};
}

OpSchema window_schema(std::string_view name) {
  return {
      .name = std::string(name), .since = 17, .infer = infer_window, .types = {dtypes::indices}};
}

}  // namespace

std::vector<OpSchema> generator_schemas() {
  using namespace dtypes;
  return {
      {.name = "Constant", .min_inputs = 0, .max_inputs = 0, .infer = infer_constant},
      {.name = "ConstantOfShape",
       .since = 9,
       .infer = infer_constant_of_shape,
       .types = {DType::int64}},
      {.name = "Range",
       .since = 11,
       .min_inputs = 3,
       .max_inputs = 3,
       .infer = infer_range,
       .types = {{floats, DType::int16, DType::int32, DType::int64}}},
      {.domain = "com.microsoft",
       .name = "Range",
       .min_inputs = 2,
       .max_inputs = 3,
       .infer = infer_range,
       .types = {{floats, DType::int16, DType::int32, DType::int64}}},
      {.name = "EyeLike", .since = 9, .infer = infer_eye_like, .types = {numbers | boolean}},
      window_schema("HannWindow"),
      window_schema("HammingWindow"),
      window_schema("BlackmanWindow"),
      random_schema("RandomNormal", 1, {}, infer_random),
      random_schema("RandomUniform", 1, {}, infer_random),
      random_schema("RandomNormalLike", 1, {numbers | boolean | string | complex},
                    infer_random_like),
      random_schema("RandomUniformLike", 1, {numbers | boolean | string | complex},
                    infer_random_like),
      random_schema("Bernoulli", 15, {floats}, infer_bernoulli),
      random_schema("Multinomial", 7, {floats}, infer_multinomial),
  };
}

}  // namespace inlay::inline v0
