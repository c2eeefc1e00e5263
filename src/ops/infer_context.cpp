#include <algorithm>

#include "inlay/op.hpp"

namespace inlay::inline v0 {

InferContext::InferContext(const Graph& graph, const Node& node)
    : graph_(graph), node_(node), outputs_(node.outputs.size()) {}

const Type& InferContext::input(std::size_t i) const noexcept {
  static const Type absent;
  return has_input(i) ? graph_.value(node_.inputs[i]).type : absent;
}

const Tensor* InferContext::constant(std::size_t i) const noexcept {
  return graph_.constant(node_.input(i));
}

std::optional<std::vector<std::int64_t>> InferContext::constant_integers(std::size_t i) const {
  const Tensor* tensor = constant(i);
  if (tensor == nullptr) return std::nullopt;
  if (tensor->dtype() == DType::int64) {
    const auto values = tensor->as<std::int64_t>();
    return std::vector<std::int64_t>(values.begin(), values.end());
  }
  if (tensor->dtype() == DType::int32) {
    const auto values = tensor->as<std::int32_t>();
    return std::vector<std::int64_t>(values.begin(), values.end());
  }
  return std::nullopt;
}

void InferContext::set_output(std::size_t i, Type type) {
  if (i < outputs_.size()) outputs_[i] = std::move(type);
}

void InferContext::fail(const std::string& message) const {
  throw Error(ErrorCode::invalid_graph, message,
              {.node = node_.name, .op = qualified_op(node_.domain, node_.op)});
}

namespace {

std::string names(DTypeSet set) {
  std::string list;
  for (unsigned code = 1; code < 32; ++code) {
    const auto dtype = static_cast<DType>(code);
    if (set.contains(dtype)) list += (list.empty() ? "" : ", ") + std::string(name(dtype));
  }
  return list;
}

void check_types(const OpSchema& schema, const InferContext& context) {
  if (schema.types.empty()) return;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const Type& type = context.input(i);
    if (type.kind != Type::Kind::tensor || type.dtype == DType::undefined) continue;
    const DTypeSet allowed = schema.types[std::min(i, schema.types.size() - 1)];
    if (allowed.contains(type.dtype)) continue;
    throw Error(ErrorCode::type_mismatch, "input " + std::to_string(i) + " holds " +
                                              std::string(name(type.dtype)) +
                                              ", the operator takes " + names(allowed));
  }
}

}  // namespace

std::vector<Type> infer_node(const OpSchema& schema, const Graph& graph, const Node& node) {
  InferContext context(graph, node);
  const auto check = [&](std::size_t count, int least, int most, const char* what) {
    if (count < static_cast<std::size_t>(least) || count > static_cast<std::size_t>(most)) {
      context.fail("the node has " + std::to_string(count) + " " + what + ", the operator takes " +
                   std::to_string(least) +
                   (most == any_number ? " or more" : " to " + std::to_string(most)));
    }
  };
  check(node.inputs.size(), schema.min_inputs, schema.max_inputs, "inputs");
  check(node.outputs.size(), schema.min_outputs, schema.max_outputs, "outputs");
  try {
    check_types(schema, context);
    schema.infer(context);
  } catch (const Error& error) {
    throw error.at({.node = node.name, .op = qualified_op(node.domain, node.op)});
  }
  return {context.outputs().begin(), context.outputs().end()};
}

}  // namespace inlay::inline v0
