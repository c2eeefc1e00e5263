// An activation behind a convolution or matrix product is applied while its result is still at
// hand.
#include "passes/activation.hpp"
#include "passes/linear.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {

void fuse_activation(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node* linear = open_linear(editor, graph.nodes[i].input(0));
    if (linear == nullptr) continue;
    const auto activation = activation_of(graph, graph.nodes[i]);
    if (!activation) continue;
    Node fused = fused_form(*linear);
    fused.attributes.set("activation", activation->name);
    if (!activation->parameters.empty()) {
      fused.attributes.set("activation_params", activation->parameters);
    }
    editor.rewrite(static_cast<NodeId>(i), std::move(fused));
  }
}

}  // namespace inlay::inline v0::passes
