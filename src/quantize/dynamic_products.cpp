#include "quantize/dynamic_products.hpp"

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "quantize/coded_weights.hpp"
#include "quantize/raise_opset.hpp"

namespace inlay::inline v0::quantization {
namespace {

class DynamicWriter {
 public:
  explicit DynamicWriter(Graph& graph) : graph_(graph), editor_(graph) {}

  void write(const WeightedNode& weighted) {
    const Node node = graph_.node(weighted.id);
    const Weights weights = codes_of(node.inputs[weighted.weights], weighted.channel_axis);
    Node product{.domain = "inlay", .op = "DynamicQuantizeMatMul", .version = 1};
    product.inputs = {node.inputs[0], weights.codes, weights.scales};
    if (!node.has_input(2)) return editor_.rewrite(weighted.id, std::move(product));
    const Type& bias = graph_.value(node.inputs[2]).type;
    if (bias.rank() == 1 && bias.dims[0].value == graph_.constant(weights.scales)->size()) {
      product.inputs.insert(product.inputs.end(), {no_id, node.inputs[2]});
      return editor_.rewrite(weighted.id, std::move(product));
    }
    const Type type = graph_.value(node.outputs[0]).type;
    const std::string name = graph_.value(node.outputs[0]).name + ".product";
    const ValueId sum = editor_.add_node(std::move(product), name, type);
    editor_.rewrite(weighted.id,
                    {.op = "Add", .version = qdq_opset, .inputs = {sum, node.inputs[2]}});
  }

  void finish() { editor_.finish(); }

 private:
  struct Weights {
    ValueId codes, scales;
  };

  /// Once for all nodes that share the weights.
  Weights codes_of(ValueId weights, int channel_axis) {
    const auto known = weights_.find({weights, channel_axis});
    if (known != weights_.end()) return known->second;
    const std::string name = graph_.value(weights).name;
    CodedWeights coded = code_weights(*graph_.constant(weights), channel_axis);
    if (channel_axis == 0) {
      coded.codes = passes::transposed(coded.codes, std::vector<std::int64_t>{1, 0});
    }
    const Weights added{editor_.add_constant(name + ".codes", std::move(coded.codes)),
                        editor_.add_constant(name + ".scale", std::move(coded.scales))};
    weights_.emplace(std::pair(weights, channel_axis), added);
    return added;
  }

  Graph& graph_;
  passes::Editor editor_;
  std::map<std::pair<ValueId, int>, Weights> weights_;
};

}  // namespace

bool may_be_dynamic(const Node& node) { return !node.is("Conv"); }

Graph insert_dynamic_products(const Graph& graph, const std::vector<WeightedNode>& nodes) {
  Graph result = graph.clone();
  DynamicWriter writer(result);
  for (const WeightedNode& node : nodes) writer.write(node);
  writer.finish();
  return result;
}

}  // namespace inlay::inline v0::quantization
