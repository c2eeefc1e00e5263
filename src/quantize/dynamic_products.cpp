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
    if (node.is("LSTM")) return write_lstm(weighted.id, node);
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
  void write_lstm(NodeId id, const Node& node) {
    Node lstm{.domain = "com.microsoft", .op = "DynamicQuantizeLSTM", .version = 1};
    lstm.attributes = node.attributes;
    lstm.attributes.erase("layout");
    lstm.inputs = node.inputs;
    lstm.inputs.resize(8, no_id);
    for (const std::size_t i : {1, 2}) {
      const std::string name = graph_.value(node.inputs[i]).name;
      GateWeights weights = code_gates(*graph_.constant(node.inputs[i]));
      lstm.inputs[i] = editor_.add_constant(name + ".codes", std::move(weights.codes));
      const Tensor zeros = Tensor::zeros(DType::int8, weights.scales.shape());
      lstm.inputs.push_back(editor_.add_constant(name + ".scale", std::move(weights.scales)));
      lstm.inputs.push_back(editor_.add_constant(name + ".zero_point", zeros));
    }
    editor_.rewrite(id, std::move(lstm));
  }

  struct GateWeights {
    Tensor codes, scales;
  };

  /// Weights [directions, gates, inputs] as codes [directions, inputs, gates], with a scale for
  /// each gate of a unit.
  static GateWeights code_gates(const Tensor& weights) {
    const std::int64_t directions = weights.dim(0), gates = weights.dim(1), inputs = weights.dim(2);
    const CodedWeights coded = code_weights(weights.reshaped({directions * gates, inputs}), 0);
    return {passes::transposed(coded.codes.reshaped(weights.shape()),
                               std::vector<std::int64_t>{0, 2, 1}),
            coded.scales.reshaped({directions, gates})};
  }

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

std::vector<WeightedNode> recurrent_nodes(const Graph& graph) {
  std::vector<WeightedNode> found;
  const auto is_weights = [&](ValueId value) {
    const Tensor* tensor = graph.constant(value);
    return tensor != nullptr && tensor->dtype() == DType::float32 && tensor->rank() == 3 &&
           tensor->size() > 0;
  };
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.dead() || !node.is("LSTM") || node.attributes.integer("layout", 0) != 0) continue;
    if (is_weights(node.input(1)) && is_weights(node.input(2))) {
      found.push_back({static_cast<NodeId>(i), 1, 1, true});
    }
  }
  return found;
}

bool may_be_dynamic(const Node& node) { return !node.is("Conv"); }

Graph insert_dynamic_products(const Graph& graph, const std::vector<WeightedNode>& nodes) {
  Graph result = graph.clone();
  DynamicWriter writer(result);
  for (const WeightedNode& node : nodes) writer.write(node);
  writer.finish();
  result.opsets.emplace("com.microsoft", 1);
  return result;
}

}  // namespace inlay::inline v0::quantization
