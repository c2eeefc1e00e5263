#include "quantize/insert_codes.hpp"

#include <cmath>
#include <optional>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "quantize/coded_weights.hpp"
#include "quantize/raise_opset.hpp"

namespace inlay::inline v0::quantization {
namespace {

class CodeWriter {
 public:
  CodeWriter(Graph& graph, const CodePlan& plan, const std::map<ValueId, Range>& ranges,
             const ChannelMap& channels, const RefitMap& refits)
      : graph_(graph),
        editor_(graph),
        plan_(plan),
        ranges_(ranges),
        channels_(channels),
        refits_(refits) {}

  void run() {
    // Who reads what is asked of the graph as it was.
    const auto readers = graph_.consumers();
    for (const ValueId value : plan_.values()) add_scale(value);
    for (const WeightedNode& node : plan_.weighted()) {
      const ValueId weights = graph_.node(node.id).inputs[node.weights];
      write_weights(node, readers[static_cast<std::size_t>(weights)].size() > 1);
    }
    for (const ValueId value : plan_.values()) {
      write_value(value, readers[static_cast<std::size_t>(value)]);
    }
    editor_.finish();
  }

 private:
  struct Scale {
    ValueId scale, zero_point;
    float number;
  };

  void add_scale(ValueId value) {
    const ValueId from = plan_.scale_of(value);
    const auto known = scales_.find(from);
    if (known != scales_.end()) {
      scales_.emplace(value, known->second);
      return;
    }
    const std::string name = graph_.value(from).name;
    const auto range = ranges_.find(from);
    const CodeScale by = code_scale(range != ranges_.end() ? range->second : ranges_.at(value));
    const Scale scale{editor_.add_constant(name + ".scale", Tensor::scalar(by.scale)),
                      editor_.add_constant(name + ".zero_point", Tensor::scalar(by.zero_point)),
                      by.scale};
    scales_.emplace(from, scale);
    scales_.emplace(value, scale);
  }

  ValueId dequantize(ValueId codes, ValueId scale, ValueId zero_point, std::int64_t axis,
                     const std::string& name, Type type) {
    Node node{.op = "DequantizeLinear", .version = qdq_opset, .inputs = {codes, scale}};
    node.inputs.push_back(zero_point);
    if (axis >= 0) node.attributes.set("axis", axis);
    type.dtype = DType::float32;
    return editor_.add_node(std::move(node), name, std::move(type));
  }

  /// The codes of a constant, and what dequantizes them: nodes that share weights share these.
  struct SharedWeights {
    CodedWeights coded;
    ValueId scales, dequantized;
  };

  const SharedWeights& share_weights(ValueId weights, int axis) {
    const auto key = std::pair(weights, axis);
    const auto known = weights_.find(key);
    if (known != weights_.end()) return known->second;
    const std::string name = graph_.value(weights).name;
    CodedWeights coded = code_weights(*graph_.constant(weights), axis);
    const ValueId zeros = editor_.add_constant(name + ".zero_point",
                                               Tensor::zeros(DType::int8, coded.scales.shape()));
    const ValueId scales = editor_.add_constant(name + ".scale", coded.scales);
    const ValueId dequantized =
        dequantize(editor_.add_constant(name + ".codes", coded.codes), scales, zeros, axis,
                   name + ".dequantized", graph_.value(weights).type);
    return weights_.emplace(key, SharedWeights{std::move(coded), scales, dequantized})
        .first->second;
  }

  void write_weights(const WeightedNode& weighted, bool are_shared) {
    const Node node = graph_.node(weighted.id);
    const ValueId weights = node.inputs[weighted.weights];
    const SharedWeights& shared = share_weights(weights, weighted.channel_axis);
    std::optional<Tensor> bias = corrected_bias(weighted, shared.coded);
    Tensor scales = shared.coded.scales;
    const auto refit = refits_.find(node.outputs[0]);
    if (refit != refits_.end() && !are_shared && (bias || node.is("MatMul"))) {
      scales = passes::scaled(scales, 0, refit->second.scale);
      graph_.value(shared.scales).constant = scales;
      if (bias) refit->second.apply_to_bias(bias->as_mutable<float>());
    }
    editor_.set_input(weighted.id, weighted.weights, shared.dequantized);
    if (!bias) return;
    const std::string name =
        graph_.value(node.has_input(2) ? node.inputs[2] : weights).name + ".bias";
    const auto of_x = scales_.find(node.inputs[0]);
    if (of_x == scales_.end() ||
        !write_bias(weighted.id, *bias, scales, of_x->second.number, name)) {
      put_bias(weighted.id, editor_.add_constant(name, bias->clone()));
    }
  }

