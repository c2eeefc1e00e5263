// From the attributes of a tree ensemble to its arrays.
#include <limits>

#include "backends/reference/attributes.hpp"
#include "backends/reference/ml/tree_ensemble.hpp"

namespace inlay::inline v0::kernels {
namespace {

/// Fails unless an attribute has one element for each node or leaf.
void require_size(std::size_t size, std::size_t wanted, std::string_view name) {
  require_attribute(size == wanted, std::string(name) + " has " + std::to_string(size) +
                                        " elements, not " + std::to_string(wanted));
}

/// The attribute, which must have `count` elements.
std::span<const std::int64_t> integer_list(const Attributes& attributes, std::string_view name,
                                           std::size_t count) {
  const auto list = attributes.integers(name);
  require_size(list.size(), count, name);
  return list;
}

/// Fails unless 0 <= index < count; the result fits 31 bits when count does.
std::int32_t checked_index(std::int64_t index, std::int64_t count, const char* what) {
  if (index < 0 || index >= count) {
    fail_attribute(std::string(what) + " " + std::to_string(index) + " is not one of " +
                   std::to_string(count));
  }
  return static_cast<std::int32_t>(index);
}

/// Fails when there are more than the arrays can number.
void require_countable(std::size_t count, const char* what) {
  if (count < std::size_t{1} << 31) return;
  throw Error(ErrorCode::limit, std::string("the ensemble has more than 2^31 ") + what);
}

constexpr std::int64_t most_targets = std::numeric_limits<std::int32_t>::max();

/// A tensor attribute's numbers.
std::vector<double> tensor_list(const Attributes& attributes, std::string_view name,
                                std::size_t count) {
  const auto* tensor = attributes.get<Tensor>(name);
  std::vector<double> list(tensor == nullptr ? 0 : static_cast<std::size_t>(tensor->size()));
  require_size(list.size(), count, name);
  if (tensor == nullptr) return list;
  visit_dtype<Floats>(tensor->dtype(), [&]<class T>() {
    const auto values = tensor->as<T>();
    std::copy(values.begin(), values.end(), list.begin());
  });
  return list;
}

/// Whether a missing feature leads to the true branch, for each node; an absent list says no.
std::span<const std::int64_t> missing_list(const Attributes& attributes, std::size_t count) {
  const auto list = attributes.integers("nodes_missing_value_tracks_true");
  if (!list.empty()) require_size(list.size(), count, "nodes_missing_value_tracks_true");
  return list;
}

constexpr std::string_view leaf_mode = "LEAF";

TreeMode tree_mode(std::string_view word) {
  constexpr std::string_view words[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
  return static_cast<TreeMode>(word_index("nodes_modes", word, words));
}

/// Finds nodes by the ids of tree and node.
class TreeNodeIndex {
 public:
  TreeNodeIndex(std::span<const std::int64_t> trees, std::span<const std::int64_t> nodes) {
    for (std::size_t i = 0; i < trees.size(); ++i) {
      entries_.push_back({trees[i], nodes[i], static_cast<std::int32_t>(i)});
    }
    std::sort(entries_.begin(), entries_.end(), before);
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      if (before(entries_[i - 1], entries_[i])) continue;
      fail_attribute("node " + std::to_string(entries_[i].node) + " of tree " +
                     std::to_string(entries_[i].tree) + " is there twice");
    }
  }

  /// The node's place in the attributes.
  std::size_t find(std::int64_t tree, std::int64_t node) const {
    const Entry wanted{tree, node, 0};
    const auto it = std::lower_bound(entries_.begin(), entries_.end(), wanted, before);
    if (it == entries_.end() || before(wanted, *it)) {
      fail_attribute("there is no node " + std::to_string(node) + " in tree " +
                     std::to_string(tree));
    }
    return static_cast<std::size_t>(it->place);
  }

  /// The place of each tree's root: the first of its nodes in the attributes.
  std::vector<std::int32_t> roots() const {
    std::vector<std::int32_t> roots;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (i == 0 || entries_[i].tree != entries_[i - 1].tree) {
        roots.push_back(entries_[i].place);
      } else {
        roots.back() = std::min(roots.back(), entries_[i].place);
      }
    }
    return roots;
  }

 private:
  struct Entry {
    std::int64_t tree;
    std::int64_t node;
    std::int32_t place;
  };
  static bool before(const Entry& a, const Entry& b) {
    return a.tree != b.tree ? a.tree < b.tree : a.node < b.node;
  }

