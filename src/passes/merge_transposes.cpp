// Transposes: two in a row become one, one that only moves axes of size 1 becomes a Reshape, and
// one behind element-wise nodes that undoes the transposes before them goes, together with those.
#include <algorithm>
#include <numeric>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/elementwise.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

using Permutation = std::vector<std::int64_t>;

bool is_transpose(const Node& node) {
  return node.is("Transpose") && node.has_input(0) && node.output(0) != no_id;
}

/// Empty when the rank is not known or the attribute is no permutation.
Permutation permutation(const Graph& graph, const Node& node) {
  const auto* perm = node.attributes.get<Permutation>("perm");
  if (perm != nullptr) {
    Permutation sorted = *perm;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (sorted[i] != static_cast<std::int64_t>(i)) return {};
    }
    return *perm;
  }
  const Type& type = graph.value(node.input(0)).type;
  if (!type.has_rank) return {};
  Permutation reversed(type.dims.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return reversed;
}

/// The permutation of `first`, then `second`.
Permutation compose(const Permutation& first, const Permutation& second) {
  Permutation both;
  for (const std::int64_t axis : second) both.push_back(first[static_cast<std::size_t>(axis)]);
  return both;
}

bool is_identity(const Permutation& perm) { return std::is_sorted(perm.begin(), perm.end()); }

template <class T>
std::vector<T> permuted(const std::vector<T>& axes, const Permutation& perm) {
  std::vector<T> result;
  for (const std::int64_t axis : perm) result.push_back(axes[static_cast<std::size_t>(axis)]);
  return result;
}

/// Takes a Transpose upstream through element-wise nodes, to where others cancel it.
class Upstream {
 public:
  Upstream(Editor& editor, const Permutation& perm) : editor_(editor), perm_(perm) {}

  /// Whether `value` can be had transposed without a Transpose.
  bool reachable(ValueId value, int depth = 0) const {
    const Graph& graph = editor_.graph();
    if (const Tensor* constant = graph.constant(value)) {
      return constant->size() == 1 ||
             (constant->rank() <= std::ssize(perm_) && is_plain_number(constant->dtype()));
    }
    const Node* node = graph.producer(value);
    if (node == nullptr) return false;
    if (is_transpose(*node)) return cancels(*node);
    return depth < max_depth && is_elementwise(*node) && editor_.single_use(value) &&
           graph.value(value).type.rank() == std::ssize(perm_) &&
           std::all_of(node->inputs.begin(), node->inputs.end(), [&](ValueId input) {
             return input == no_id || reachable(input, depth + 1);
           });
  }

  /// The value transposed, given that it is reachable.
  ValueId transposed(ValueId value) {
    Graph& graph = editor_.graph();
    if (const Tensor* constant = graph.constant(value)) {
      if (constant->size() == 1) return value;
      Shape shape = constant->shape();
      while (shape.rank() < std::ssize(perm_)) shape.insert(0, 1);
      return editor_.add_constant(graph.value(value).name + ".transposed",
                                  passes::transposed(constant->reshaped(shape), perm_));
    }
    const NodeId id = graph.value(value).producer;
    if (is_transpose(graph.node(id))) return graph.node(id).input(0);
    for (std::size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
      const ValueId input = graph.node(id).inputs[i];
      if (input != no_id) editor_.set_input(id, i, transposed(input));
    }
    std::vector<Dim>& dims = graph.value(value).type.dims;
    dims = permuted(dims, perm_);
    return value;
  }

 private:
  static constexpr int max_depth = 64;

  bool cancels(const Node& node) const {
    const Permutation before = permutation(editor_.graph(), node);
    return before.size() == perm_.size() && is_identity(compose(before, perm_));
  }

  Editor& editor_;
  const Permutation& perm_;
};

/// Whether the axes whose size may not be 1 keep their order.
bool moves_only_ones(const Type& type, const Permutation& perm) {
  std::int64_t last = -1;
  for (const std::int64_t axis : perm) {
    if (type.dims[static_cast<std::size_t>(axis)].value == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

void simplify(Editor& editor, NodeId id) {
  const Graph& graph = editor.graph();
  Permutation perm = permutation(graph, graph.node(id));
  ValueId source = graph.node(id).input(0);
  const ValueId output = graph.node(id).output(0);
  const Node* before = graph.producer(source);
  if (perm.empty()) return;
  if (before != nullptr && is_transpose(*before)) {
    const Permutation first = permutation(graph, *before);
    if (first.size() == perm.size()) {
      perm = compose(first, perm);
      source = before->input(0);
    }
  }
  if (is_identity(perm) && editor.bypass(id, source)) return;
  const Type& type = graph.value(source).type;
  if (type.rank() == std::ssize(perm) && moves_only_ones(type, perm)) {
    if (same_shape(type, graph.value(output).type) && editor.bypass(id, source)) return;
    if (const auto target = reshape_target(graph.value(output).type)) {
      Node reshape{.op = "Reshape", .version = 13};
      reshape.inputs = {source,
                        editor.add_constant(graph.value(output).name + ".shape",
                                            Tensor::copy_of(std::span<const std::int64_t>(*target),
                                                            {std::ssize(*target)}))};
      return editor.rewrite(id, std::move(reshape));
    }
  }
  if (source != graph.node(id).input(0)) {
    Node transpose{.op = "Transpose", .version = 13};
    transpose.inputs = {source};
    transpose.attributes.set("perm", perm);
    return editor.rewrite(id, std::move(transpose));
  }
  Upstream upstream(editor, perm);
  if (before != nullptr && upstream.reachable(source)) {
    editor.bypass(id, upstream.transposed(source));
  }
}

}  // namespace

void merge_transposes(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (is_transpose(graph.nodes[i])) simplify(editor, static_cast<NodeId>(i));
  }
}

}  // namespace inlay::inline v0::passes
