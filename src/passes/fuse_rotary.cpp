// Rotary position embeddings (Su et al., "RoFormer", 2021) written in arithmetic become
// inlay:FusedRotaryEmbedding: of neighbours, which exporters take apart with Gathers and join with
// a Concat, and of halves, x * cos + Concat(-x2, x1) * sin.
#include "passes/match.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

bool is_last_axis(std::int64_t axis, int rank) { return axis == -1 || axis == rank - 1; }

/// Whether value `slot` is the constant integer `wanted`.
bool is_integer(const Graph& graph, ValueId value, std::int64_t wanted) {
  const auto numbers = integers(graph, value);
  return numbers && numbers->size() == 1 && numbers->front() == wanted;
}

class Rotary {
 public:
  explicit Rotary(Editor& editor) : editor_(editor), graph_(editor.graph()) {}

  void neighbours(NodeId id) {
    const Node& concat = graph_.node(id);
    if (!concat.is("Concat") || concat.inputs.size() != 2) return;
    Match match(editor_);
    if (!match.find(neighbours_, id)) return;
    const Type type = graph_.value(match[pairs]).type;
    const int rank = type.rank();
    const std::int64_t count = rank < 2 ? -1 : type.dims[static_cast<std::size_t>(rank - 2)].value;
    const auto takes = [&](int slot, int index, std::int64_t wanted) {
      return graph_.value(match[index]).type.rank() == 0 &&
             is_integer(graph_, match[index], wanted) &&
             is_last_axis(match.node(slot).attributes.integer("axis", 0), rank);
    };
    const auto adds_axis = [&](int slot) {
      const auto axes = axes_of(match.node(slot));
      return axes.size() == 1 && is_last_axis(axes[0], rank);
    };
    if (rank < 2 || count <= 0 || type.dims.back().value != 2 || !takes(first, zero, 0) ||
        !takes(second, one, 1) || !adds_axis(low) || !adds_axis(high) ||
        !is_last_axis(concat.attributes.integer("axis", 0), rank) || !fits(match, rank - 1) ||
        graph_.value(concat.output(0)).type.rank() != rank) {
      return;
    }
    const Type joined_type = graph_.value(concat.output(0)).type;
    const std::string name = graph_.value(concat.output(0)).name;
    Type rows_type = type;
    rows_type.dims.pop_back();
    rows_type.dims.back() = 2 * count;
    const ValueId rows =
        editor_.add_node(reshape(match[pairs], rows_type), name + ".rows", rows_type);
    Node rotary = fused(match, rows);
    rotary.attributes.set("interleaved", std::int64_t{1});
    Type rotated_type = joined_type;  // the angles may have added to its rows
    rotated_type.dims.pop_back();
    rotated_type.dims.back() = 2 * count;
    const ValueId rotated =
        editor_.add_node(std::move(rotary), name + ".rotated", std::move(rotated_type));
    editor_.rewrite(id, reshape(rotated, joined_type));
  }

  void halves(NodeId id) {
    if (!graph_.node(id).is("Add")) return;
    Match match(editor_);
    if (!match.find(halves_, id)) return;
    const Type& type = graph_.value(match[x]).type;
    const int rank = type.rank();
    const std::int64_t size = rank < 1 ? -1 : type.dims.back().value;
    if (size <= 0 || size % 2 != 0 || match.node(joined).inputs.size() != 2 ||
        !is_last_axis(match.node(joined).attributes.integer("axis", 0), rank) ||
        !cuts(match, high, start, end, size / 2, size, rank) ||
        !cuts(match, low, zero, one, 0, size / 2, rank) || !fits(match, rank)) {
      return;
    }
    editor_.rewrite(id, fused(match, match[x]));
  }

 private:
  enum Slot { x, cosines, sines, pairs, first, second, zero, one, low, high, joined, start, end };

  /// Neighbours taken apart, rotated, and side by side again.
  static Pattern neighbours_pattern() {
    const Pattern a = op("Gather", {value(pairs), constant(zero)}, first);
    const Pattern b = op("Gather", {value(pairs), constant(one)}, second);
    const auto product = [](const Pattern& p, int angle) { return op("Mul", {p, value(angle)}); };
    const Pattern difference = op("Sub", {product(a, cosines), product(b, sines)});
    const Pattern sum = op("Add", {product(a, sines), product(b, cosines)});
    return op("Concat", {op("Unsqueeze", {difference}, low), op("Unsqueeze", {sum}, high)});
  }

  /// The halves as they are by cosines, and exchanged by sines.
  static Pattern halves_pattern() {
    const Pattern second_half = op("Slice", {value(x), constant(start), constant(end)}, high);
    const Pattern first_half = op("Slice", {value(x), constant(zero), constant(one)}, low);
    const Pattern rotated = op("Concat", {op("Neg", {second_half}), first_half}, joined);
    return op("Add", {op("Mul", {value(x), value(cosines)}), op("Mul", {rotated, value(sines)})});
  }

  std::vector<std::int64_t> axes_of(const Node& node) const {
    if (node.version >= 13)
      return integers(graph_, node.input(1)).value_or(std::vector<std::int64_t>{});
    const auto axes = node.attributes.integers("axes");
    return {axes.begin(), axes.end()};
  }

  /// Whether a Slice takes elements [from, to) of a last axis of `size`.
  bool cuts(const Match& match, int slice, int start_slot, int end_slot, std::int64_t from,
            std::int64_t to, int rank) const {
    const Node& node = match.node(slice);
    const auto axes = integers(graph_, node.input(3));
    const auto ends = integers(graph_, match[end_slot]);
    const std::int64_t size = graph_.value(match[x]).type.dims.back().value;
    const bool by_one = !node.has_input(4) || is_integer(graph_, node.input(4), 1);
    return axes && axes->size() == 1 && is_last_axis(axes->front(), rank) && by_one && ends &&
           ends->size() == 1 && is_integer(graph_, match[start_slot], from) &&
           (ends->front() == to || (to == size && ends->front() > size));
  }

  /// Whether cosines and sines have an angle for each pair or element, and no more axes than x.
  bool fits(const Match& match, int rank) const {
    const auto angles = [&](int slot) {
      const Type& type = graph_.value(match[slot]).type;
      const bool known = type.rank() >= 1 && type.rank() <= rank;
      return known ? type.dims.back().value : -1;
    };
    const Type& of = graph_.value(match[pairs] != no_id ? match[first] : match[x]).type;
    return of.rank() == rank && is_floating(of.dtype) && of.dims.back().known() &&
           angles(cosines) == of.dims.back().value && angles(sines) == of.dims.back().value;
  }

  static Node fused(const Match& match, ValueId rows) {
    Node node{.domain = "inlay", .op = "FusedRotaryEmbedding", .version = 1};
    node.inputs = {rows, match[cosines], match[sines]};
    return node;
  }

  /// To a type with the same leading dims: those that are not known are kept.
  Node reshape(ValueId value, const Type& type) {
    std::vector<std::int64_t> target;
    for (const Dim& dim : type.dims) target.push_back(dim.known() ? dim.value : 0);
    Node node{.op = "Reshape", .version = 13};
    node.inputs = {
        value, editor_.add_constant(
                   graph_.value(value).name + ".shape",
                   Tensor::copy_of(std::span<const std::int64_t>(target), {std::ssize(target)}))};
    return node;
  }

  Editor& editor_;
  Graph& graph_;
  const Pattern neighbours_ = neighbours_pattern();
  const Pattern halves_ = halves_pattern();
};

}  // namespace

void fuse_rotary(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  Rotary rotary(editor);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    rotary.neighbours(id);
    rotary.halves(id);
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
