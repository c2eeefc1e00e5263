// Building and editing a graph.
#include "inlay/graph.hpp"

#include <algorithm>
#include <queue>

namespace inlay::inline v0 {

std::string qualified_op(std::string_view domain, std::string_view op) {
  return domain.empty() ? std::string(op) : std::string(domain) + ":" + std::string(op);
}

std::optional<Shape> Type::static_shape() const {
  if (!is_tensor() || !has_rank) return std::nullopt;
  Shape shape;
  for (const Dim& dim : dims) {
    if (!dim.known()) return std::nullopt;
    shape.push_back(dim.value);
  }
  return shape;
}

ValueId Graph::add_value(std::string value_name, Type type) {
  values.push_back({std::move(value_name), std::move(type), no_id, {}});
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_input(std::string value_name, Type type) {
  inputs.push_back(add_value(std::move(value_name), std::move(type)));
  return inputs.back();
}

ValueId Graph::add_constant(std::string value_name, Tensor tensor) {
  const ValueId id = add_value(std::move(value_name), Type::tensor(tensor.dtype(), tensor.shape()));
  value(id).constant = std::move(tensor);
  return id;
}

NodeId Graph::add_node(Node new_node) {
  const auto id = static_cast<NodeId>(nodes.size());
  for (const ValueId output : new_node.outputs) {
    if (output != no_id) value(output).producer = id;
  }
  nodes.push_back(std::move(new_node));
  return id;
}

ValueId Graph::add_node(std::string_view op, std::vector<ValueId> node_inputs,
                        std::string output_name, Attributes attributes, std::string_view domain) {
  Node new_node;
  new_node.domain = domain;
  new_node.op = op;
  new_node.name = output_name;
  const auto opset = opsets.find(new_node.domain);
  new_node.version = opset != opsets.end() ? opset->second : 1;
  new_node.inputs = std::move(node_inputs);
  const ValueId output = add_value(std::move(output_name));
  new_node.outputs = {output};
  new_node.attributes = std::move(attributes);
  add_node(std::move(new_node));
  return output;
}

const Tensor* Graph::constant(ValueId id) const noexcept {
  return id != no_id && value(id).is_constant() ? &value(id).constant : nullptr;
}

const Node* Graph::producer(ValueId id) const noexcept {
  return id != no_id && value(id).producer != no_id ? &node(value(id).producer) : nullptr;
}

bool Graph::is_output(ValueId id) const noexcept {
  return std::find(outputs.begin(), outputs.end(), id) != outputs.end();
}

ValueId Graph::find_value(std::string_view value_name) const noexcept {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].name == value_name) return static_cast<ValueId>(i);
  }
  return no_id;
}

void Graph::kill(NodeId id) {
  for (const ValueId output : node(id).outputs) {
    if (output != no_id && value(output).producer == id) value(output).producer = no_id;
  }
  node(id) = {};
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node& user : nodes) {
    std::replace(user.inputs.begin(), user.inputs.end(), from, to);
    for_each_subgraph(user, [&](Graph& subgraph) {
      for (Capture& capture : subgraph.captures) {
        if (capture.outer == from) capture.outer = to;
      }
    });
  }
  std::replace(outputs.begin(), outputs.end(), from, to);
}

std::vector<ValueId> Graph::reads(const Node& reader) const {
  std::vector<ValueId> ids;
  ids.reserve(reader.inputs.size());
  for (const ValueId id : reader.inputs) {
    if (id != no_id) ids.push_back(id);
  }
  for_each_subgraph(reader, [&](const Graph& subgraph) {
    for (const Capture& capture : subgraph.captures) ids.push_back(capture.outer);
  });
  return ids;
}

std::vector<std::vector<NodeId>> Graph::consumers() const {
  std::vector<std::vector<NodeId>> users(values.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const ValueId id : reads(nodes[i])) {
      users[static_cast<std::size_t>(id)].push_back(static_cast<NodeId>(i));
    }
  }
  return users;
}

void Graph::sort() {
  std::vector<int> missing(nodes.size(), 0);
  const auto users = consumers();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const ValueId id : reads(nodes[i])) missing[i] += value(id).producer != no_id ? 1 : 0;
  }
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (missing[i] == 0) ready.push(static_cast<NodeId>(i));
  }
  std::vector<Node> sorted;
  sorted.reserve(nodes.size());
  while (!ready.empty()) {
    const NodeId id = ready.top();
    ready.pop();
    for (const ValueId output : node(id).outputs) {
      if (output == no_id) continue;
      for (const NodeId user : users[static_cast<std::size_t>(output)]) {
        if (--missing[static_cast<std::size_t>(user)] == 0) ready.push(user);
      }
    }
    sorted.push_back(std::move(node(id)));
  }
  if (sorted.size() != nodes.size()) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (missing[i] > 0) {
        throw Error(ErrorCode::invalid_graph, "the node is part of a cycle",
                    {.node = nodes[i].name, .op = nodes[i].op});
      }
    }
  }
  nodes = std::move(sorted);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const ValueId output : nodes[i].outputs) {
      if (output != no_id) value(output).producer = static_cast<NodeId>(i);
    }
  }
}

void Graph::compact() {
  std::erase_if(nodes, [](const Node& n) { return n.dead(); });
  std::vector<bool> seen(values.size(), false);
  const auto see = [&](ValueId id) {
    if (id != no_id) seen[static_cast<std::size_t>(id)] = true;
  };
  for (const ValueId id : inputs) see(id);
  for (const ValueId id : outputs) see(id);
  for (const Node& n : nodes) {
    for (const ValueId id : reads(n)) see(id);
    for (const ValueId id : n.outputs) see(id);
  }
  std::erase_if(captures,
                [&](const Capture& c) { return !seen[static_cast<std::size_t>(c.inner)]; });

  std::vector<ValueId> renumbered(values.size(), no_id);
  std::vector<ValueInfo> kept;
  kept.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!seen[i]) continue;
    renumbered[i] = static_cast<ValueId>(kept.size());
    kept.push_back(std::move(values[i]));
    kept.back().producer = no_id;
  }
  values = std::move(kept);
  const auto renumber = [&](ValueId& id) {
    if (id != no_id) id = renumbered[static_cast<std::size_t>(id)];
  };
  for (ValueId& id : inputs) renumber(id);
  for (ValueId& id : outputs) renumber(id);
  for (Capture& capture : captures) renumber(capture.inner);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (ValueId& id : nodes[i].inputs) renumber(id);
    for (ValueId& id : nodes[i].outputs) {
      renumber(id);
      if (id != no_id) value(id).producer = static_cast<NodeId>(i);
    }
    for_each_subgraph(nodes[i], [&](Graph& subgraph) {
      for (Capture& capture : subgraph.captures) renumber(capture.outer);
    });
  }
}

Graph Graph::clone() const {
  Graph copy = *this;
  for (Node& n : copy.nodes) {
    for (auto& [key, attribute] : n.attributes) {
      if (auto* one = std::get_if<std::shared_ptr<Graph>>(&attribute)) {
        *one = std::make_shared<Graph>((*one)->clone());
      }
      if (auto* many = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute)) {
        for (auto& graph : *many) graph = std::make_shared<Graph>(graph->clone());
      }
    }
  }
  return copy;
}

}  // namespace inlay::inline v0
