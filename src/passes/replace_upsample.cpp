// Upsample, which Resize replaced in opset 10, becomes the Resize that does the same.
#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {

void replace_upsample(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!node.is("Upsample") || node.version < 7 || node.output(0) == no_id) continue;
    const std::string mode(node.attributes.text("mode", "nearest"));
    const auto* listed = node.attributes.get<std::vector<float>>("scales");
    ValueId scales = node.input(1);
    if (listed != nullptr) {
      const auto count = static_cast<std::int64_t>(listed->size());
      scales = editor.add_constant(graph.value(node.output(0)).name + ".scales",
                                   Tensor::copy_of(std::span<const float>(*listed), {count}));
    }
    if (scales == no_id) continue;
    Node resize{.op = "Resize", .version = 13};
    resize.inputs = {graph.nodes[i].input(0), no_id, scales};
    resize.attributes.set("mode", mode);
    resize.attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
    resize.attributes.set("nearest_mode", std::string("floor"));
    editor.rewrite(static_cast<NodeId>(i), std::move(resize));
  }
}

}  // namespace inlay::inline v0::passes
