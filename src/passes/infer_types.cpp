// Gives every value its type, from the graph's inputs on. Declared types inside a graph are not
// trusted.
#include <set>

#include "passes/inference.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

void collect_unknown(const Graph& graph, const Registry& registry, std::set<std::string>& unknown) {
  for (const Node& node : graph.nodes) {
    if (node.dead()) continue;
    if (registry.find_op(node.domain, node.op, node.version) == nullptr) {
      unknown.insert((node.domain.empty() ? "ai.onnx" : node.domain) + ":" + node.op + " " +
                     std::to_string(node.version));
    }
    for_each_subgraph(node,
                      [&](const Graph& subgraph) { collect_unknown(subgraph, registry, unknown); });
  }
}

}  // namespace

void infer_types(Graph& graph, const PassContext& context) {
  std::set<std::string> unknown;
  collect_unknown(graph, context.registry, unknown);
  if (!unknown.empty()) {
    std::string list;
    for (const std::string& op : unknown) list += (list.empty() ? "" : ", ") + op;
    throw Error(ErrorCode::unsupported, "the model uses operators that are not registered: " +
                                            list + "; add their schemas and kernels to a Registry");
  }
  infer_main_graph(graph, context.registry);
}

}  // namespace inlay::inline v0::passes
