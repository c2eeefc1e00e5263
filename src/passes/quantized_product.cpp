#include "passes/quantized_product.hpp"

#include <algorithm>
#include <cmath>

#include "built_operators.hpp"

namespace inlay::inline v0::passes {
namespace {

bool is_zero(const Tensor& zero_points) {
  if (zero_points.dtype() != DType::int32) return false;
  const auto zeros = zero_points.as<std::int32_t>();
  return std::all_of(zeros.begin(), zeros.end(), [](std::int32_t zero) { return zero == 0; });
}

/// x_scale * w_scale[i].
class JointScales {
 public:
  JointScales(const Graph& graph, const QuantizedValue& x, const QuantizedValue& w)
      : x_(graph.constant(x.scale)->item<float>()), w_(graph.constant(w.scale)->as<float>()) {}

  std::size_t size() const { return w_.size(); }
  float operator[](std::size_t i) const { return x_ * w_[w_.size() == 1 ? 0 : i]; }

 private:
  float x_;
  std::span<const float> w_;
};

/// Numbers as multiples of the scales.
ValueId quantized_bias(Editor& editor, const Tensor& bias, const JointScales& scales) {
  const auto from = bias.as<float>();
  if (scales.size() != 1 && scales.size() != from.size()) return no_id;
  Tensor codes(DType::int32, {std::ssize(from)});
  const auto to = codes.as_mutable<std::int32_t>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const double code = std::nearbyint(static_cast<double>(from[i]) / scales[i]);
    if (!(std::abs(code) < 1 << 30)) return no_id;
    to[i] = static_cast<std::int32_t>(code);
  }
  return editor.add_constant("bias", std::move(codes));
}

struct Operands {
  QuantizedValue a, b;
};

/// The codes that a product reads; B has one scale or one per column.
std::optional<Operands> operands(const Graph& graph, const Node& node) {
  const auto a = dequantized_tensor(graph, node.input(0));
  const auto b = dequantized(graph, node.input(1));
  if (!a || !b) return std::nullopt;
  if (!is_single(graph, b->scale)) {
    const Type& type = graph.value(b->q).type;
    const std::int64_t axis = graph.producer(node.input(1))->attributes.integer("axis", 1);
    const bool is_transposed = node.attributes.integer("transB", 0) != 0;
    if (type.rank() != 2 || (axis + 2) % 2 != (is_transposed ? 0 : 1)) return std::nullopt;
  }
  return Operands{*a, *b};
}

std::optional<Node> quantized_gemm(Editor& editor, const Node& gemm, const Operands& operands) {
  const Attributes& attributes = gemm.attributes;
  if (!is_built("com.microsoft", "QGemm")) return std::nullopt;
  if (attributes.real("alpha", 1) != 1 || attributes.real("beta", 1) != 1) return std::nullopt;
  ValueId bias = no_id;
  if (gemm.has_input(2)) {
    const Type& c = editor.graph().value(gemm.input(2)).type;
    bias = c.rank() == 1 ? integer_bias(editor, gemm.input(2), operands.a, operands.b) : no_id;
    if (bias == no_id) return std::nullopt;
  }
  Node fused{.domain = "com.microsoft", .op = "QGemm", .version = 1};
  for (const char* name : {"transA", "transB"}) {
    fused.attributes.set(name, attributes.integer(name, 0));
  }
  for (const QuantizedValue& value : {operands.a, operands.b}) {
    fused.inputs.insert(fused.inputs.end(),
                        {value.q, value.scale, named_zero_point(editor, value)});
  }
  fused.inputs.push_back(bias);
  return fused;
}

}  // namespace

ValueId named_zero_point(Editor& editor, const QuantizedValue& value) {
  if (value.zero_point != no_id) return value.zero_point;
  const Graph& graph = editor.graph();
  return editor.add_constant("zero_point", Tensor::zeros(graph.value(value.q).type.dtype,
                                                         graph.constant(value.scale)->shape()));
}

