#include "runtime/flops.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace inlay::inline v0 {
namespace {

using Name = std::string_view;

std::optional<Shape> shape_of(const Graph& graph, ValueId id) {
  return id == no_id ? std::nullopt : graph.value(id).type.static_shape();
}

double elements(const Shape& shape) { return static_cast<double>(shape.elements()); }

// Two operations for each output element and each weight of one output channel's filter.
std::optional<double> convolution(const Graph& graph, const Node& node, std::size_t weight_input) {
  const auto out = shape_of(graph, node.output(0));
  const auto weight = shape_of(graph, node.input(weight_input));
  if (!out || !weight || weight->rank() < 2) return std::nullopt;
  return 2 * elements(*out) * static_cast<double>(weight->product(1, weight->rank()));
}

// The result is [batch, blocks, spatial..., block], its channels those of the weights.
std::optional<double> blocked_convolution(const Graph& graph, const Node& node) {
  const auto out = shape_of(graph, node.output(0));
  const auto weight = shape_of(graph, node.input(1));
  if (!out || !weight || weight->rank() < 2 || out->rank() < 3) return std::nullopt;
  return 2 * static_cast<double>((*out)[0] * out->product(2, out->rank() - 1)) * elements(*weight);
}

// The same with input and output exchanged.
std::optional<double> transposed_convolution(const Graph& graph, const Node& node) {
  const auto in = shape_of(graph, node.input(0));
  const auto weight = shape_of(graph, node.input(1));
  if (!in || !weight || weight->rank() < 2) return std::nullopt;
  return 2 * elements(*in) * static_cast<double>(weight->product(1, weight->rank()));
}

// Of channels in blocks.
std::optional<double> blocked_transposed_convolution(const Graph& graph, const Node& node) {
  const auto in = shape_of(graph, node.input(0));
  const auto weight = shape_of(graph, node.input(1));
  if (!in || !weight || weight->rank() < 2 || in->rank() < 3) return std::nullopt;
  const auto pixels = static_cast<double>((*in)[0] * in->product(2, in->rank() - 1));
  return 2 * pixels * elements(*weight);
}

std::optional<double> product(const Graph& graph, const Node& node, bool a_is_transposed) {
  const auto a = shape_of(graph, node.input(0));
  const auto out = shape_of(graph, node.output(0));
  if (!a || !out || a->rank() == 0) return std::nullopt;
  const int inner = a_is_transposed && a->rank() > 1 ? a->rank() - 2 : a->rank() - 1;
  return 2 * elements(*out) * static_cast<double>((*a)[inner]);
}

// W [directions, gates*hidden, input] and R [directions, gates*hidden, hidden], for each step of
// each sequence.
std::optional<double> recurrent(const Graph& graph, const Node& node) {
  const auto x = shape_of(graph, node.input(0));
  const auto w = shape_of(graph, node.input(1));
  const auto r = shape_of(graph, node.input(2));
  if (!x || !w || !r || x->rank() != 3) return std::nullopt;
  return 2 * static_cast<double>(x->product(0, 2)) * (elements(*w) + elements(*r));
}

// Scores and weighted sum, from Q [batch, heads, queries, depth] and K [batch, heads, keys, depth];
// with three axes the heads are part of the depth.
std::optional<double> attention(const Graph& graph, const Node& node) {
  const auto q = shape_of(graph, node.input(0));
  const auto k = shape_of(graph, node.input(1));
  if (!q || !k || q->rank() < 3 || k->rank() != q->rank()) return std::nullopt;
  const bool by_row = node.attributes.text("k_layout", "BNSH") == "BSNH";
  return 4 * elements(*q) * static_cast<double>((*k)[by_row ? 1 : k->rank() - 2]);
}

bool is_one_of(Name op, std::initializer_list<Name> names) {
  return std::find(names.begin(), names.end(), op) != names.end();
}

void add(std::optional<double> flops, Flops& sum) {
  if (flops) {
    sum.count += *flops;
  } else {
    ++sum.unknown_nodes;
  }
}

void add_subgraphs(const Node& node, Flops& sum) {
  Flops largest;
  for_each_subgraph(node, [&](const Graph& subgraph) {
    const Flops flops = count_flops(subgraph);
    if (flops.count >= largest.count) largest = flops;
  });
  sum.count += largest.count;
  sum.unknown_nodes += largest.unknown_nodes;
}

}  // namespace

Flops count_flops(const Graph& graph) {
  Flops sum;
  for (const Node& node : graph.nodes) {
    const Name op = node.op;
    if (is_one_of(op, {"Conv", "FusedConv", "ConvInteger", "NhwcConv", "NhwcFusedConv"})) {
      add(convolution(graph, node, 1), sum);
    } else if (op == "BlockedConv") {
      add(blocked_convolution(graph, node), sum);
    } else if (op == "QLinearConv") {
      add(convolution(graph, node, 3), sum);
    } else if (op == "ConvTranspose") {
      add(transposed_convolution(graph, node), sum);
    } else if (op == "BlockedConvTranspose") {
      add(blocked_transposed_convolution(graph, node), sum);
    } else if (is_one_of(op, {"Gemm", "FusedGemm", "FusedMatMul", "TransposeMatMul"})) {
      add(product(graph, node, node.attributes.integer("transA", 0) != 0), sum);
    } else if (is_one_of(op, {"MatMul", "MatMulInteger", "QLinearMatMul", "MatMulNBits",
                              "MatMulIntegerToFloat", "DynamicQuantizeMatMul"})) {
      add(product(graph, node, false), sum);
    } else if (is_one_of(op, {"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"})) {
      add(recurrent(graph, node), sum);
    } else if (is_one_of(op, {"Attention", "FusedAttention", "MultiHeadAttention"})) {
      add(attention(graph, node), sum);
    }
    add_subgraphs(node, sum);
  }
  return sum;
}

}  // namespace inlay::inline v0
