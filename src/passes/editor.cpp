#include "passes/editor.hpp"

#include <algorithm>

namespace inlay::inline v0::passes {

Editor::Editor(Graph& graph) : graph_(graph) {
  grow();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) count_reads(static_cast<NodeId>(i));
  for (const ValueId output : graph.outputs) is_output_[static_cast<std::size_t>(output)] = true;
}

void Editor::grow() {
  uses_.resize(graph_.values.size());
  readers_.resize(graph_.values.size());
  is_output_.resize(graph_.values.size());
}

void Editor::count_reads(NodeId id) {
  for (const ValueId value : graph_.reads(graph_.node(id))) {
    ++uses_[static_cast<std::size_t>(value)];
    readers_[static_cast<std::size_t>(value)].push_back(id);
  }
}

NodeId Editor::only_reader(ValueId value) const {
  for (const NodeId id : readers_[static_cast<std::size_t>(value)]) {
    const auto& inputs = graph_.node(id).inputs;
    if (std::find(inputs.begin(), inputs.end(), value) != inputs.end()) return id;
  }
  return no_id;
}

void Editor::rewrite(NodeId id, Node node) {
  Node& old = graph_.node(id);
  std::vector<ValueId> before = graph_.reads(old);
  node.name = std::move(old.name);
  node.outputs = std::move(old.outputs);
  old = std::move(node);
  count_reads(id);
  release(std::move(before));
}

void Editor::set_input(NodeId id, std::size_t i, ValueId value) {
  ValueId& input = graph_.node(id).inputs[i];
  const ValueId before = input;
  input = value;
  if (value != no_id) {
    ++uses_[static_cast<std::size_t>(value)];
    readers_[static_cast<std::size_t>(value)].push_back(id);
  }
  if (before != no_id) release({before});
}

bool Editor::bypass(NodeId id, ValueId source) {
  const ValueId output = graph_.node(id).output(0);
  if (!is_output(output)) {
    replace(output, source);
    kill(id);
    return true;
  }
  // The output's name must live on: the source's producer makes it instead of the source.
  const NodeId maker = graph_.value(source).producer;
  if (maker == no_id || is_output(source)) return false;
  std::vector<ValueId> reads = graph_.reads(graph_.node(id));
  graph_.kill(id);
  std::vector<ValueId>& made = graph_.node(maker).outputs;
  std::replace(made.begin(), made.end(), source, output);
  graph_.value(output).producer = maker;
  graph_.value(output).type = graph_.value(source).type;
  graph_.value(source).producer = no_id;
  release(std::move(reads));
  replace(source, output);
  return true;
}

void Editor::substitute(NodeId id, const std::vector<ValueId>& values) {
  const std::vector<ValueId> outputs = graph_.node(id).outputs;
  const std::string name = graph_.node(id).name;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const ValueId output = outputs[i];
    if (output == no_id) continue;
    graph_.node(id).outputs[i] = no_id;
    graph_.value(output).producer = no_id;
    if (is_output(output)) {  // its name must live on
      Node identity{.op = "Identity", .name = name, .version = 16};
      identity.inputs = {values[i]};
      identity.outputs = {output};
      add_node(std::move(identity));
    } else {
      replace(output, values[i]);
    }
  }
  kill(id);
}

void Editor::make_constant(ValueId value, Tensor tensor) {
  ValueInfo& info = graph_.value(value);
  const NodeId producer = info.producer;
  info.producer = no_id;
  info.type = Type::tensor(tensor.dtype(), tensor.shape());
  info.constant = std::move(tensor);
  if (producer == no_id) return;
  std::vector<ValueId>& outputs = graph_.node(producer).outputs;
  std::replace(outputs.begin(), outputs.end(), value, no_id);
  if (std::all_of(outputs.begin(), outputs.end(), [](ValueId output) { return output == no_id; })) {
    kill(producer);
  }
}

void Editor::replace(ValueId from, ValueId to) {
  std::vector<NodeId>& old_readers = readers_[static_cast<std::size_t>(from)];
  for (const NodeId id : old_readers) {
    Node& reader = graph_.node(id);
    std::replace(reader.inputs.begin(), reader.inputs.end(), from, to);
    for_each_subgraph(reader, [&](Graph& subgraph) {
      for (Capture& capture : subgraph.captures) {
        if (capture.outer == from) capture.outer = to;
      }
    });
  }
  std::vector<NodeId>& readers = readers_[static_cast<std::size_t>(to)];
  readers.insert(readers.end(), old_readers.begin(), old_readers.end());
  old_readers.clear();
  uses_[static_cast<std::size_t>(to)] += uses_[static_cast<std::size_t>(from)];
  uses_[static_cast<std::size_t>(from)] = 0;
}

void Editor::kill(NodeId id) {
  std::vector<ValueId> reads = graph_.reads(graph_.node(id));
  graph_.kill(id);
  release(std::move(reads));
}

void Editor::release(std::vector<ValueId> values) {
  const auto unused = [this](ValueId value) {
    return value == no_id || (uses(value) == 0 && !is_output(value));
  };
  while (!values.empty()) {
    const ValueId value = values.back();
    values.pop_back();
    --uses_[static_cast<std::size_t>(value)];
    const NodeId id = graph_.value(value).producer;
    if (id == no_id || !unused(value)) continue;
    const Node& node = graph_.node(id);
    if (!std::all_of(node.outputs.begin(), node.outputs.end(), unused)) continue;
    const std::vector<ValueId> reads = graph_.reads(node);
    graph_.kill(id);
    values.insert(values.end(), reads.begin(), reads.end());
  }
}

std::string Editor::fresh_name(const std::string& base) {
  if (base.empty()) return base;
  if (names_.empty()) {
    for (const ValueInfo& value : graph_.values) names_.insert(value.name);
  }
  std::string name = base;
  for (int i = 1; !names_.insert(name).second; ++i) name = base + "." + std::to_string(i);
  return name;
}

ValueId Editor::add_constant(const std::string& base, Tensor tensor) {
  const ValueId id = graph_.add_constant(fresh_name(base), std::move(tensor));
  grow();
  return id;
}

ValueId Editor::add_value(const std::string& base, Type type) {
  const ValueId id = graph_.add_value(fresh_name(base), std::move(type));
  grow();
  return id;
}

void Editor::add_node(Node node) {
  count_reads(graph_.add_node(std::move(node)));
  added_nodes_ = true;
}

ValueId Editor::add_node(Node node, const std::string& base, Type type) {
  const ValueId output = add_value(base, std::move(type));
  node.outputs = {output};
  add_node(std::move(node));
  return output;
}

void Editor::finish() {
  if (added_nodes_) graph_.sort();
}

}  // namespace inlay::inline v0::passes
