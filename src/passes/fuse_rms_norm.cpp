// x / sqrt(mean(x²) + epsilon) over the last axes becomes RMSNormalization (Zhang and Sennrich,
// 2019) with a scale of ones; fuse_norm_scale puts in what follows.
#include "passes/constants.hpp"
#include "passes/norm_patterns.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {

void fuse_rms_norm(Graph& graph, const PassContext& /*context*/) {
  enum Slot { x, mean, epsilon };
  const Pattern pattern = over_rms(value(x), x, mean, epsilon);
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].is("Div") && !graph.nodes[i].is("Mul")) continue;
    Match match(editor);
    if (!match.find(pattern, static_cast<NodeId>(i))) continue;
    const auto axis = first_reduced_axis(graph, match.node(mean));
    const auto bound = uniform_value(match.constant(epsilon));
    if (!axis || !bound || match.constant(epsilon).size() != 1 ||
        !is_floating(graph.value(match[x]).type.dtype)) {
      continue;
    }
    write_norm(editor, static_cast<NodeId>(i), {.op = "RMSNormalization", .version = 23}, match[x],
               *axis, *bound);
  }
}

}  // namespace inlay::inline v0::passes
