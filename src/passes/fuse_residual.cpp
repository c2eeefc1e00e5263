// Add of a convolution's or matrix product's result and a value of the same shape: the latter
// becomes the former's residual input (He et al., 2015, is where such graphs come from).
#include "passes/linear.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {

void fuse_residual(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& add = graph.nodes[i];
    if (!add.is("Add") || !add.has_input(0) || !add.has_input(1)) continue;
    const ValueId a = add.input(0);
    const ValueId b = add.input(1);
    if (!same_type(graph.value(a).type, graph.value(b).type)) continue;
    const auto open = [&](ValueId value) {
      const Node* linear = open_linear(editor, value);
      return linear != nullptr && !linear->has_input(residual_input) ? linear : nullptr;
    };
    // Of two candidates the later is taken: the other's result is there by then.
    const bool b_is_later = graph.value(b).producer > graph.value(a).producer;
    const ValueId later = b_is_later ? b : a;
    const ValueId earlier = b_is_later ? a : b;
    const Node* linear = open(later);
    const ValueId residual = linear != nullptr ? earlier : later;
    if (linear == nullptr) linear = open(earlier);
    if (linear == nullptr) continue;
    Node fused = fused_form(*linear);
    fused.inputs.resize(residual_input + 1, no_id);
    fused.inputs[residual_input] = residual;
    editor.rewrite(static_cast<NodeId>(i), std::move(fused));
  }
}

}  // namespace inlay::inline v0::passes
