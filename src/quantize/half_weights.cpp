#include "quantize/half_weights.hpp"

#include <algorithm>
#include <cmath>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "quantize/raise_opset.hpp"

namespace inlay::inline v0::quantization {
namespace {

Node cast_to_float(ValueId value) {
  Node node{.op = "Cast", .version = qdq_opset};
  node.inputs = {value};
  node.attributes.set("to", static_cast<std::int64_t>(DType::float32));
  return node;
}

class HalfWriter {
 public:
  HalfWriter(Graph& graph, DType half) : graph_(graph), editor_(graph), half_(half) {}

  void write(const WeightedNode& weighted) {
    const ValueId wide = graph_.node(weighted.id).inputs[weighted.weights];
    auto found = written_.find(wide);
    if (found == written_.end()) found = written_.emplace(wide, store(wide)).first;
    if (graph_.node(weighted.id).is("Gather")) return pick(weighted.id, found->second.narrow);
    if (found->second.widened == no_id) {
      const std::string name = graph_.value(wide).name + ".widened";
      found->second.widened =
          editor_.add_node(cast_to_float(found->second.narrow), name, graph_.value(wide).type);
    }
    editor_.set_input(weighted.id, weighted.weights, found->second.widened);
  }

  void finish() { editor_.finish(); }

 private:
  struct Written {
    ValueId narrow, widened;
  };

  Written store(ValueId wide) {
    const std::string name =
        graph_.value(wide).name + (half_ == DType::bfloat16 ? ".bf16" : ".f16");
    return {editor_.add_constant(name, passes::to_half(*graph_.constant(wide), half_)), no_id};
  }

  /// Only the rows that are picked are widened.
  void pick(NodeId id, ValueId narrow) {
    Node gather = graph_.node(id);
    const ValueInfo& output = graph_.value(gather.outputs[0]);
    const std::string name = output.name + ".rows";
    Type type = output.type;
    type.dtype = half_;
    gather.inputs[0] = narrow;
    gather.outputs.clear();
    const ValueId rows = editor_.add_node(std::move(gather), name, type);
    editor_.rewrite(id, cast_to_float(rows));
  }

  Graph& graph_;
  passes::Editor editor_;
  DType half_;
  std::map<ValueId, Written> written_;
};

}  // namespace

std::vector<WeightedNode> embedding_nodes(const Graph& graph) {
  std::vector<WeightedNode> found;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.dead() || !node.is("Gather")) continue;
    const Tensor* rows = graph.constant(node.input(0));
    if (rows == nullptr || rows->dtype() != DType::float32 || rows->rank() != 2) continue;
    if (node.attributes.integer("axis", 0) != 0 || graph.constant(node.input(1)) != nullptr)
      continue;
    found.push_back({static_cast<NodeId>(i), 0, 1, true});
  }
  return found;
}

bool fits_half(const Graph& graph, const WeightedNode& node, DType half) {
  const auto weights = weights_of(graph, node).as<float>();
  return std::all_of(weights.begin(), weights.end(), [&](float x) {
    return std::isfinite(half == DType::bfloat16 ? static_cast<float>(bfloat16(x))
                                                 : static_cast<float>(float16(x)));
  });
}

Graph insert_half(const Graph& graph, const std::vector<WeightedNode>& nodes, DType half) {
  Graph result = graph.clone();
  HalfWriter writer(result, half);
  for (const WeightedNode& node : nodes) writer.write(node);
  writer.finish();
  return result;
}

}  // namespace inlay::inline v0::quantization
