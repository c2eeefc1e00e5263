#include "quantize/useful_range.hpp"

#include <algorithm>
#include <limits>

namespace inlay::inline v0::quantization {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr Range everything{-infinity, infinity};

/// x * sigmoid(x) below this is nearly 0.
constexpr float swish_low = -8;

struct FlatEnds {
  std::string_view op;
  Range useful;
};
constexpr FlatEnds functions[] = {
    {"Sigmoid", {-6, 6}},          {"Tanh", {-3.5f, 3.5f}},
    {"HardSwish", {-3, infinity}}, {"Swish", {swish_low, infinity}},
    {"Gelu", {-4, infinity}},      {"Mish", {swish_low, infinity}},
    {"Softplus", {-6, infinity}},  {"Elu", {-6, infinity}},
    {"Selu", {-6, infinity}},      {"Relu", {0, infinity}},
};

Range useful_of(const Graph& graph, ValueId value, const Node& reader) {
  if (!reader.domain.empty()) return everything;
  for (const FlatEnds& function : functions) {
    if (reader.op == function.op) return function.useful;
  }
  if (reader.op == "Mul" && reader.inputs[0] != reader.inputs[1]) {
    const ValueId other = reader.inputs[reader.inputs[0] == value ? 1 : 0];
    const Node* gate = graph.producer(other);
    if (gate != nullptr && gate->is("Sigmoid") && gate->input(0) == value) {
      return {swish_low, infinity};
    }
    if (gate != nullptr && gate->is("HardSigmoid") && gate->input(0) == value)
      return {-3, infinity};
  }
  return everything;
}

bool gates(const Graph& graph, ValueId value, const std::vector<NodeId>& readers) {
  return std::any_of(readers.begin(), readers.end(), [&](NodeId id) {
    const Node& node = graph.node(id);
    if (!node.is("Mul")) return false;
    const ValueId other = node.inputs[node.inputs[0] == value ? 1 : 0];
    const Node* gate = graph.producer(other);
    return gate != nullptr && gate->input(0) == value;
  });
}

}  // namespace

Range useful_range(const Graph& graph, ValueId value, const std::vector<NodeId>& readers) {
  if (readers.empty() || graph.is_output(value)) return everything;
  // A gate's own function counts only as far as the product does.
  const bool is_gated = gates(graph, value, readers);
  Range useful{infinity, -infinity};
  for (const NodeId id : readers) {
    const Node& node = graph.node(id);
    if (is_gated && (node.is("Sigmoid") || node.is("HardSigmoid"))) continue;
    const Range one = useful_of(graph, value, node);
    useful = {std::min(useful.low, one.low), std::max(useful.high, one.high)};
  }
  return useful;
}

}  // namespace inlay::inline v0::quantization
