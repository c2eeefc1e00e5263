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

/// Whether the node is a Reshape that stays right when only its data input's shape changes.
bool is_self_contained(const Graph& graph, const Node& node) {
  if (!node.is("Reshape") || node.version < 5) return false;
  const auto target = integers(graph, node.input(1));
  return target && (node.attributes.integer("allowzero", 0) != 0 ||
                    std::find(target->begin(), target->end(), 0) == target->end());
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
    if (is_self_contained(graph, graph.nodes[i])) {
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
