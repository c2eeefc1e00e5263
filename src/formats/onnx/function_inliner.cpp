// The part of GraphBuilder that puts function bodies in the place of their calls.
#include <algorithm>

#include "formats/onnx/graph_builder.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::onnx {
namespace {

std::string function_key(std::string_view domain, std::string_view name,
                         std::string_view overload) {
  std::string key(domain);
  key += '\n';
  key += name;
  key += '\n';
  key += overload;
  return key;
}

std::string described(const FunctionProto& function) {
  return "function '" + qualified_op(function.domain, function.name) + "'";
}

}  // namespace

void GraphBuilder::index_functions() {
  for (const FunctionProto& function : model_.functions) {
    const auto key = function_key(function.domain, function.name, function.overload);
    if (!functions_.emplace(key, &function).second) {
      throw Error(ErrorCode::invalid_graph, described(function) + " is defined twice");
    }
  }
}

const FunctionProto* GraphBuilder::find_function(const Scope& scope, const NodeProto& call) const {
  if (functions_.empty()) return nullptr;
  if (operators_ != nullptr &&
      operators_->find_op(call.domain, call.op_type, scope.version(call.domain)) != nullptr) {
    return nullptr;
  }
  const auto found = functions_.find(function_key(call.domain, call.op_type, call.overload));
  return found != functions_.end() ? found->second : nullptr;
}

void GraphBuilder::inline_call(const FunctionProto& function, Node call, Scope& caller) {
  const Nesting nesting(*this);
  if (std::find(calls_.begin(), calls_.end(), &function) != calls_.end()) {
    throw Error(ErrorCode::invalid_graph, described(function) + " calls itself");
  }
  if (call.inputs.size() > function.inputs.size() ||
      call.outputs.size() > function.outputs.size()) {
    throw Error(ErrorCode::invalid_graph,
                described(function) + " is called with more inputs or outputs than it has");
  }
  const std::string name = call.name.empty() ? caller.full_name(function.name) : call.name;
  FunctionCall frame{function, call.attributes, name + "/"};
  Scope body(caller.target(), context_, model_.opsets, nullptr, &frame);
  calls_.push_back(&function);
  bind_parameters(function, call, body);
  set_defaults(function, call, body);
  for_each_subgraph(call, [&](const Graph& graph) {
    for (const Capture& capture : graph.captures) {
      frame.captured.emplace(capture.outer, '\n' + std::to_string(capture.outer));
    }
  });
  for (const auto& [id, hidden] : frame.captured) body.bind(hidden, id);
  declare_outputs(body, function.nodes);
  add_nodes(body, function.nodes);
  connect_results(function, call, body);
  calls_.pop_back();
}

void GraphBuilder::bind_parameters(const FunctionProto& function, const Node& call, Scope& body) {
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    body.bind(function.inputs[i], call.input(i));
  }
  for (std::size_t i = 0; i < function.outputs.size(); ++i) {
    body.expect_result(function.outputs[i], call.output(i));
  }
}

void GraphBuilder::set_defaults(const FunctionProto& function, Node& call, Scope& body) {
  for (const AttributeProto& attribute : function.defaults) {
    if (call.attributes.has(attribute.name)) continue;
    call.attributes.set(attribute.name,
                        attribute.graphs.empty() ? attribute.value : build_graphs(body, attribute));
  }
}

void GraphBuilder::connect_results(const FunctionProto& function, const Node& call, Scope& body) {
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const ValueId wanted = call.output(i);
    const ValueId given = wanted != no_id ? body.resolve(function.outputs[i]) : no_id;
    if (given == wanted) continue;
    if (given == no_id) {
      throw Error(ErrorCode::invalid_graph,
                  described(function) + " gives back an input that the call leaves out");
    }
    // An input handed through, or one result under two names: the call's output is a copy.
    body.charge(node_bytes);
    Node copy;
    copy.op = "Identity";
    copy.version = body.version("");
    copy.inputs = {given};
    copy.outputs = {wanted};
    body.graph().add_node(std::move(copy));
  }
}

}  // namespace inlay::inline v0::onnx
