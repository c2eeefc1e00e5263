#include "quantize/code_plan.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "passes/element_moves.hpp"
#include "passes/elementwise.hpp"

namespace inlay::inline v0::quantization {
namespace {

/// Elementwise functions of one tensor, and of constants: tables of codes.
bool is_function(const Node& node) {
  static constexpr std::array<std::string_view, 17> ops = {
      "Relu",     "Clip", "Sigmoid", "LeakyRelu", "HardSwish", "HardSigmoid", "Tanh", "Elu", "Selu",
      "Softplus", "Gelu", "Mish",    "Softsign",  "Swish",     "Erf",         "Abs",  "Neg"};
  return node.domain.empty() && std::find(ops.begin(), ops.end(), node.op) != ops.end();
}

bool is_arithmetic(const Node& node) { return node.is("Add") || node.is("Mul"); }

using passes::moves_elements;

bool joins(const Node& node) {
  return node.is("Concat") || node.is("AveragePool") || node.is("GlobalAveragePool");
}

/// Whether the node could work on codes between nodes that do.
bool works_on_codes(const Node& node) {
  return is_function(node) || is_arithmetic(node) || moves_elements(node) || joins(node);
}

bool is_clipping(const Node& node) { return node.is("Relu") || node.is("Clip"); }

/// Whether a clipping behind the node is nothing but a choice of its codes' range.
bool makes_clipped_codes(const Node& node) {
  return node.is("Conv") || node.is("Gemm") || is_arithmetic(node);
}

bool is_float_constant(const Graph& graph, ValueId value, int least_rank) {
  const Tensor* tensor = graph.constant(value);
  return tensor != nullptr && tensor->dtype() == DType::float32 && tensor->rank() >= least_rank &&
         tensor->size() > 0;
}

}  // namespace

std::vector<WeightedNode> weighted_nodes(const Graph& graph) {
  std::vector<WeightedNode> found;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const auto id = static_cast<NodeId>(i);
    if (node.dead() || graph.constant(node.input(0)) != nullptr) continue;
    if (node.input(0) == no_id || graph.value(node.input(0)).type.dtype != DType::float32) continue;
    if (node.is("Conv") && is_float_constant(graph, node.input(1), 3)) {
      found.push_back({id, 1, 0, false});
    } else if (node.is("Gemm") && is_float_constant(graph, node.input(1), 2) &&
               node.attributes.real("alpha", 1) == 1 && node.attributes.real("beta", 1) == 1 &&
               node.attributes.integer("transA", 0) == 0) {
      found.push_back({id, 1, node.attributes.integer("transB", 0) != 0 ? 0 : 1, true});
    } else if (node.is("MatMul") && is_float_constant(graph, node.input(1), 2) &&
               graph.constant(node.input(1))->rank() == 2) {
      found.push_back({id, 1, 1, true});
    }
  }
  return found;
}

const Tensor& weights_of(const Graph& graph, const WeightedNode& node) {
  return *graph.constant(graph.node(node.id).inputs[node.weights]);
}

std::vector<std::vector<WeightedNode>> by_weights(const Graph& graph,
                                                  const std::vector<WeightedNode>& nodes) {
  std::map<std::pair<ValueId, int>, std::size_t> places;
  std::vector<std::vector<WeightedNode>> all;
  for (const WeightedNode& node : nodes) {
    const ValueId weights = graph.node(node.id).inputs[node.weights];
    const auto [at, is_new] = places.emplace(std::pair(weights, node.channel_axis), all.size());
    if (is_new) all.emplace_back();
    all[at->second].push_back(node);
  }
  return all;
}

std::optional<Precision> ruled_precision(const QuantizationRules& rules, const Node& node) {
  const auto by_name = rules.nodes.find(node.name);
  if (by_name != rules.nodes.end() && !node.name.empty()) return by_name->second;
  const auto by_op = rules.nodes.find(qualified_op(node.domain, node.op));
  if (by_op != rules.nodes.end()) return by_op->second;
  return std::nullopt;
}

void check_rules(const QuantizationRules& rules, const Graph& graph) {
  std::set<std::string> known;
  for (const Node& node : graph.nodes) {
    if (node.dead()) continue;
    known.insert(node.name);
    known.insert(qualified_op(node.domain, node.op));
  }
  for (const auto& [name, precision] : rules.nodes) {
    if (!known.contains(name)) {
      throw Error(ErrorCode::not_found,
                  "a precision is given for '" + name + "', which is no node and no operator here");
    }
  }
}

CodePlan::CodePlan(const Graph& graph, const std::vector<WeightedNode>& weighted,
                   const QuantizationRules& rules)
    : graph_(graph),
      weighted_(weighted),
      chosen_(graph.nodes.size()),
      is_coded_(graph.values.size()),
      readers_(graph.consumers()) {
  for (const WeightedNode& node : weighted_) chosen_[static_cast<std::size_t>(node.id)] = true;
  std::vector<bool> may_float(graph.nodes.size());
  for (const WeightedNode& node : weighted_) {
    may_float[static_cast<std::size_t>(node.id)] = node.may_float;
  }
  const std::vector<bool> feeds = nodes_that_feed_weighted();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.dead()) continue;
    if (!chosen_[i] && may_follow(node) && (feeds[i] || keeps_codes(node)) &&
        ruled_precision(rules, node).value_or(Precision::int8) == Precision::int8) {
      chosen_[i] = true;
    }
    if (chosen_[i] && !may_float[i]) is_coded_[static_cast<std::size_t>(node.outputs[0])] = true;
  }
  find_values();
}