  /// The node's bias, one number per channel, with what rounding of the weights takes from the mean
  /// of an output; nothing where the bias is of another kind, or there is none and nothing to add.
  std::optional<Tensor> corrected_bias(const WeightedNode& weighted, const CodedWeights& coded) {
    const Node& node = graph_.node(weighted.id);
    if (node.is("MatMul")) return std::nullopt;
    const Tensor* given = graph_.constant(node.input(2));
    const auto seen = channels_.find(node.inputs[0]);
    const std::int64_t count = coded.scales.size();
    if (node.has_input(2)) {
      if (given == nullptr || given->dtype() != DType::float32 || given->rank() != 1 ||
          given->size() != count) {
        return std::nullopt;
      }
    } else if (seen == channels_.end()) {
      return std::nullopt;
    }
    Tensor bias = given != nullptr ? given->clone() : Tensor::zeros(DType::float32, {count});
    if (seen == channels_.end()) return bias;
    std::vector<double> lost(static_cast<std::size_t>(count));
    const auto exact = graph_.constant(node.inputs[weighted.weights])->as<float>();
    const auto codes = coded.codes.as<std::int8_t>();
    const auto scales = coded.scales.as<float>();
    for_each_weight(graph_, weighted, [&](std::int64_t out, std::int64_t in, std::size_t i) {
      const auto row = static_cast<std::size_t>(out);
      lost[row] += (exact[i] - static_cast<double>(codes[i]) * scales[row]) *
                   seen->second[static_cast<std::size_t>(in)].mean;
    });
    const auto values = bias.as_mutable<float>();
    for (std::size_t i = 0; i < lost.size(); ++i)
      values[i] = static_cast<float>(values[i] + lost[i]);
    return bias;
  }

  void put_bias(NodeId id, ValueId bias) {
    if (graph_.node(id).inputs.size() > 2) return editor_.set_input(id, 2, bias);
    Node with_bias = graph_.node(id);
    with_bias.inputs.push_back(bias);
    with_bias.outputs.clear();
    editor_.rewrite(id, std::move(with_bias));
  }

  /// In int32, by the product of the scales, as sums of products are. Whether that could be done.
  bool write_bias(NodeId id, const Tensor& bias, const Tensor& w_scales, float x_scale,
                  const std::string& name) {
    const Tensor* from = &bias;
    Tensor codes(DType::int32, from->shape()), scales(DType::float32, from->shape());
    for (std::size_t i = 0; i < static_cast<std::size_t>(from->size()); ++i) {
      const float scale = x_scale * w_scales.as<float>()[i];
      const double code = std::nearbyint(static_cast<double>(from->as<float>()[i]) / scale);
      constexpr double most = 1 << 30;
      if (!(std::abs(code) < most)) return false;
      scales.as_mutable<float>()[i] = scale;
      codes.as_mutable<std::int32_t>()[i] = static_cast<std::int32_t>(code);
    }
    const ValueId zeros =
        editor_.add_constant(name + ".zero_point", Tensor::zeros(DType::int32, from->shape()));
    put_bias(id, dequantize(editor_.add_constant(name + ".codes", std::move(codes)),
                            editor_.add_constant(name + ".scale", std::move(scales)), zeros, 0,
                            name + ".dequantized", Type::tensor(DType::float32, bias.shape())));
    return true;
  }

  /// Values that are made as codes are read as what the codes mean; others by nodes on codes alone.
  void write_value(ValueId value, const std::vector<NodeId>& readers) {
    const Scale& by = scales_.at(value);
    const NodeId maker = graph_.value(value).producer;
    const std::string name = graph_.value(value).name;
    const Type type = graph_.value(value).type;
    Node quantize{.op = "QuantizeLinear", .version = qdq_opset};
    quantize.inputs = {value, by.scale, by.zero_point};
    Type codes = type;
    codes.dtype = DType::uint8;
    if (maker == no_id || !plan_.is_chosen(maker)) {
      const ValueId q = editor_.add_node(std::move(quantize), name + ".quantized", codes);
      const ValueId read = dequantize(q, by.scale, by.zero_point, -1, name + ".dequantized", type);
      for (const NodeId reader : readers) {
        if (!plan_.is_chosen(reader)) continue;
        Node& node = graph_.node(reader);
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
          if (node.inputs[i] == value) editor_.set_input(reader, i, read);
        }
      }
      return;
    }
    // The value keeps its name, behind the codes.
    Node real = graph_.node(maker);
    Type real_type = type;
    const std::string maker_name = real.name;
    real.outputs.clear();
    const ValueId exact = editor_.add_node(std::move(real), name + ".exact", std::move(real_type));
    quantize.inputs[0] = exact;
    const ValueId q = editor_.add_node(std::move(quantize), name + ".quantized", codes);
    Node back{.op = "DequantizeLinear", .version = qdq_opset};
    back.inputs = {q, by.scale, by.zero_point};
    graph_.node(maker).name = maker_name.empty() ? "" : maker_name + ".dequantize";
    editor_.rewrite(maker, std::move(back));
  }

  Graph& graph_;
  passes::Editor editor_;
  const CodePlan& plan_;
  const std::map<ValueId, Range>& ranges_;
  const ChannelMap& channels_;
  const RefitMap& refits_;
  std::map<ValueId, Scale> scales_;
  std::map<std::pair<ValueId, int>, SharedWeights> weights_;  // by constant and axis
};

}  // namespace

Graph insert_codes(const Graph& graph, const CodePlan& plan, const std::map<ValueId, Range>& ranges,
                   const ChannelMap& channels, const RefitMap& refits) {
  Graph result = graph.clone();
  CodeWriter(result, plan, ranges, channels, refits).run();
  return result;
}

}  // namespace inlay::inline v0::quantization
