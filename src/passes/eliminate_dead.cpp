// Drops nodes whose values nobody needs, and optional outputs that nobody reads.
#include <algorithm>

#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {

void eliminate_dead(Graph& graph, const PassContext& context) {
  std::vector<bool> needed(graph.values.size(), false);
  const auto is_needed = [&](ValueId id) {
    return id != no_id && needed[static_cast<std::size_t>(id)];
  };
  for (const ValueId id : graph.outputs) needed[static_cast<std::size_t>(id)] = true;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    Node& node = graph.nodes[i];
    if (node.dead()) continue;
    if (std::none_of(node.outputs.begin(), node.outputs.end(), is_needed)) {
      graph.kill(static_cast<NodeId>(i));
      continue;
    }
    const OpSchema* schema = context.registry.find_op(node.domain, node.op, node.version);
    if (schema != nullptr && schema->max_outputs != any_number) {
      for (std::size_t k = static_cast<std::size_t>(schema->min_outputs); k < node.outputs.size();
           ++k) {
        if (!is_needed(node.outputs[k])) node.outputs[k] = no_id;
      }
      while (static_cast<int>(node.outputs.size()) > schema->min_outputs &&
             node.outputs.back() == no_id) {
        node.outputs.pop_back();
      }
    }
    for (const ValueId id : graph.reads(node)) needed[static_cast<std::size_t>(id)] = true;
  }
  graph.compact();
}

}  // namespace inlay::inline v0::passes