  std::vector<Entry> entries_;
};

}  // namespace

void TreeEnsemble::add_node(const TreeNode& node) {
  features_ = std::max(features_, std::int64_t{node.feature} + 1);
  nodes_.push_back(node);
}

void TreeEnsemble::refuse_cycles() const {
  // Nodes are taken away while nothing leads to them any more; what is left goes round.
  std::vector<std::uint32_t> parents(nodes_.size());
  const auto children = [&](const TreeNode& node, auto f) {
    if (node.on_true >= 0) f(static_cast<std::size_t>(node.on_true));
    if (node.on_false >= 0) f(static_cast<std::size_t>(node.on_false));
  };
  for (const TreeNode& node : nodes_) children(node, [&](std::size_t child) { ++parents[child]; });
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (parents[i] == 0) free.push_back(i);
  }
  std::size_t taken = 0;
  for (; !free.empty(); ++taken) {
    const TreeNode& node = nodes_[free.back()];
    free.pop_back();
    children(node, [&](std::size_t child) {
      if (--parents[child] == 0) free.push_back(child);
    });
  }
  require_attribute(taken == nodes_.size(), "the branches of a tree lead round in a circle");
}

std::size_t TreeEnsemble::bytes() const {
  return nodes_.size() * sizeof(TreeNode) + leaves_.size() * sizeof(TreeRange) +
         votes_.size() * sizeof(TreeVote) + members_.size() * sizeof(double) +
         roots_.size() * sizeof(std::int32_t);
}

TreeEnsemble TreeEnsemble::from_modes(const Attributes& attributes, const std::string& votes,
                                      std::int64_t targets) {
  const auto trees = attributes.integers("nodes_treeids");
  const std::size_t count = trees.size();
  require_countable(count, "nodes");
  const auto ids = integer_list(attributes, "nodes_nodeids", count);
  const auto features = integer_list(attributes, "nodes_featureids", count);
  const auto on_true = integer_list(attributes, "nodes_truenodeids", count);
  const auto on_false = integer_list(attributes, "nodes_falsenodeids", count);
  const auto missing = missing_list(attributes, count);
  const auto splits = real_list(attributes, "nodes_values");
  require_size(splits.size(), count, "nodes_values");
  static const std::vector<std::string> none;
  const auto* words = attributes.get<std::vector<std::string>>("nodes_modes");
  const std::vector<std::string>& modes = words != nullptr ? *words : none;
  require_size(modes.size(), count, "nodes_modes");

  TreeEnsemble ensemble;
  // Each node's number among the branches, or ~ its number among the leaves.
  std::vector<std::int32_t> numbers(count);
  std::int32_t branches = 0, leaves = 0;
  for (std::size_t i = 0; i < count; ++i) {
    numbers[i] = modes[i] == leaf_mode ? ~leaves++ : branches++;
  }
  const TreeNodeIndex index(trees, ids);
  ensemble.nodes_.reserve(static_cast<std::size_t>(branches));
  for (std::size_t i = 0; i < count; ++i) {
    if (numbers[i] < 0) continue;
    TreeNode node{};
    node.split = splits[i];
    node.feature = checked_index(features[i], most_targets, "feature");
    node.on_true = numbers[index.find(trees[i], on_true[i])];
    node.on_false = numbers[index.find(trees[i], on_false[i])];
    node.mode = tree_mode(modes[i]);
    node.nan_is_true = !missing.empty() && missing[i] != 0;
    ensemble.add_node(node);
  }
  ensemble.refuse_cycles();
  for (const std::int32_t root : index.roots()) {
    ensemble.roots_.push_back(numbers[static_cast<std::size_t>(root)]);
  }

  const auto weights = real_list(attributes, votes + "_weights");
  require_countable(weights.size(), "votes");
  const auto vote_trees = integer_list(attributes, votes + "_treeids", weights.size());
  const auto vote_nodes = integer_list(attributes, votes + "_nodeids", weights.size());
  const auto vote_targets = integer_list(attributes, votes + "_ids", weights.size());
  // Votes are counted for each leaf, then put where its range begins; those at a branch are idle.
  ensemble.leaves_.assign(static_cast<std::size_t>(leaves), TreeRange{});
  std::vector<std::int32_t> leaf_of(weights.size());
  for (std::size_t v = 0; v < weights.size(); ++v) {
    leaf_of[v] = ~numbers[index.find(vote_trees[v], vote_nodes[v])];
    if (leaf_of[v] >= 0) ++ensemble.leaves_[static_cast<std::size_t>(leaf_of[v])].end;
  }
  std::uint32_t total = 0;
  for (TreeRange& leaf : ensemble.leaves_) {
    leaf.begin = total;
    total += leaf.end;
    leaf.end = leaf.begin;
  }
  ensemble.votes_.resize(total);
  for (std::size_t v = 0; v < weights.size(); ++v) {
    const std::int32_t target = checked_index(vote_targets[v], targets, "target");
    if (leaf_of[v] < 0) continue;
    TreeRange& leaf = ensemble.leaves_[static_cast<std::size_t>(leaf_of[v])];
    ensemble.votes_[leaf.end++] = {target, weights[v]};
  }
  return ensemble;
}

