// Models that arrive quantized as QDQ (QuantizeLinear behind an operator, DequantizeLinear before
// its inputs) run on integers: the operator takes both with it and becomes its QLinear form.
#include <algorithm>
#include <cmath>
#include <optional>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

bool is_byte(DType dtype) { return dtype == DType::uint8 || dtype == DType::int8; }

/// A quantized value: real = (q - zero_point) * scale.
struct Quantized {
  ValueId q;
  ValueId scale;
  ValueId zero_point;
};

class QuantizedFuser {
 public:
  explicit QuantizedFuser(Graph& graph) : graph_(graph), editor_(graph) {}

  void run() {
    const std::size_t count = graph_.nodes.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (graph_.nodes[i].is("QuantizeLinear")) fuse(static_cast<NodeId>(i));
    }
    editor_.finish();
  }

 private:
  void fuse(NodeId id) {
    const Node& quantize = graph_.node(id);
    const auto to = parameters(quantize, quantize.output(0));
    if (!to || !is_single(to->scale)) return;
    const Node* real = sole_producer(quantize.input(0));
    if (real != nullptr && real->is("Relu") && starts_at_zero(to->zero_point)) {
      real = sole_producer(real->input(0));
    }
    if (real == nullptr) return;
    std::optional<Node> fused;
    if (real->is("Conv")) {
      fused = fuse_conv(*real, *to);
    } else if (real->is("MatMul")) {
      fused = fuse_binary(*real, *to, "QLinearMatMul", "", 10);
    } else if (real->is("Add") || real->is("Mul")) {
      fused = fuse_binary(*real, *to, "QLinear" + real->op, "com.microsoft", 1);
    }
    if (fused) editor_.rewrite(id, std::move(*fused));
  }

  std::optional<Node> fuse_conv(const Node& conv, const Quantized& to) {
    const auto x = dequantized(conv.input(0)), w = dequantized(conv.input(1));
    if (!x || !w || !is_single(x->scale) || graph_.constant(w->q) == nullptr) return std::nullopt;
    if (!is_single(w->scale) && weights_axis(conv) != 0) return std::nullopt;
    ValueId bias = no_id;
    if (conv.has_input(2)) {
      bias = integer_bias(conv.input(2), *x, *w);
      if (bias == no_id) return std::nullopt;
    }
    Node fused = qlinear(conv, {*x, *w}, to, "QLinearConv", "", 10);
    if (bias != no_id) fused.inputs.push_back(bias);
    return fused;
  }

  std::optional<Node> fuse_binary(const Node& node, const Quantized& to, const std::string& op,
                                  const char* domain, int version) {
    const auto a = dequantized(node.input(0)), b = dequantized(node.input(1));
    if (!a || !b || !is_single(a->scale) || !is_single(b->scale)) return std::nullopt;
    return qlinear(node, {*a, *b}, to, op, domain, version);
  }

  Node qlinear(const Node& real, std::initializer_list<Quantized> from, const Quantized& to,
               const std::string& op, const char* domain, int version) {
    Node fused;
    fused.domain = domain;
    fused.op = op;
    fused.version = version;
    fused.attributes = real.attributes;
    for (const Quantized& input : from) {
      fused.inputs.insert(fused.inputs.end(), {input.q, input.scale, zero_point(input)});
    }
    fused.inputs.insert(fused.inputs.end(), {to.scale, zero_point(to)});
    return fused;
  }

  /// What a QuantizeLinear or DequantizeLinear says of `q`; nothing unless q is of 8 bits.
  std::optional<Quantized> parameters(const Node& node, ValueId q) const {
    if (q == no_id || !is_byte(graph_.value(q).type.dtype)) return std::nullopt;
    const Tensor* scale = graph_.constant(node.input(1));
    if (scale == nullptr || scale->dtype() != DType::float32) return std::nullopt;
    if (node.has_input(2) && graph_.constant(node.input(2)) == nullptr) return std::nullopt;
    if (node.attributes.integer("block_size", 0) != 0) return std::nullopt;
    return Quantized{q, node.input(1), node.input(2)};
  }

  std::optional<Quantized> dequantized(ValueId value) const {
    const Node* node = graph_.producer(value);
    if (node == nullptr || !node->is("DequantizeLinear")) return std::nullopt;
    return parameters(*node, node->input(0));
  }

  std::int64_t weights_axis(const Node& conv) const {
    return graph_.producer(conv.input(1))->attributes.integer("axis", 1);
  }

  /// The bias in int32 if it is quantized as QLinearConv wants it: by x_scale * w_scale, zero at 0.
  ValueId integer_bias(ValueId bias, const Quantized& x, const Quantized& w) const {
    const Node* node = graph_.producer(bias);
    if (node == nullptr || !node->is("DequantizeLinear")) return no_id;
    const Tensor* q = graph_.constant(node->input(0));
    const Tensor* scale = graph_.constant(node->input(1));
    if (q == nullptr || q->dtype() != DType::int32 || scale == nullptr) return no_id;
    if (node->has_input(2)) {
      const Tensor* zero = graph_.constant(node->input(2));
      if (zero == nullptr || zero->dtype() != DType::int32) return no_id;
      for (const std::int32_t z : zero->as<std::int32_t>()) {
        if (z != 0) return no_id;
      }
    }
    const float x_scale = graph_.constant(x.scale)->as<float>()[0];
    const auto weights = graph_.constant(w.scale)->as<float>();
    const auto given = scale->as<float>();
    if (given.size() != weights.size() && given.size() != 1 && weights.size() != 1) return no_id;
    for (std::size_t i = 0; i < std::max(given.size(), weights.size()); ++i) {
      const float wanted = x_scale * weights[weights.size() == 1 ? 0 : i];
      const float found = given[given.size() == 1 ? 0 : i];
      if (!(std::abs(found - wanted) <= 1e-5f * wanted)) return no_id;
    }
    return node->input(0);
  }

  /// QLinear forms always name their zero point.
  ValueId zero_point(const Quantized& value) {
    if (value.zero_point != no_id) return value.zero_point;
    const Shape shape = graph_.constant(value.scale)->shape();
    return editor_.add_constant("zero_point",
                                Tensor::zeros(graph_.value(value.q).type.dtype, shape));
  }

  bool is_single(ValueId scale) const { return graph_.constant(scale)->size() == 1; }

  /// Whether quantizing clips at real zero, which makes a Relu before it superfluous.
  bool starts_at_zero(ValueId zero_point) const {
    const Tensor* zero = graph_.constant(zero_point);
    if (zero == nullptr || zero->size() != 1) return zero_point == no_id;
    if (zero->dtype() == DType::uint8) return zero->item<std::uint8_t>() == 0;
    return zero->dtype() == DType::int8 && zero->item<std::int8_t>() == -128;
  }

  const Node* sole_producer(ValueId value) const {
    return value != no_id && editor_.single_use(value) ? graph_.producer(value) : nullptr;
  }

  Graph& graph_;
  Editor editor_;
};

}  // namespace

void fuse_quantized(Graph& graph, const PassContext& /*context*/) { QuantizedFuser(graph).run(); }

}  // namespace inlay::inline v0::passes
