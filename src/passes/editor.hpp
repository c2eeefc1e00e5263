// Editor: rewrites a graph while it keeps track of who reads what, in time linear in the edits.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "inlay/graph.hpp"

namespace inlay::inline v0::passes {

/// Passes change nodes through an Editor only, so that its counts stay right. A rewritten node
/// keeps its place, so a graph in topological order stays so as long as new inputs come from before
/// it.
class Editor {
 public:
  explicit Editor(Graph& graph);

  Graph& graph() noexcept { return graph_; }
  const Graph& graph() const noexcept { return graph_; }

  /// How often nodes read the value, captures of subgraphs included.
  int uses(ValueId value) const { return uses_[static_cast<std::size_t>(value)]; }
  bool is_output(ValueId value) const { return is_output_[static_cast<std::size_t>(value)]; }
  /// Whether one node input is all that needs the value.
  bool single_use(ValueId value) const { return uses(value) == 1 && !is_output(value); }

  /// The node of this graph that reads the value, of which single_use holds; no_id when a subgraph
  /// does.
  NodeId only_reader(ValueId value) const;

  /// `node` takes the place, name and outputs of the node at `id`; nodes that nobody reads then are
  /// removed.
  void rewrite(NodeId id, Node node);
  /// Input `i` of the node becomes `value`; nodes that nobody reads then are removed.
  void set_input(NodeId id, std::size_t i, ValueId value);
  /// Removes a node whose first output is the same as `source`, and says whether that could be
  /// done: a graph output keeps its name.
  bool bypass(NodeId id, ValueId source);
  /// Removes a node whose outputs are the same as `values`.
  void substitute(NodeId id, const std::vector<ValueId>& values);
  /// Every node that reads `from` reads `to` instead; graph outputs stay as they are.
  void replace(ValueId from, ValueId to);
  /// The value becomes a constant; its producer, when none of its outputs is left, is removed.
  void make_constant(ValueId value, Tensor tensor);

  /// Adds a constant under a name not yet taken that starts with `base`.
  ValueId add_constant(const std::string& base, Tensor tensor);
  ValueId add_value(const std::string& base, Type type);
  /// Adds a node. It comes last in the list: finish() puts it in order.
  void add_node(Node node);
  /// The same for a node with one output, which it makes and gives.
  ValueId add_node(Node node, const std::string& base, Type type);

  /// Restores topological order if nodes were added. To be called once, at the end of a pass.
  void finish();

 private:
  void count_reads(NodeId id);
  void kill(NodeId id);
  void release(std::vector<ValueId> values);
  std::string fresh_name(const std::string& base);
  void grow();

  Graph& graph_;
  std::vector<int> uses_;
  std::vector<std::vector<NodeId>> readers_;  ///< all readers, and some that no longer are
  std::vector<bool> is_output_;
  std::unordered_set<std::string> names_;  ///< filled when the first name is made
  bool added_nodes_ = false;
};

}  // namespace inlay::inline v0::passes
