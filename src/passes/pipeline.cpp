#include "passes/pipeline.hpp"

#include <array>

namespace inlay::inline v0 {
namespace {

using namespace passes;

// A short fixed order: each fusion comes after those that make room for it.
constexpr std::array standard{
    Pass{"infer_types", "gives every value its type", infer_types, true, true},
    Pass{"fold_constants", "computes what does not depend on inputs", fold_constants, false, true},
    Pass{"inline_branches", "takes the branch of an If whose condition is known", inline_branches},
    Pass{"fold_constants", "the same within branches taken", fold_constants, false, true},
    Pass{"eliminate_dead", "drops what nobody needs", eliminate_dead},
    Pass{"eliminate_common", "computes equal nodes once", eliminate_common},
    Pass{"replace_upsample", "writes Upsample as Resize", replace_upsample},
    Pass{"remove_noops", "removes nodes that change nothing", remove_noops},
    Pass{"merge_reshapes", "makes one Reshape of a chain", merge_reshapes},
    Pass{"eliminate_dead", "drops what the passes before left over", eliminate_dead},
    Pass{"infer_types", "gives the values that passes made their types", infer_types, false, true},
};

void run_on(Graph& graph, const PassContext& context, const Pass& pass) {
  if (!pass.whole) {
    for (Node& node : graph.nodes) {
      for_each_subgraph(node, [&](Graph& subgraph) { run_on(subgraph, context, pass); });
    }
  }
  pass.run(graph, context);
}

#ifndef NDEBUG
void check(const Graph& graph, const Pass& pass) {
  try {
    graph.verify();
  } catch (const Error& error) {
    throw Error(ErrorCode::internal,
                "pass " + std::string(pass.name) + " left a broken graph: " + error.message(),
                error.where());
  }
}
#endif

}  // namespace

std::span<const Pass> standard_passes() { return standard; }

void run_passes(Graph& graph, const PassContext& context, std::span<const Pass> passes,
                const std::function<void(const Pass&, const Graph&)>& after) {
  for (const Pass& pass : passes) {
    run_on(graph, context, pass);
#ifndef NDEBUG
    check(graph, pass);
#endif
    if (after) after(pass, graph);
  }
}

}  // namespace inlay::inline v0