/// By node: whether what it computes gets to a weighted one, past those that may follow codes. What
/// does not is left in float: rounding it would save nothing.
std::vector<bool> CodePlan::nodes_that_feed_weighted() const {
  std::vector<bool> feeds(graph_.nodes.size());
  for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
    const Node& node = graph_.nodes[i];
    if (node.dead() || node.outputs.empty() || node.outputs[0] == no_id) continue;
    const auto& readers = readers_[static_cast<std::size_t>(node.outputs[0])];
    feeds[i] = std::any_of(readers.begin(), readers.end(), [&](NodeId id) {
      const auto reader = static_cast<std::size_t>(id);
      return chosen_[reader] || (works_on_codes(graph_.nodes[reader]) && feeds[reader]);
    });
  }
  return feeds;
}

/// Whether its output has the codes of its input, or a part of their range.
bool CodePlan::keeps_codes(const Node& node) const {
  if (moves_elements(node)) return true;
  const NodeId maker = graph_.value(node.input(0)).producer;
  return is_clipping(node) && maker != no_id && makes_clipped_codes(graph_.node(maker));
}

bool CodePlan::may_follow(const Node& node) const {
  if (!works_on_codes(node)) return false;
  const auto is_code = [&](ValueId value) {
    return value != no_id && is_coded_[static_cast<std::size_t>(value)];
  };
  if (!is_code(node.input(0)) && !(is_arithmetic(node) && is_code(node.input(1)))) return false;
  if (moves_elements(node)) return true;
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId value) {
    const Tensor* constant = graph_.constant(value);
    return value == no_id || is_code(value) || (constant != nullptr && constant->size() == 1);
  });
}

ValueId CodePlan::scale_of(ValueId value) const {
  const NodeId maker = graph_.value(value).producer;
  if (maker == no_id || !is_chosen(maker) || !moves_elements(graph_.node(maker))) return value;
  return scale_of(graph_.node(maker).input(0));
}

/// The value that all which the elementwise nodes chosen make of `value` is a function of.
ValueId CodePlan::source(ValueId value) const {
  const NodeId maker = graph_.value(value).producer;
  if (maker == no_id || !is_chosen(maker)) return value;
  const Node& node = graph_.node(maker);
  if (!passes::is_elementwise(node)) return value;
  ValueId common = no_id;
  for (const ValueId input : node.inputs) {
    if (input == no_id || graph_.constant(input) != nullptr) continue;
    const ValueId one = source(input);
    if (common != no_id && common != one) return value;
    common = one;
  }
  return common != no_id ? common : value;
}

/// Whether only the next step of a function of one value reads this one: they become one table; or
/// a clipping that the codes' own range gives.
bool CodePlan::is_within_function(ValueId value) const {
  const auto& readers = readers_[static_cast<std::size_t>(value)];
  const bool is_alone =
      !readers.empty() && !graph_.is_output(value) &&
      std::all_of(readers.begin(), readers.end(), [&](NodeId id) { return id == readers.front(); });
  if (!is_alone || !is_chosen(readers.front())) return false;
  const Node& next = graph_.node(readers.front());
  const NodeId maker = graph_.value(value).producer;
  if (is_clipping(next) && maker != no_id && readers.size() == 1 &&
      makes_clipped_codes(graph_.node(maker))) {
    return true;
  }
  const ValueId from = source(value);
  return from != value && passes::is_elementwise(next) && source(next.outputs[0]) == from;
}

void CodePlan::find_values() {
  std::vector<bool> is_wanted(graph_.values.size());
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (!chosen_[i]) continue;
    const Node& node = graph_.nodes[i];
    const std::size_t count =
        is_arithmetic(node) || node.is("Concat") ? node.inputs.size() : std::size_t{1};
    for (std::size_t k = 0; k < count; ++k) {
      const ValueId input = node.inputs[k];
      if (graph_.constant(input) == nullptr) is_wanted[static_cast<std::size_t>(input)] = true;
    }
    if (is_coded_[static_cast<std::size_t>(node.outputs[0])]) {
      is_wanted[static_cast<std::size_t>(node.outputs[0])] = true;
    }
  }
  const auto take = [&](ValueId value) {
    if (value != no_id && is_wanted[static_cast<std::size_t>(value)] &&
        !is_within_function(value)) {
      values_.push_back(value);
    }
  };
  for (const ValueId input : graph_.inputs) take(input);
  for (const Capture& capture : graph_.captures) take(capture.inner);
  for (const Node& node : graph_.nodes) {
    for (const ValueId output : node.outputs) take(output);
  }
}

}  // namespace inlay::inline v0::quantization