Node qlinear_node(Editor& editor, const Node& real, std::initializer_list<QuantizedValue> from,
                  const QuantizedValue& to, std::string op, const char* domain, int version) {
  Node fused{.domain = domain, .op = std::move(op), .version = version};
  fused.attributes = real.attributes;
  for (const QuantizedValue& input : from) {
    fused.inputs.insert(fused.inputs.end(),
                        {input.q, input.scale, named_zero_point(editor, input)});
  }
  fused.inputs.insert(fused.inputs.end(), {to.scale, named_zero_point(editor, to)});
  return fused;
}

ValueId integer_bias(Editor& editor, ValueId bias, const QuantizedValue& x,
                     const QuantizedValue& w) {
  const Graph& graph = editor.graph();
  const JointScales wanted(graph, x, w);
  if (const Tensor* constant = graph.constant(bias)) {
    return constant->dtype() == DType::float32 ? quantized_bias(editor, *constant, wanted) : no_id;
  }
  const Node* node = graph.producer(bias);
  if (node == nullptr || !node->is("DequantizeLinear")) return no_id;
  const Tensor* q = graph.constant(node->input(0));
  const Tensor* scale = graph.constant(node->input(1));
  if (q == nullptr || q->dtype() != DType::int32 || scale == nullptr) return no_id;
  if (node->has_input(2)) {
    const Tensor* zero = graph.constant(node->input(2));
    if (zero == nullptr || !is_zero(*zero)) return no_id;
  }
  const auto given = scale->as<float>();
  if (given.size() != wanted.size() && given.size() != 1 && wanted.size() != 1) return no_id;
  for (std::size_t i = 0; i < std::max(given.size(), wanted.size()); ++i) {
    const float found = given[given.size() == 1 ? 0 : i];
    if (!(std::abs(found - wanted[i]) <= 1e-5f * wanted[i])) return no_id;
  }
  return node->input(0);
}

std::optional<ColumnBias> bias_behind(const Editor& editor, ValueId product, std::int64_t columns) {
  const Graph& graph = editor.graph();
  if (!editor.single_use(product)) return std::nullopt;
  const NodeId id = editor.only_reader(product);
  if (id == no_id || !graph.node(id).is("Add")) return std::nullopt;
  const Node& add = graph.node(id);
  const ValueId bias = add.inputs[add.inputs[0] == product ? 1 : 0];
  const Tensor* constant = graph.constant(bias);
  const bool is_per_column = constant != nullptr && constant->dtype() == DType::float32 &&
                             constant->rank() == 1 && constant->dim(0) == columns;
  return is_per_column ? std::optional(ColumnBias{id, bias}) : std::nullopt;
}

std::optional<Node> fuse_product(Editor& editor, const Node& node, const QuantizedValue& to) {
  const auto found = operands(editor.graph(), node);
  if (!found) return std::nullopt;
  if (node.is("Gemm")) {
    std::optional<Node> fused = quantized_gemm(editor, node, *found);
    if (fused) {
      fused->inputs.insert(fused->inputs.end(), {to.scale, named_zero_point(editor, to)});
    }
    return fused;
  }
  return qlinear_node(editor, node, {found->a, found->b}, to, "QLinearMatMul", "", 10);
}

void multiply_to_floats(Editor& editor, NodeId id) {
  const Node& node = editor.graph().node(id);
  if (!node.is("MatMul") && !node.is("Gemm")) return;
  const auto found = operands(editor.graph(), node);
  if (!found || editor.graph().constant(found->b.q) == nullptr) return;
  if (node.is("Gemm")) {
    std::optional<Node> fused = quantized_gemm(editor, node, *found);
    if (fused) editor.rewrite(id, std::move(*fused));
    return;
  }
  if (!is_built("com.microsoft", "MatMulIntegerToFloat")) return;
  const auto& [a, b] = *found;
  Node fused{.domain = "com.microsoft", .op = "MatMulIntegerToFloat", .version = 1};
  fused.inputs = {
      a.q, b.q, a.scale, b.scale, named_zero_point(editor, a), named_zero_point(editor, b)};
  const Tensor& weights = *editor.graph().constant(b.q);
  const auto sum =
      weights.rank() == 2 ? bias_behind(editor, node.output(0), weights.dim(1)) : std::nullopt;
  if (!sum) return editor.rewrite(id, std::move(fused));
  fused.inputs.push_back(sum->bias);
  editor.rewrite(sum->add, std::move(fused));
}

}  // namespace inlay::inline v0::passes
