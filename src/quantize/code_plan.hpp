// Which nodes of a graph work on codes, and which values become codes for them.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "inlay/quantize.hpp"

namespace inlay::inline v0::quantization {

/// A node that multiplies by constant weights.
struct WeightedNode {
  NodeId id;
  std::size_t weights;  ///< its input
  int channel_axis;     ///< of the weights: one scale for each place along it
  bool may_float;       ///< whether it gives floats from codes; else its output is codes as well
};

/// The nodes of the main graph whose weights could be codes, in order.
std::vector<WeightedNode> weighted_nodes(const Graph& graph);

/// The weights that it multiplies by.
const Tensor& weights_of(const Graph& graph, const WeightedNode& node);

/// The nodes, those that share weights together.
std::vector<std::vector<WeightedNode>> by_weights(const Graph& graph,
                                                  const std::vector<WeightedNode>& nodes);

/// The precision that the rules ask for by name or operator. Errors: not_found, for a rule that no
/// node of the graph has.
std::optional<Precision> ruled_precision(const QuantizationRules& rules, const Node& node);
void check_rules(const QuantizationRules& rules, const Graph& graph);

/// Nodes on codes, and the values that are quantized for them.
class CodePlan {
 public:
  /// `weighted`: those that are to work on codes. Others follow where all they read is codes,
  /// if that gets to one of these, or costs nothing.
  CodePlan(const Graph& graph, const std::vector<WeightedNode>& weighted,
           const QuantizationRules& rules);

  const std::vector<WeightedNode>& weighted() const { return weighted_; }
  bool is_chosen(NodeId node) const { return chosen_[static_cast<std::size_t>(node)]; }
  /// Values to quantize, in the order of the nodes that make them.
  const std::vector<ValueId>& values() const { return values_; }
  /// The value whose scale `value` shares since it is made of its elements; `value` itself else.
  ValueId scale_of(ValueId value) const;

 private:
  std::vector<bool> nodes_that_feed_weighted() const;
  bool keeps_codes(const Node& node) const;
  bool may_follow(const Node& node) const;
  void find_values();
  ValueId source(ValueId value) const;
  bool is_within_function(ValueId value) const;

  const Graph& graph_;
  std::vector<WeightedNode> weighted_;
  std::vector<bool> chosen_;    ///< by node
  std::vector<bool> is_coded_;  ///< by value: made by a node whose output is codes
  std::vector<std::vector<NodeId>> readers_;
  std::vector<ValueId> values_;
};

}  // namespace inlay::inline v0::quantization
