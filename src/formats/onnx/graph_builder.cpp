#include "formats/onnx/graph_builder.hpp"

namespace inlay::inline v0::onnx {
namespace {

/// Bytes of an attribute that every copy of a node has for itself; tensors are shared.
std::uint64_t own_bytes(const Attribute& attribute) {
  return sizeof attribute +
         std::visit(
             [](const auto& value) -> std::uint64_t {
               using T = std::decay_t<decltype(value)>;
               if constexpr (std::is_same_v<T, std::string>) {
                 return value.size();
               } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
                 std::uint64_t bytes = 0;
                 for (const std::string& text : value) bytes += sizeof text + text.size();
                 return bytes;
               } else if constexpr (std::is_same_v<T, Type>) {
                 return value.dims.size() * sizeof(Dim);
               } else if constexpr (requires { value.begin(); }) {
                 return value.size() * sizeof(*value.begin());
               } else {
                 return 0;
               }
             },
             attribute);
}

/// The attribute of the function call that `attribute` refers to, null when it has none. Graphs in
/// it are those of the call.
const Attribute* referenced(const Scope& scope, const AttributeProto& attribute) {
  if (scope.call() == nullptr) {
    throw Error(ErrorCode::invalid_graph,
                "attribute '" + std::string(attribute.name) +
                    "' refers to a function's attribute outside of any function");
  }
  return scope.call()->attributes.find(attribute.ref_attr_name);
}

/// What a copy of the graph costs, taken from the budgets before it is made.
void charge_copy(Scope& scope, ReadContext& context, const Graph& graph) {
  scope.charge(sizeof(Graph) + graph.values.size() * value_bytes);
  for (const Node& node : graph.nodes) {
    context.count_node();
    scope.charge(node_bytes);
    for (const auto& [name, value] : node.attributes) scope.charge(name.size() + own_bytes(value));
    for_each_subgraph(node, [&](const Graph& inner) { charge_copy(scope, context, inner); });
  }
}

/// A copy of a graph that the function call has as an attribute, for a node of the body.
std::shared_ptr<Graph> copy_of(Scope& scope, ReadContext& context, const Graph& graph) {
  charge_copy(scope, context, graph);
  auto copy = std::make_shared<Graph>(graph.clone());
  for (Capture& capture : copy->captures) {
    capture.outer = scope.resolve(scope.call()->captured.at(capture.outer));
  }
  return copy;
}

}  // namespace

GraphBuilder::GraphBuilder(const ModelProto& model, ReadContext& context, const Registry* operators)
    : model_(model), context_(context), operators_(operators) {
  index_functions();
}

Graph GraphBuilder::build() {
  Graph graph;
  graph.opsets = model_.opsets;
  graph.metadata = model_.metadata;
  Target target{graph};
  Scope scope(target, context_, model_.opsets, nullptr, nullptr);
  fill(scope, model_.graph);
  graph.verify();
  return graph;
}

void GraphBuilder::fill(Scope& scope, const GraphProto& proto) {
  const Nesting nesting(*this);
  scope.graph().name = proto.name;
  declare_inputs(scope, proto);
  declare_outputs(scope, proto.nodes);
  add_nodes(scope, proto.nodes);
  add_outputs(scope, proto);
  scope.graph().sort();
}

void GraphBuilder::declare_inputs(Scope& scope, const GraphProto& proto) {
  for (const NamedTensor& initializer : proto.initializers) {
    const Tensor& tensor = initializer.tensor;
    const ValueId id =
        scope.declare(initializer.name, Type::tensor(tensor.dtype(), tensor.shape()));
    scope.graph().value(id).constant = tensor;
  }
  for (const ValueInfoProto& input : proto.inputs) {
    // An input with an initializer (every initializer, before IR version 4) is a constant here.
    const std::optional<ValueId> initializer = scope.find_own(input.name);
    if (initializer && scope.graph().value(*initializer).is_constant()) continue;
    if (input.name.empty()) throw Error(ErrorCode::invalid_graph, "a graph input has no name");
    scope.graph().inputs.push_back(scope.declare(input.name, input.type));
  }
}

