// Reshapes: of a chain of nodes that keep the elements in order (Reshape, Squeeze, Unsqueeze,
// Flatten …) the last alone does all; where the shape ends up as it was, none is left.
#include <algorithm>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

bool is_view(const Node& node, const Registry& registry) {
  const OpSchema* schema = registry.find_op(node.domain, node.op, node.version);
  return schema != nullptr && has(schema->traits, Trait::view);
}

/// Whether the node is a Reshape that stays right when it reads the input of `before` instead: dims
/// that it keeps are kept there, too.
bool stays_right(const Graph& graph, const Node& node, const Node& before) {
  if (!node.is("Reshape") || node.version < 5) return false;
  const auto target = integers(graph, node.input(1));
  if (!target) return false;
  if (node.attributes.integer("allowzero", 0) != 0) return true;
  const auto kept = before.is("Reshape") && before.attributes.integer("allowzero", 0) == 0
                        ? integers(graph, before.input(1))
                        : std::nullopt;
  for (std::size_t i = 0; i < target->size(); ++i) {
    if ((*target)[i] == 0 && !(kept && i < kept->size() && (*kept)[i] == 0)) return false;
  }
  return true;
}

}  // namespace

void merge_reshapes(Graph& graph, const PassContext& context) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (graph.nodes[i].dead() || !is_view(graph.nodes[i], context.registry)) continue;
    const Node* before = graph.producer(graph.nodes[i].input(0));
    if (before == nullptr || !is_view(*before, context.registry)) continue;
    const ValueId source = before->input(0);
    const ValueId output = graph.nodes[i].output(0);
    if (source == no_id || output == no_id || graph.nodes[i].outputs.size() != 1) continue;
    const Type& before_type = graph.value(source).type;
    const Type& type = graph.value(output).type;
    if (before_type.dtype != type.dtype) continue;
    if (same_shape(before_type, type) && editor.bypass(id, source)) continue;
    if (stays_right(graph, graph.nodes[i], *before)) {
      editor.set_input(id, 0, source);
      continue;
    }
    const auto target = reshape_target(type);
    if (!target) continue;
    const auto rank = static_cast<std::int64_t>(target->size());
    Node reshape{.op = "Reshape", .version = 13};
    reshape.inputs = {source, editor.add_constant(
                                  graph.value(output).name + ".shape",
                                  Tensor::copy_of(std::span<const std::int64_t>(*target), {rank}))};
    editor.rewrite(id, std::move(reshape));
  }
}

}  // namespace inlay::inline v0::passes
