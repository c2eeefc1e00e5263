#include "formats/onnx/graph_reader.hpp"

#include <algorithm>

#include "formats/onnx/tensor_reader.hpp"
#include "formats/onnx/type_reader.hpp"
#include "formats/onnx/wire.hpp"

namespace inlay::inline v0::onnx {
namespace {

ValueInfoProto read_value_info(std::string_view bytes, const ReadContext& context) {
  ValueInfoProto info;
  try {
    for (Message m(bytes); m.next();) {
      switch (m.field()) {
        case value_info_field::name:
          info.name = m.bytes();
          break;
        case value_info_field::type:
          info.type = read_type(m.bytes(), context);
          break;
        default:
          m.skip();
      }
    }
  } catch (const Error& error) {
    throw error.at({.tensor = std::string(info.name)});
  }
  return info;
}

}  // namespace

void sort_attributes(std::vector<AttributeProto>& attributes) {
  const auto by_name = [](const AttributeProto& a, const AttributeProto& b) {
    return a.name < b.name;
  };
  const auto same_name = [](const AttributeProto& a, const AttributeProto& b) {
    return a.name == b.name;
  };
  std::sort(attributes.begin(), attributes.end(), by_name);
  const auto twice = std::adjacent_find(attributes.begin(), attributes.end(), same_name);
  if (twice != attributes.end()) {
    throw Error(ErrorCode::invalid_graph,
                "attribute '" + std::string(twice->name) + "' is given twice");
  }
}

NodeProto read_node(std::string_view bytes, ReadContext& context, int depth) {
  context.count_node();
  NodeProto node;
  try {
    for (Message m(bytes); m.next();) {
      switch (m.field()) {
        case node_field::input:
          node.inputs.push_back(m.bytes());
          break;
        case node_field::output:
          node.outputs.push_back(m.bytes());
          break;
        case node_field::name:
          node.name = m.bytes();
          break;
        case node_field::op_type:
          node.op_type = m.bytes();
          break;
        case node_field::domain:
          node.domain = normalized_domain(m.bytes());
          break;
        case node_field::overload:
          node.overload = m.bytes();
          break;
        case node_field::attribute:
          node.attributes.push_back(read_attribute(m.bytes(), context, depth));
          break;
        default:
          m.skip();
      }
    }
    if (node.op_type.empty()) throw Error(ErrorCode::parse, "a node names no operator");
    sort_attributes(node.attributes);
  } catch (const Error& error) {
    throw error.at({.node = std::string(node.name), .op = qualified_op(node.domain, node.op_type)});
  }
  return node;
}

GraphProto read_graph(std::string_view bytes, ReadContext& context, int depth) {
  context.check_depth(depth);
  GraphProto graph;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case graph_field::node:
        graph.nodes.push_back(read_node(m.bytes(), context, depth));
        break;
      case graph_field::name:
        graph.name = m.bytes();
        break;
      case graph_field::initializer:
        graph.initializers.push_back(read_tensor(m.bytes(), context));
        break;
      case graph_field::sparse_initializer:
        graph.initializers.push_back(read_sparse_tensor(m.bytes(), context));
        break;
      case graph_field::input:
        graph.inputs.push_back(read_value_info(m.bytes(), context));
        break;
      case graph_field::output:
        graph.outputs.push_back(read_value_info(m.bytes(), context));
        break;
      default:
        m.skip();
    }
  }
  return graph;
}

}  // namespace inlay::inline v0::onnx