TreeEnsemble TreeEnsemble::from_leaves(const Attributes& attributes, std::int64_t targets) {
  const auto features = attributes.integers("nodes_featureids");
  const std::size_t count = features.size();
  require_countable(count, "nodes");
  const auto on_true = integer_list(attributes, "nodes_truenodeids", count);
  const auto on_false = integer_list(attributes, "nodes_falsenodeids", count);
  const auto true_is_leaf = integer_list(attributes, "nodes_trueleafs", count);
  const auto false_is_leaf = integer_list(attributes, "nodes_falseleafs", count);
  const auto missing = missing_list(attributes, count);
  const auto splits = tensor_list(attributes, "nodes_splits", count);
  const auto* modes = attributes.get<Tensor>("nodes_modes");
  require_size(modes == nullptr ? 0 : static_cast<std::size_t>(modes->size()), count,
               "nodes_modes");
  const auto targets_of = attributes.integers("leaf_targetids");
  const auto weights = tensor_list(attributes, "leaf_weights", targets_of.size());
  require_countable(weights.size(), "leaves");

  TreeEnsemble ensemble;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    ensemble.votes_.push_back({checked_index(targets_of[i], targets, "target"), weights[i]});
    ensemble.leaves_.push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i) + 1});
  }

  std::vector<double> members;
  if (const auto* tensor = attributes.get<Tensor>("membership_values")) {
    members =
        tensor_list(attributes, "membership_values", static_cast<std::size_t>(tensor->size()));
  }
  require_countable(members.size(), "members");
  auto next = members.begin();  // what is left of the sets, each up to a NaN

  const auto child = [&](std::int64_t id, bool is_leaf) {
    return is_leaf ? ~checked_index(id, std::ssize(weights), "leaf")
                   : checked_index(id, static_cast<std::int64_t>(count), "node");
  };
  ensemble.nodes_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    TreeNode node{};
    node.split = splits[i];
    node.on_true = child(on_true[i], true_is_leaf[i] != 0);
    node.on_false = child(on_false[i], false_is_leaf[i] != 0);
    // A tree that is a single leaf needs no feature.
    const bool needs_feature = node.on_true != node.on_false || node.on_true >= 0;
    node.feature = needs_feature ? checked_index(features[i], most_targets, "feature") : 0;
    node.mode =
        static_cast<TreeMode>(checked_index(modes->as<std::uint8_t>()[i], std::int64_t{7}, "mode"));
    node.nan_is_true = !missing.empty() && missing[i] != 0;
    if (node.mode == TreeMode::member) {
      if (next == members.end()) fail_attribute("membership_values has too few sets");
      const auto end = std::find_if(next, members.end(), [](double x) { return std::isnan(x); });
      node.members.begin = static_cast<std::uint32_t>(ensemble.members_.size());
      ensemble.members_.insert(ensemble.members_.end(), next, end);
      node.members.end = static_cast<std::uint32_t>(ensemble.members_.size());
      std::sort(ensemble.members_.begin() + node.members.begin, ensemble.members_.end());
      next = end == members.end() ? end : end + 1;
    }
    ensemble.add_node(node);
  }
  require_attribute(next == members.end(), "membership_values has too many sets");
  ensemble.refuse_cycles();
  for (const std::int64_t root : attributes.integers("tree_roots")) {
    const std::int32_t place = checked_index(root, static_cast<std::int64_t>(count), "root");
    const TreeNode& node = ensemble.nodes_[static_cast<std::size_t>(place)];
    const bool is_leaf = node.on_true == node.on_false && node.on_true < 0;
    ensemble.roots_.push_back(is_leaf ? node.on_true : place);
  }
  return ensemble;
}

}  // namespace inlay::inline v0::kernels
