// A graph whose values may exist in blocked channels as well (src/ops/blocked.hpp).
#pragma once

#include <inlay/kernels/inline.hpp>
#include <unordered_map>

#include "inlay/backend.hpp"
#include "ops/blocked.hpp"
#include "passes/editor.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {

/// Whether an image surely has one pixel.
inline bool is_one_pixel(const Type& image) {
  const auto is_one = [](const Dim& dim) { return dim.known() && dim.value == 1; };
  return is_one(image.dims[2]) && is_one(image.dims[3]);
}

class BlockedGraph {
 public:
  BlockedGraph(Graph& graph, const Backend& backend);

  const Graph& graph() const noexcept { return editor_.graph(); }
  const Type& type(ValueId value) const { return graph().value(value).type; }
  std::int64_t block() const noexcept { return block_; }

  /// Whether the value is f32 [batch, channels, height, width] with a known number of channels.
  bool is_image(ValueId value) const;
  /// The same, with surely the shape of `like`.
  bool is_like(ValueId value, const Type& like) const;
  /// Of an image.
  std::int64_t channels(ValueId value) const { return type(value).dims[1].value; }

  /// Whether the value exists in blocks already.
  bool is_blocked(ValueId value) const { return blocked_.contains(value); }
  bool reads_blocked(const Node& node) const {
    for (const ValueId input : node.inputs) {
      if (is_blocked(input)) return true;
    }
    return false;
  }
  /// The value in blocks, which are made if need be.
  ValueId blocked(ValueId value);

  /// `blocks` is the value in blocks; who reads it in the plain layout reads what computes it now.
  void set_blocked(ValueId value, ValueId blocks) { blocked_.emplace(value, blocks); }

  ValueId add_constant(Tensor tensor) { return editor_.add_constant("", std::move(tensor)); }
  ValueId add(Node node, Type type);
  /// Whether the backend would run the node.
  bool supports(const Node& node) const;
  /// `node`, whose inputs are in blocks, computes what the node at `id` did, in blocks; who reads
  /// that in the plain layout reads a reorder.
  void replace(NodeId id, Node node);
  /// The node that alone needs the value; no_id when there is no such.
  NodeId only_reader(ValueId value) const {
    return editor_.single_use(value) ? editor_.only_reader(value) : no_id;
  }
  /// Replaces the node by one whose output is in the plain layout.
  void rewrite(NodeId id, Node node) { editor_.rewrite(id, std::move(node)); }
  void finish() { editor_.finish(); }

 private:
  Editor editor_;
  const Backend& backend_;
  std::int64_t block_;
  std::unordered_map<ValueId, ValueId> blocked_;  // plain value: the same in blocks
};

/// Moves a ConvTranspose to blocked channels, with the activation behind it, if that repays.
INLAY_COLD void block_conv_transpose(BlockedGraph& graph, NodeId id);

/// The same for what joins, takes apart and picks channels.
INLAY_COLD void follow_concat(BlockedGraph& graph, NodeId id);
INLAY_COLD void follow_split(BlockedGraph& graph, NodeId id);
INLAY_COLD void follow_slice(BlockedGraph& graph, NodeId id);
INLAY_COLD void follow_gather(BlockedGraph& graph, NodeId id);

/// Moves a node that is no convolution, and that reads a blocked value, to blocked channels, if it
/// can work on them.
INLAY_COLD void follow_blocked(BlockedGraph& graph, NodeId id);

}  // namespace inlay::inline v0::passes
