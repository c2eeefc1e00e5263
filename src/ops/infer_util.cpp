#include "ops/infer_util.hpp"

#include <algorithm>

namespace inlay::inline v0::infer {

int axis(const InferContext& context, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    context.fail("axis " + std::to_string(axis) + " is outside a tensor of rank " +
                 std::to_string(rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Integers integers(const InferContext& context, std::string_view name, std::size_t i) {
  if (const auto* values = context.attributes().get<std::vector<std::int64_t>>(name)) {
    return {true, *values};
  }
  if (context.has_input(i)) return {true, context.constant_integers(i)};
  return {};
}

std::vector<int> axes(const InferContext& context, const std::vector<std::int64_t>& values,
                      int rank) {
  std::vector<int> result;
  result.reserve(values.size());
  for (const std::int64_t value : values) result.push_back(axis(context, value, rank));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    context.fail("an axis is named twice");
  }
  return result;
}

Dim broadcast(const InferContext& context, const Dim& a, const Dim& b) {
  if (a.known() && a.value == 1) return b;
  if (b.known() && b.value == 1) return a;
  if (a.same_as(b)) return a;
  if (a.known() && b.known()) {
    context.fail("dims " + std::to_string(a.value) + " and " + std::to_string(b.value) +
                 " do not broadcast");
  }
  // A number other than 1 wins: the unknown one is either it or 1.
  if (a.known()) return a;
  if (b.known()) return b;
  return {};
}

Type broadcast(const InferContext& context, DType dtype, std::size_t first, std::size_t last) {
  Type result = Type::tensor(dtype, std::vector<Dim>());
  for (std::size_t i = first; i < last; ++i) {
    if (!context.has_input(i)) continue;
    const Type& input = context.input(i);
    if (!input.has_rank) return Type::tensor(dtype);
    if (input.dims.size() > result.dims.size()) {
      result.dims.insert(result.dims.begin(), input.dims.size() - result.dims.size(), Dim(1));
    }
    auto out = result.dims.end() - static_cast<std::ptrdiff_t>(input.dims.size());
    for (const Dim& dim : input.dims) {
      *out = broadcast(context, *out, dim);
      ++out;
    }
  }
  return result;
}

void require_same_dtype(const InferContext& context, std::size_t first, std::size_t last) {
  DType wanted = DType::undefined;
  for (std::size_t i = first; i < last; ++i) {
    const DType dtype = context.dtype(i);
    if (!context.has_input(i) || dtype == DType::undefined) continue;
    if (wanted == DType::undefined) wanted = dtype;
    if (dtype != wanted) {
      context.fail("inputs must have one dtype, not " + std::string(name(wanted)) + " and " +
                   std::string(name(dtype)));
    }
  }
}

void require_rank(const InferContext& context, std::size_t i, int low, int high) {
  const int rank = context.input(i).rank();
  if (rank < 0 || (rank >= low && rank <= high)) return;
  context.fail("input " + std::to_string(i) + " has rank " + std::to_string(rank) +
               ", which the operator does not take");
}

void same_as_input(InferContext& context) { context.set_output(0, context.input(0)); }

void same_shape(InferContext& context, DType dtype) {
  context.set_output(0, with_dtype(context.input(0), dtype));
}

void broadcast_inputs(InferContext& context) {
  require_same_dtype(context, 0, context.input_count());
  context.set_output(0, broadcast(context, context.dtype(0), 0, context.input_count()));
}

DType dtype_attribute(const InferContext& context, std::string_view attribute, DType fallback) {
  if (!context.attributes().has(attribute)) return fallback;
  const std::int64_t value = context.attributes().integer(attribute, 0);
  if (value <= 0 || value > 255 || bit_width(static_cast<DType>(value)) == 0) {
    context.fail("attribute " + std::string(attribute) +
                 " names no element type: " + std::to_string(value));
  }
  return static_cast<DType>(value);
}

Type without_shape(Type type) {
  type.has_rank = false;
  type.dims.clear();
  return type;
}

Type common_type(const Type& a, const Type& b) {
  if (a.kind != Type::Kind::optional && b.kind == Type::Kind::optional) return common_type(b, a);
  if (a.kind == Type::Kind::optional && b.kind != a.kind) {  // b counts as a full one
    if (!a.element || b.kind == Type::Kind::unknown) return {};
    Type element = common_type(*a.element, b);
    return element.kind == b.kind ? Type::optional(std::move(element)) : Type();
  }
  if (a.kind != b.kind || a.dtype != b.dtype) return {};
  Type common = a;
  if (a.element || b.element) {
    common.element = std::make_shared<const Type>(
        a.element && b.element ? common_type(*a.element, *b.element) : Type());
  }
  if (!a.has_rank || !b.has_rank || a.rank() != b.rank()) return without_shape(std::move(common));
  for (std::size_t i = 0; i < common.dims.size(); ++i) {
    if (!common.dims[i].same_as(b.dims[i])) common.dims[i] = Dim();
  }
  return common;
}

}  // namespace inlay::inline v0::infer