void GraphBuilder::declare_outputs(Scope& scope, const std::vector<NodeProto>& nodes) {
  for (const NodeProto& node : nodes) {
    for (const std::string_view output : node.outputs) {
      if (!output.empty()) scope.declare_result(output);
    }
  }
}

void GraphBuilder::add_outputs(Scope& scope, const GraphProto& proto) {
  for (const ValueInfoProto& output : proto.outputs) {
    const ValueId id = scope.resolve(output.name);
    if (id == no_id) throw Error(ErrorCode::invalid_graph, "a graph output has no name");
    // Inference replaces it where it can: what containers hold often cannot be inferred.
    Type& type = scope.graph().value(id).type;
    if (type.kind == Type::Kind::unknown) type = output.type;
    scope.graph().outputs.push_back(id);
  }
}

void GraphBuilder::add_nodes(Scope& scope, const std::vector<NodeProto>& nodes) {
  for (const NodeProto& proto : nodes) {
    try {
      add_node(scope, proto);
    } catch (const Error& error) {
      throw error.at(
          {.node = std::string(proto.name), .op = qualified_op(proto.domain, proto.op_type)});
    }
  }
}

void GraphBuilder::add_node(Scope& scope, const NodeProto& proto) {
  if (scope.call() != nullptr) context_.count_node();
  Node node;
  node.domain = proto.domain;
  node.op = proto.op_type;
  node.name = proto.name.empty() ? std::string() : scope.full_name(proto.name);
  scope.charge(node_bytes + node.name.size() + node.op.size() + node.domain.size() +
               (proto.inputs.size() + proto.outputs.size()) * sizeof(ValueId));
  for (const std::string_view input : proto.inputs) node.inputs.push_back(scope.resolve(input));
  for (const std::string_view output : proto.outputs) node.outputs.push_back(scope.resolve(output));
  node.attributes = build_attributes(scope, proto);
  if (const FunctionProto* function = find_function(scope, proto)) {
    inline_call(*function, std::move(node), scope);
    return;
  }
  node.version = scope.version(proto.domain);
  scope.graph().add_node(std::move(node));
}

Attributes GraphBuilder::build_attributes(Scope& scope, const NodeProto& proto) {
  Attributes attributes;
  for (const AttributeProto& attribute : proto.attributes) {
    if (!attribute.graphs.empty() || attribute.type == AttributeType::graphs) {
      attributes.set(attribute.name, build_graphs(scope, attribute));
      continue;
    }
    const Attribute* value =
        attribute.ref_attr_name.empty() ? &attribute.value : referenced(scope, attribute);
    // An attribute that the call leaves out and that has no default is absent in the body too.
    if (value == nullptr) continue;
    scope.charge(attribute.name.size() + own_bytes(*value));
    if (const auto* graph = std::get_if<std::shared_ptr<Graph>>(value)) {
      attributes.set(attribute.name, copy_of(scope, context_, **graph));
    } else if (const auto* graphs = std::get_if<std::vector<std::shared_ptr<Graph>>>(value)) {
      std::vector<std::shared_ptr<Graph>> copies;
      for (const auto& one : *graphs) copies.push_back(copy_of(scope, context_, *one));
      attributes.set(attribute.name, std::move(copies));
    } else {
      attributes.set(attribute.name, *value);
    }
  }
  return attributes;
}

Attribute GraphBuilder::build_graphs(Scope& scope, const AttributeProto& proto) {
  std::vector<std::shared_ptr<Graph>> graphs;
  for (const GraphProto& graph_proto : proto.graphs) {
    scope.charge(sizeof(Graph));
    auto graph = std::make_shared<Graph>();
    Target target{*graph};
    Scope inner(target, context_, model_.opsets, &scope, scope.call());
    fill(inner, graph_proto);
    graphs.push_back(std::move(graph));
  }
  if (proto.type == AttributeType::graph) return std::move(graphs.front());
  return graphs;
}

}  // namespace inlay::inline v0::onnx
