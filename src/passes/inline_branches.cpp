// An If whose condition is constant becomes the nodes of the branch that it takes.
#include <unordered_map>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

/// Copies `branch` into the editor's graph; gives what each of its outputs has become.
std::vector<ValueId> transplant(Editor& editor, const Graph& branch, const std::string& prefix) {
  std::vector<ValueId> moved(branch.values.size(), no_id);
  const auto target = [&](ValueId id) {
    return id == no_id ? no_id : moved[static_cast<std::size_t>(id)];
  };
  for (const Capture& capture : branch.captures) {
    moved[static_cast<std::size_t>(capture.inner)] = capture.outer;
  }
  for (std::size_t i = 0; i < branch.values.size(); ++i) {
    const ValueInfo& value = branch.values[i];
    if (value.is_constant()) moved[i] = editor.add_constant(prefix + value.name, value.constant);
  }
  for (const Node& node : branch.nodes) {
    if (node.dead()) continue;
    Node copy = node;
    for (ValueId& input : copy.inputs) input = target(input);
    for_each_subgraph(copy, [&](Graph& subgraph) {
      for (Capture& capture : subgraph.captures) capture.outer = target(capture.outer);
    });
    for (ValueId& output : copy.outputs) {
      if (output == no_id) continue;
      const ValueInfo& value = branch.value(output);
      output = moved[static_cast<std::size_t>(output)] =
          editor.add_value(prefix + value.name, value.type);
    }
    editor.add_node(std::move(copy));
  }
  std::vector<ValueId> outputs;
  for (const ValueId output : branch.outputs) outputs.push_back(target(output));
  return outputs;
}

}  // namespace

void inline_branches(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  // Nodes of a branch come last in the list, so that branches within branches are met as well.
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    const Node& node = graph.node(id);
    if (!node.is("If")) continue;
    const Tensor* condition = graph.constant(node.input(0));
    if (condition == nullptr || condition->dtype() != DType::boolean || condition->size() != 1) {
      continue;
    }
    const auto* branch = node.attributes.get<std::shared_ptr<Graph>>(
        condition->item<bool>() ? "then_branch" : "else_branch");
    if (branch == nullptr || (*branch)->outputs.size() != node.outputs.size()) continue;
    const std::shared_ptr<Graph> taken = *branch;
    const std::string prefix = node.name.empty() ? std::string() : node.name + "/";
    editor.substitute(id, transplant(editor, *taken, prefix));
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
