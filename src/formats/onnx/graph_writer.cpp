#include "formats/onnx/graph_writer.hpp"

#include "formats/onnx/proto.hpp"
#include "formats/onnx/tensor_writer.hpp"
#include "formats/onnx/type_writer.hpp"

namespace inlay::inline v0::onnx {
namespace {

MessageWriter write_value_info(const ValueInfo& value) {
  MessageWriter m;
  m.bytes(value_info_field::name, value.name);
  if (value.type.kind != Type::Kind::unknown) {
    m.message(value_info_field::type, write_type(value.type));
  }
  return m;
}

MessageWriter write_node(const Graph& graph, const Node& node, ExternalElements* external) {
  const auto name_of = [&](ValueId id) {
    return id != no_id ? std::string_view(graph.value(id).name) : std::string_view();
  };
  MessageWriter m;
  for (const ValueId id : node.inputs) m.bytes(node_field::input, name_of(id));
  for (const ValueId id : node.outputs) m.bytes(node_field::output, name_of(id));
  if (!node.name.empty()) m.bytes(node_field::name, node.name);
  m.bytes(node_field::op_type, node.op);
  try {
    for (const auto& [name, attribute] : node.attributes) {
      m.message(node_field::attribute, write_attribute(name, attribute, external));
    }
  } catch (const Error& error) {
    throw error.at({.node = node.name, .op = qualified_op(node.domain, node.op)});
  }
  if (!node.domain.empty()) m.bytes(node_field::domain, node.domain);
  return m;
}

/// Whether the file says the type of a value that is no input and no output.
bool is_worth_writing(const Type& type) {
  return type.kind != Type::Kind::unknown && !(type.is_tensor() && type.dtype == DType::undefined);
}

}  // namespace

MessageWriter write_graph(const Graph& graph, ExternalElements* external) {
  MessageWriter m;
  for (const Node& node : graph.nodes) {
    if (!node.dead()) m.message(graph_field::node, write_node(graph, node, external));
  }
  m.bytes(graph_field::name, graph.name);
  for (const ValueInfo& value : graph.values) {
    if (!value.is_constant()) continue;
    m.message(graph_field::initializer, write_tensor(value.name, value.constant, external));
  }
  for (const ValueId id : graph.inputs) {
    m.message(graph_field::input, write_value_info(graph.value(id)));
  }
  for (const ValueId id : graph.outputs) {
    m.message(graph_field::output, write_value_info(graph.value(id)));
  }
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const ValueInfo& value = graph.values[i];
    if (value.producer == no_id || graph.is_output(static_cast<ValueId>(i))) continue;
    if (is_worth_writing(value.type)) m.message(graph_field::value_info, write_value_info(value));
  }
  return m;
}

}  // namespace inlay::inline v0::onnx
