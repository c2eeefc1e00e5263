// Models that arrive quantized as QDQ (QuantizeLinear behind an operator, DequantizeLinear before
// its inputs) run on integers: the operator takes both with it and becomes its QLinear form, a
// table, or, where it only moves elements, the same on codes.
#include <algorithm>
#include <cmath>
#include <optional>

#include "built_operators.hpp"
#include "passes/element_moves.hpp"
#include "passes/pipeline.hpp"
#include "passes/quantized_product.hpp"
#include "passes/tabulate_codes.hpp"

namespace inlay::inline v0::passes {
namespace {

class QuantizedFuser {
 public:
  explicit QuantizedFuser(Graph& graph) : graph_(graph), editor_(graph) {}

  void run() {
    const std::size_t count = graph_.nodes.size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto id = static_cast<NodeId>(i);
      if (graph_.node(id).is("QuantizeLinear")) fuse(id);
    }
    for (std::size_t i = 0; i < count; ++i) multiply_to_floats(editor_, static_cast<NodeId>(i));
    editor_.finish();
  }

 private:
  void fuse(NodeId id) {
    const Node& quantize = graph_.node(id);
    const auto to = quantization(graph_, quantize, quantize.output(0));
    if (!to || !is_single(graph_, to->scale)) return;
    const Node* real = behind_clipping(quantize, *to);
    std::optional<Node> fused;
    if (real != nullptr) fused = fuse_operator(*real, *to);
    if (fused) {
      editor_.rewrite(id, std::move(*fused));
    } else if (!is_built("inlay", "CodeTable") || !tabulate_codes(editor_, id)) {
      real = sole_producer(graph_.node(id).input(0));
      if (real != nullptr && moves_elements(*real)) move_codes(id, Node(*real), *to);
    }
  }

  /// The node that alone computes what is quantized, past a Relu or Clip that the codes' range
  /// implies.
  const Node* behind_clipping(const Node& quantize, const QuantizedValue& to) const {
    const Node* real = sole_producer(quantize.input(0));
    if (real == nullptr || (!real->is("Relu") && !real->is("Clip"))) return real;
    const float scale = graph_.constant(to.scale)->item<float>();
    const bool is_signed = graph_.value(to.q).type.dtype == DType::int8;
    const float low = is_signed ? -128.0f : 0.0f, high = is_signed ? 127.0f : 255.0f;
    const auto code = [&](float x) {
      return std::nearbyint(x / scale) + static_cast<float>(zero_point_of(graph_, to));
    };
    const auto bound = [&](std::size_t i, const char* name, float absent) {
      const Tensor* constant = graph_.constant(real->input(i));
      if (constant != nullptr && constant->dtype() == DType::float32 && constant->size() == 1) {
        return constant->item<float>();
      }
      return real->has_input(i) ? std::nanf("") : real->attributes.real(name, absent);
    };
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const bool is_relu = real->is("Relu");
    const float least = is_relu ? 0.0f : bound(1, "min", -infinity);
    const float most = is_relu ? infinity : bound(2, "max", infinity);
    const bool is_implied = code(least) <= low && code(most) >= high;
    return is_implied ? sole_producer(real->input(0)) : nullptr;
  }

  std::optional<Node> fuse_operator(const Node& real, const QuantizedValue& to) {
    if (real.is("Conv")) return fuse_conv(real, to);
    if (real.is("MatMul") || real.is("Gemm")) return fuse_product(editor_, real, to);
    if (real.is("Add") || real.is("Mul")) return fuse_binary(real, to);
    if (real.is("AveragePool")) return fuse_pool(real, to, "QLinearAveragePool");
    if (real.is("GlobalAveragePool")) return fuse_pool(real, to, "QLinearGlobalAveragePool");
    if (real.is("Concat")) return fuse_concat(real, to);
    return std::nullopt;
  }

  std::optional<Node> fuse_conv(const Node& conv, const QuantizedValue& to) {
    const auto x = dequantized_tensor(graph_, conv.input(0));
    const auto w = dequantized(graph_, conv.input(1));
    if (!x || !w || graph_.constant(w->q) == nullptr) return std::nullopt;
    const auto axis = graph_.producer(conv.input(1))->attributes.integer("axis", 1);
    if (!is_single(graph_, w->scale) && axis != 0) return std::nullopt;
    ValueId bias = no_id;
    if (conv.has_input(2)) {
      bias = integer_bias(editor_, conv.input(2), *x, *w);
      if (bias == no_id) return std::nullopt;
    }
    Node fused = qlinear_node(editor_, conv, {*x, *w}, to, "QLinearConv", "", 10);
    if (bias != no_id) fused.inputs.push_back(bias);
    return fused;
  }

  std::optional<Node> fuse_binary(const Node& node, const QuantizedValue& to) {
    const auto a = dequantized_tensor(graph_, node.input(0));
    const auto b = dequantized_tensor(graph_, node.input(1));
    if (!a || !b || source(*a) == source(*b)) return std::nullopt;
    return qlinear_node(editor_, node, {*a, *b}, to, "QLinear" + node.op, "com.microsoft", 1);
  }

  std::optional<Node> fuse_pool(const Node& pool, const QuantizedValue& to, const char* op) {
    const auto x = dequantized_tensor(graph_, pool.input(0));
    if (!x || !is_built("com.microsoft", op)) return std::nullopt;
    return qlinear_node(editor_, pool, {*x}, to, op, "com.microsoft", 1);
  }

  std::optional<Node> fuse_concat(const Node& concat, const QuantizedValue& to) {
    if (!is_built("com.microsoft", "QLinearConcat")) return std::nullopt;
    std::vector<QuantizedValue> parts;
    for (const ValueId input : concat.inputs) {
      const auto part = dequantized_tensor(graph_, input);
      if (!part || graph_.value(part->q).type.dtype != graph_.value(to.q).type.dtype) {
        return std::nullopt;
      }
      parts.push_back(*part);
    }
    Node fused{.domain = "com.microsoft", .op = "QLinearConcat", .version = 1};
    fused.attributes = concat.attributes;
    fused.inputs = {to.scale, named_zero_point(editor_, to)};
    for (const QuantizedValue& part : parts) {
      fused.inputs.insert(fused.inputs.end(),
                          {part.q, part.scale, named_zero_point(editor_, part)});
    }
    return fused;
  }

  /// What the codes are a function of.
  ValueId source(const QuantizedValue& value) const {
    const Node* node = graph_.producer(value.q);
    return node != nullptr && node->is("CodeTable", "inlay") ? node->input(0) : value.q;
  }

  /// Moves codes instead of numbers, then converts them if they are to be others.
  void move_codes(NodeId id, Node moved, const QuantizedValue& to) {
    const auto from = dequantized_tensor(graph_, moved.input(0));
    if (!from) return;
    const bool is_pool = moved.is("MaxPool");
    if (is_pool) moved.version = std::max(moved.version, 12);  // the first one for bytes
    const bool is_same = same_quantization(graph_, *from, to);
    if (!is_same && !is_built("inlay", "CodeTable")) return;
    moved.inputs[0] = from->q;
    if (is_same) return editor_.rewrite(id, std::move(moved));
    Type type = graph_.value(moved.output(0)).type;
    type.dtype = graph_.value(from->q).type.dtype;
    moved.outputs.clear();
    moved.name.clear();
    const ValueId codes = editor_.add_node(std::move(moved), "codes", std::move(type));
    convert_codes(editor_, id, {codes, from->scale, from->zero_point});
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
