// Removes nodes that hand on their input as it is.
#include <algorithm>
#include <array>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

bool all_equal(const Graph& graph, ValueId value, std::int64_t wanted) {
  const auto list = integers(graph, value);
  return list && std::all_of(list->begin(), list->end(), [&](auto x) { return x == wanted; });
}

bool is_uniform(const Graph& graph, ValueId value, double wanted) {
  const Tensor* tensor = graph.constant(value);
  return tensor != nullptr && uniform_value(*tensor) == wanted;
}

bool keeps_shape_only_if_noop(const Node& node) {
  constexpr std::array ops = {"Expand", "Tile", "Concat", "Sum", "Max", "Min", "Mean"};
  return std::find(ops.begin(), ops.end(), node.op) != ops.end();
}

bool is_inference_dropout(const Editor& editor, const Node& node) {
  const ValueId mask = node.output(1);
  if (mask != no_id && (editor.uses(mask) > 0 || editor.is_output(mask))) return false;
  if (node.version < 7) return node.attributes.integer("is_test", 0) != 0;
  if (node.version < 12 || !node.has_input(2)) return true;
  return is_uniform(editor.graph(), node.input(2), 0);
}

bool is_identity_transpose(const Node& node, const Type& in) {
  const auto* perm = node.attributes.get<std::vector<std::int64_t>>("perm");
  if (perm == nullptr) return in.has_rank && in.rank() <= 1;  // the default reverses the axes
  for (std::size_t i = 0; i < perm->size(); ++i) {
    if ((*perm)[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

/// The input that output 0 equals, no_id when the node does something.
ValueId same_input(const Editor& editor, const Node& node, const Registry& registry) {
  const Graph& graph = editor.graph();
  const ValueId first = node.input(0);
  const ValueId output = node.output(0);
  if (!node.domain.empty() || first == no_id || output == no_id) return no_id;
  const Type& in = graph.value(first).type;
  const Type& out = graph.value(output).type;
  if (node.op == "Identity") return first;
  if (node.op == "Dropout") return is_inference_dropout(editor, node) ? first : no_id;
  if (node.op == "Transpose") return is_identity_transpose(node, in) ? first : no_id;
  if (node.op == "Cast" || node.op == "CastLike") {
    return in.is_tensor() && in.dtype == out.dtype ? first : no_id;
  }
  if (node.op == "Add" || node.op == "Sub" || node.op == "Mul" || node.op == "Div") {
    const double neutral = node.op == "Add" || node.op == "Sub" ? 0 : 1;
    const ValueId second = node.input(1);
    if (is_uniform(graph, second, neutral)) return same_type(in, out) ? first : no_id;
    const bool commutes = node.op == "Add" || node.op == "Mul";
    if (commutes && second != no_id && is_uniform(graph, first, neutral)) {
      return same_type(graph.value(second).type, out) ? second : no_id;
    }
    return no_id;
  }
  if (!same_type(in, out)) return no_id;
  if (node.op == "Slice") {
    return !node.has_input(4) || all_equal(graph, node.input(4), 1) ? first : no_id;
  }
  if (node.op == "Pad") {
    if (node.version >= 11) return all_equal(graph, node.input(1), 0) ? first : no_id;
    const auto pads = node.attributes.integers(node.version < 2 ? "paddings" : "pads");
    return std::all_of(pads.begin(), pads.end(), [](auto x) { return x == 0; }) ? first : no_id;
  }
  if (keeps_shape_only_if_noop(node)) {
    const bool single = node.op == "Expand" || node.op == "Tile" || node.inputs.size() == 1;
    return single ? first : no_id;
  }
  const OpSchema* schema = registry.find_op(node.domain, node.op, node.version);
  return schema != nullptr && has(schema->traits, Trait::view) ? first : no_id;
}

}  // namespace

void remove_noops(Graph& graph, const PassContext& context) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].dead()) continue;
    const ValueId source = same_input(editor, graph.nodes[i], context.registry);
    if (source != no_id) editor.bypass(static_cast<NodeId>(i), source);
  }
}

}  // namespace inlay::inline v0::passes
