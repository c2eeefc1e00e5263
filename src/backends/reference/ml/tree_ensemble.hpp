// Decision trees as compact arrays, built once from a node's attributes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "inlay/graph.hpp"

namespace inlay::inline v0::kernels {

/// How a node compares its feature; numbered as in TreeEnsemble.
enum class TreeMode : std::uint8_t {
  less_equal,
  less,
  greater_equal,
  greater,
  equal,
  not_equal,
  member
};

/// Elements [begin, end) of a list that is shared by all nodes or leaves.
struct TreeRange {
  std::uint32_t begin;
  std::uint32_t end;
};

struct TreeNode {
  union {
    double split;       ///< what the feature is compared with
    TreeRange members;  ///< of mode member: the values, sorted, that lead to the true branch
  };
  std::int32_t feature;
  std::int32_t on_true;  ///< a node, or ~leaf
  std::int32_t on_false;
  TreeMode mode;
  bool nan_is_true;
};

/// What a leaf adds to the score of one target or class.
struct TreeVote {
  std::int32_t target;
  double weight;
};

class TreeEnsemble {
 public:
  /// TreeEnsemble of version 5. Errors: invalid_graph, also for cycles and ids that do not exist.
  static TreeEnsemble from_leaves(const Attributes& attributes, std::int64_t targets);
  /// TreeEnsembleRegressor and TreeEnsembleClassifier; `votes` is the prefix of the attributes that
  /// belong to leaves, "target" or "class". Errors: the same.
  static TreeEnsemble from_modes(const Attributes& attributes, const std::string& votes,
                                 std::int64_t targets);

  std::size_t trees() const { return roots_.size(); }
  /// The number of features that a row must have.
  std::int64_t features() const { return features_; }
  std::span<const TreeVote> votes() const { return votes_; }
  std::size_t bytes() const;

  /// The votes of the leaf that a row comes to in tree number `tree`.
  template <class T>
  std::span<const TreeVote> votes(std::size_t tree, const T* row) const {
    std::int32_t at = roots_[tree];
    while (at >= 0) {
      const TreeNode& node = nodes_[static_cast<std::size_t>(at)];
      at = is_true(node, static_cast<double>(row[node.feature])) ? node.on_true : node.on_false;
    }
    const TreeRange leaf = leaves_[static_cast<std::size_t>(~at)];
    return std::span(votes_).subspan(leaf.begin, leaf.end - leaf.begin);
  }

 private:
  bool is_true(const TreeNode& node, double value) const {
    if (std::isnan(value)) return node.nan_is_true;
    switch (node.mode) {
      case TreeMode::less_equal:
        return value <= node.split;
      case TreeMode::less:
        return value < node.split;
      case TreeMode::greater_equal:
        return value >= node.split;
      case TreeMode::greater:
        return value > node.split;
      case TreeMode::equal:
        return value == node.split;
      case TreeMode::not_equal:
        return value != node.split;
      case TreeMode::member:
        break;
    }
    return std::binary_search(members_.begin() + node.members.begin,
                              members_.begin() + node.members.end, value);
  }

  void add_node(const TreeNode& node);
  /// Fails when a path through the nodes leads back to its start.
  void refuse_cycles() const;

  std::vector<TreeNode> nodes_;
  std::vector<TreeRange> leaves_;  // of votes_
  std::vector<TreeVote> votes_;
  std::vector<double> members_;
  std::vector<std::int32_t> roots_;  // a node, or ~leaf
  std::int64_t features_ = 0;
};

}  // namespace inlay::inline v0::kernels
