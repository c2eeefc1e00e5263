// (x - mean(x)) / sqrt(variance(x) + epsilon) over the last axes becomes LayerNormalization (Ba,
// Kiros and Hinton, 2016) with a scale of ones; fuse_norm_scale puts in what follows.
#include "passes/constants.hpp"
#include "passes/norm_patterns.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {

void fuse_layer_norm(Graph& graph, const PassContext& /*context*/) {
  enum Slot { input, centered, mean, variance, epsilon };
  const Pattern difference =
      op("Sub", {value(input), op("ReduceMean", {value(input)}, mean)}, centered);
  const Pattern pattern = over_rms(difference, centered, variance, epsilon);
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].is("Div") && !graph.nodes[i].is("Mul")) continue;
    Match match(editor);
    if (!match.find(pattern, static_cast<NodeId>(i))) continue;
    const auto axis = first_reduced_axis(graph, match.node(mean));
    const auto bound = uniform_value(match.constant(epsilon));
    if (!axis || axis != first_reduced_axis(graph, match.node(variance)) || !bound ||
        match.constant(epsilon).size() != 1 || !is_floating(graph.value(match[input]).type.dtype)) {
      continue;
    }
    write_norm(editor, static_cast<NodeId>(i), {.op = "LayerNormalization", .version = 17},
               match[input], *axis, *bound);
  }
}

}  // namespace inlay::inline v0::passes
