#include "quantize/insert_codes.hpp"

#include <cmath>

#include "passes/editor.hpp"
#include "quantize/coded_weights.hpp"
#include "quantize/raise_opset.hpp"

namespace inlay::inline v0::quantization {
namespace {

class CodeWriter {
 public:
  CodeWriter(Graph& graph, const CodePlan& plan, const std::map<ValueId, Range>& ranges)
      : graph_(graph), editor_(graph), plan_(plan), ranges_(ranges) {}

  void run() {
    // Who reads what is asked of the graph as it was.
    const auto readers = graph_.consumers();
    for (const ValueId value : plan_.values()) add_scale(value);
    for (const WeightedNode& node : plan_.weighted()) write_weights(node);
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

  void write_weights(const WeightedNode& weighted) {
    const Node node = graph_.node(weighted.id);
    const ValueId weights = node.inputs[weighted.weights];
    const std::string name = graph_.value(weights).name;
    const CodedWeights coded = code_weights(*graph_.constant(weights), weighted.channel_axis);
    const std::int64_t channels = coded.scales.size();
    const ValueId zeros =
        editor_.add_constant(name + ".zero_point", Tensor::zeros(DType::int8, {channels}));
    editor_.set_input(
        weighted.id, weighted.weights,
        dequantize(editor_.add_constant(name + ".codes", coded.codes),
                   editor_.add_constant(name + ".scale", coded.scales), zeros,
                   weighted.channel_axis, name + ".dequantized", graph_.value(weights).type));
    const auto of_x = scales_.find(node.inputs[0]);
    if (node.has_input(2) && of_x != scales_.end()) {
      write_bias(weighted.id, coded.scales, of_x->second.number);
    }
  }

  /// In int32, by the product of the scales, as sums of products are.
  void write_bias(NodeId id, const Tensor& w_scales, float x_scale) {
    const ValueId bias = graph_.node(id).inputs[2];
    const Tensor* from = graph_.constant(bias);
    if (from == nullptr || from->dtype() != DType::float32 || from->rank() != 1 ||
        from->size() != w_scales.size()) {
      return;
    }
    Tensor codes(DType::int32, from->shape()), scales(DType::float32, from->shape());
    for (std::size_t i = 0; i < static_cast<std::size_t>(from->size()); ++i) {
      const float scale = x_scale * w_scales.as<float>()[i];
      const double code = std::nearbyint(static_cast<double>(from->as<float>()[i]) / scale);
      constexpr double most = 1 << 30;
      if (!(std::abs(code) < most)) return;
      scales.as_mutable<float>()[i] = scale;
      codes.as_mutable<std::int32_t>()[i] = static_cast<std::int32_t>(code);
    }
    const std::string name = graph_.value(bias).name;
    const ValueId zeros =
        editor_.add_constant(name + ".zero_point", Tensor::zeros(DType::int32, from->shape()));
    editor_.set_input(id, 2,
                      dequantize(editor_.add_constant(name + ".codes", std::move(codes)),
                                 editor_.add_constant(name + ".scale", std::move(scales)), zeros, 0,
                                 name + ".dequantized", graph_.value(bias).type));
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
  std::map<ValueId, Scale> scales_;
};

}  // namespace

Graph insert_codes(const Graph& graph, const CodePlan& plan,
                   const std::map<ValueId, Range>& ranges) {
  Graph result = graph.clone();
  CodeWriter(result, plan, ranges).run();
  return result;
}

}  // namespace inlay::inline v0::quantization
