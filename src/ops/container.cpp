// Sequences and optionals.
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

/// What a sequence or an optional of that type holds; a tensor counts as an optional that is full.
Type element_of(const Type& type) {
  if (type.kind != Type::Kind::sequence && type.kind != Type::Kind::optional) return type;
  return type.element ? *type.element : Type();
}

void require_sequence(const InferContext& context) {
  const Type::Kind kind = context.input(0).kind;
  if (kind != Type::Kind::sequence && kind != Type::Kind::unknown) {
    context.fail("the input is no sequence");
  }
}

void infer_sequence_construct(InferContext& context) {
  infer::require_same_dtype(context, 0, context.input_count());
  Type element = context.input(0);
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    element = infer::common_type(element, context.input(i));
  }
  context.set_output(0, Type::sequence(std::move(element)));
}

void infer_sequence_empty(InferContext& context) {
  const DType dtype = infer::dtype_attribute(context, "dtype", DType::float32);
  context.set_output(0, Type::sequence(Type::tensor(dtype)));
}

void infer_sequence_insert(InferContext& context) {
  require_sequence(context);
  context.set_output(
      0, Type::sequence(infer::common_type(element_of(context.input(0)), context.input(1))));
}

void infer_sequence_erase(InferContext& context) {
  require_sequence(context);
  context.set_output(0, context.input(0));
}

void infer_sequence_at(InferContext& context) {
  require_sequence(context);
  context.set_output(0, element_of(context.input(0)));
}

void infer_sequence_length(InferContext& context) {
  require_sequence(context);
  context.set_output(0, DType::int64, std::vector<Dim>());
}

void infer_split_to_sequence(InferContext& context) {
  Type part = context.input(0);
  if (part.has_rank) {
    const int axis = infer::axis(context, context.attributes().integer("axis", 0), part.rank());
    const bool keep = context.attributes().integer("keepdims", 1) != 0;
    if (context.has_input(1) || keep) {
      part.dims[static_cast<std::size_t>(axis)] = context.has_input(1) ? Dim() : Dim(1);
    } else {
      part.dims.erase(part.dims.begin() + axis);
    }
  }
  context.set_output(0, Type::sequence(std::move(part)));
}

void infer_concat_from_sequence(InferContext& context) {
  require_sequence(context);
  Type type = element_of(context.input(0));
  if (!type.is_tensor()) return context.set_output(0, Type());
  if (type.has_rank) {
    const bool stack = context.attributes().integer("new_axis", 0) != 0;
    const int axis = infer::axis(context, context.attributes().integer("axis", 0),
                                 type.rank() + (stack ? 1 : 0));
    if (stack) {
      type.dims.insert(type.dims.begin() + axis, Dim());
    } else {
      type.dims[static_cast<std::size_t>(axis)] = Dim();
    }
  }
  context.set_output(0, std::move(type));
}

void infer_optional(InferContext& context) {
  const Type* element = context.attributes().get<Type>("type");
  if (!context.has_input(0) && element == nullptr) {
    context.fail("an empty optional needs the attribute type");
  }
  context.set_output(0, Type::optional(context.has_input(0) ? context.input(0) : *element));
}

void infer_optional_has_element(InferContext& context) {
  context.set_output(0, DType::boolean, std::vector<Dim>());
}

void infer_optional_get_element(InferContext& context) {
  const Type& type = context.input(0);
  context.set_output(0, type.kind == Type::Kind::optional ? element_of(type) : type);
}

}  // namespace

std::vector<OpSchema> container_schemas() {
  return {
      {.domain = "",
       .name = "ConcatFromSequence",
       .since = 11,
       .infer = infer_concat_from_sequence},
      {.domain = "", .name = "Optional", .since = 15, .min_inputs = 0, .infer = infer_optional},
      {.domain = "",
       .name = "OptionalGetElement",
       .since = 15,
       .infer = infer_optional_get_element},
      {.domain = "",
       .name = "OptionalHasElement",
       .since = 15,
       .min_inputs = 0,
       .infer = infer_optional_has_element},
      {.domain = "",
       .name = "SequenceAt",
       .since = 11,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_sequence_at,
       .types = {dtypes::any, dtypes::indices}},
      {.domain = "",
       .name = "SequenceConstruct",
       .since = 11,
       .max_inputs = any_number,
       .infer = infer_sequence_construct,
       .types = {dtypes::any}},
      {.domain = "",
       .name = "SequenceEmpty",
       .since = 11,
       .min_inputs = 0,
       .max_inputs = 0,
       .infer = infer_sequence_empty},
      {.domain = "",
       .name = "SequenceErase",
       .since = 11,
       .max_inputs = 2,
       .infer = infer_sequence_erase,
       .types = {dtypes::any, dtypes::indices}},
      {.domain = "",
       .name = "SequenceInsert",
       .since = 11,
       .min_inputs = 2,
       .max_inputs = 3,
       .infer = infer_sequence_insert,
       .types = {dtypes::any, dtypes::any, dtypes::indices}},
      {.domain = "", .name = "SequenceLength", .since = 11, .infer = infer_sequence_length},
      {.domain = "",
       .name = "SplitToSequence",
       .since = 11,
       .max_inputs = 2,
       .infer = infer_split_to_sequence,
       .types = {dtypes::any, dtypes::indices}},
  };
}

}  // namespace inlay::inline v0
