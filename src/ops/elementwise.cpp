#include <initializer_list>
#include <utility>

#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

using Names = std::initializer_list<std::pair<std::string_view, int>>;  // name, first version

/// Before opset 7, input 1 broadcast to input 0 as attributes said, and never the other way.
void infer_arithmetic(InferContext& context) {
  if (context.version() >= 7) return infer::broadcast_inputs(context);
  infer::require_same_dtype(context, 0, 2);
  infer::same_as_input(context);
}

void infer_predicate(InferContext& context) {
  infer::require_same_dtype(context, 0, context.input_count());
  if (context.version() < 7) return infer::same_shape(context, DType::boolean);
  context.set_output(0, infer::broadcast(context, DType::boolean, 0, context.input_count()));
}

void infer_pow(InferContext& context) {
  if (context.version() < 7) return infer::same_as_input(context);
  context.set_output(0, infer::broadcast(context, context.dtype(0), 0, 2));
}

void infer_bool(InferContext& context) { infer::same_shape(context, DType::boolean); }

void infer_where(InferContext& context) {
  infer::require_same_dtype(context, 1, 3);
  context.set_output(0, infer::broadcast(context, context.dtype(1), 0, 3));
}

void infer_cast(InferContext& context) {
  if (!context.attributes().has("to")) context.fail("attribute to is missing");
  infer::same_shape(context, infer::dtype_attribute(context, "to", DType::undefined));
}

void infer_bit_cast(InferContext& context) {
  infer_cast(context);
  const DType to = context.outputs()[0].dtype;
  if (to == DType::string) context.fail("strings have no bits to take");
  const DType from = context.dtype(0);
  if (from != DType::undefined && bit_width(from) != bit_width(to)) {
    context.fail("the types differ in size");
  }
}

void infer_cast_like(InferContext& context) { infer::same_shape(context, context.dtype(1)); }

void infer_dropout(InferContext& context) {
  infer::same_as_input(context);
  if (context.output_count() < 2) return;
  const DType mask = context.version() < 10 ? context.dtype(0) : DType::boolean;
  context.set_output(1, infer::with_dtype(context.input(0), mask));
}

void infer_same_shapes(InferContext& context) {
  infer::require_same_dtype(context, 0, context.input_count());
  infer::same_as_input(context);
}

void add(std::vector<OpSchema>& schemas, Names names, int inputs, InferFn infer,
         Trait traits = Trait::in_place, int min_inputs = -1) {
  for (const auto& [name, since] : names) {
    schemas.push_back({.name = std::string(name),
                       .since = since,
                       .min_inputs = min_inputs < 0 ? inputs : min_inputs,
                       .max_inputs = inputs,
                       .infer = infer,
                       .traits = traits});
  }
}

}  // namespace

std::vector<OpSchema> elementwise_schemas() {
  std::vector<OpSchema> schemas;
  add(schemas, {{"Abs", 1},         {"Neg", 1},        {"Floor", 1},       {"Ceil", 1},
                {"Round", 11},      {"Sign", 9},       {"Sqrt", 1},        {"Exp", 1},
                {"Log", 1},         {"Reciprocal", 1}, {"Erf", 9},         {"Sin", 7},
                {"Cos", 7},         {"Tan", 7},        {"Asin", 7},        {"Acos", 7},
                {"Atan", 7},        {"Sinh", 9},       {"Cosh", 9},        {"Tanh", 1},
                {"Asinh", 9},       {"Acosh", 9},      {"Atanh", 9},       {"Sigmoid", 1},
                {"Relu", 1},        {"LeakyRelu", 1},  {"Elu", 1},         {"Selu", 1},
                {"Celu", 12},       {"Gelu", 20},      {"Mish", 18},       {"Swish", 24},
                {"HardSigmoid", 1}, {"HardSwish", 14}, {"Softplus", 1},    {"Softsign", 1},
                {"Shrink", 9},      {"Not", 1},        {"BitwiseNot", 18}, {"ThresholdedRelu", 10}},
      1, infer::same_as_input);
  add(schemas, {{"IsNaN", 9}, {"IsInf", 10}}, 1, infer_bool);
  add(schemas, {{"Add", 1}, {"Sub", 1}, {"Mul", 1}, {"Div", 1}, {"Mod", 10}}, 2, infer_arithmetic);
  add(schemas, {{"BitShift", 11}, {"BitwiseAnd", 18}, {"BitwiseOr", 18}, {"BitwiseXor", 18}}, 2,
      infer::broadcast_inputs);
  add(schemas,
      {{"And", 1},
       {"Or", 1},
       {"Xor", 1},
       {"Equal", 1},
       {"Less", 1},
       {"Greater", 1},
       {"LessOrEqual", 12},
       {"GreaterOrEqual", 12}},
      2, infer_predicate);
  add(schemas, {{"Pow", 1}}, 2, infer_pow);
  add(schemas, {{"PRelu", 1}, {"SwiGLU", 28}}, 2, infer_same_shapes);
  // Not in place: the output is written once per input.
  add(schemas, {{"Max", 1}, {"Min", 1}, {"Sum", 1}, {"Mean", 1}}, any_number,
      infer::broadcast_inputs, Trait::none, 1);
  add(schemas, {{"Clip", 1}}, 3, infer_same_shapes, Trait::in_place, 1);
  add(schemas, {{"Where", 9}}, 3, infer_where);
  add(schemas, {{"Cast", 1}}, 1, infer_cast);
  add(schemas, {{"BitCast", 26}}, 1, infer_bit_cast);
  add(schemas, {{"CastLike", 15}}, 2, infer_cast_like);
  add(schemas, {{"Identity", 1}}, 1, infer::same_as_input, Trait::view);
  schemas.push_back({.name = "Dropout",
                     .max_inputs = 3,
                     .max_outputs = 2,
                     .infer = infer_dropout,
                     .traits = Trait::in_place | Trait::nondeterministic,
                     .types = {dtypes::floats | dtypes::float8, dtypes::floats | dtypes::float8,
                               dtypes::boolean}});
  return schemas;
}

}  // namespace inlay::inline v0
