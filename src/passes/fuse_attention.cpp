// Scaled dot-product attention written as MatMul, scale, mask, Softmax and MatMul (Vaswani et al.,
// 2017) becomes inlay:FusedAttention. It reads Q, K and V as they were before the Transposes that
// put heads first, and before each head of K and V was repeated for several of Q.
//
// A row whose scores are all -infinity gives zeros then, where Softmax gives NaN.
#include <algorithm>
#include <map>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

using Permutation = std::vector<std::int64_t>;

constexpr double hides = -1e30;  // added to a score, this or less leaves nothing of its weight

bool has_perm(const Node* node, const Permutation& perm) {
  if (node == nullptr || !node->is("Transpose")) return false;
  const auto* own = node->attributes.get<Permutation>("perm");
  return own != nullptr && *own == perm;
}

/// Q, K or V and whether its axes are [batch, rows, heads, size].
struct Operand {
  ValueId value = no_id;
  bool by_row = false;
};

/// An addend of scores: `value` where the condition is `wanted`, else nothing.
struct Hiding {
  ValueId condition = no_id;
  ValueId value = no_id;
  bool wanted = false;

  friend auto operator<=>(const Hiding&, const Hiding&) = default;
};

struct Attention {
  Operand q, k, v;
  double scale = 1;
  ValueId mask = no_id;
  Hiding hiding;
  bool mask_widens = false;  ///< perhaps: scores may have fewer elements than with the mask
};

/// Looks for an attention from its last node upwards.
class Search {
 public:
  explicit Search(const Editor& editor) : editor_(editor), graph_(editor.graph()) {}

  std::optional<Attention> from(NodeId id) {
    found_ = {};
    const Node& last = graph_.node(id);
    if (!last.is("MatMul") || last.output(0) == no_id) return std::nullopt;
    const Node* softmax = inner(last.input(0), "Softmax");
    if (softmax == nullptr || !is_over_last_axis(*softmax)) return std::nullopt;
    ValueId scores = softmax->input(0);
    if (!take_mask(scores)) return std::nullopt;
    while (editor_.single_use(scores) && take_factor(scores)) {
    }
    const Node* product = inner(scores, "MatMul");
    found_.mask_widens =
        !same_shape(graph_.value(scores).type, graph_.value(softmax->input(0)).type);
    if (product == nullptr || !set_query(product->input(0)) || !set_key(product->input(1)) ||
        !set_value(last.input(1))) {
      return std::nullopt;
    }
    return found_;
  }

 private:
  const Node* producer(ValueId value) const {
    return value != no_id ? graph_.producer(value) : nullptr;
  }

  /// The producer of a value that nobody else needs.
  const Node* inner(ValueId value, std::string_view op) const {
    const Node* node = producer(value);
    return node != nullptr && node->is(op) && editor_.single_use(value) ? node : nullptr;
  }

  bool has_four_axes(ValueId value) const {
    return value != no_id && graph_.value(value).type.rank() == 4 &&
           is_floating(graph_.value(value).type.dtype);
  }

  bool is_over_last_axis(const Node& softmax) const {
    const std::int64_t axis = softmax.attributes.integer("axis", softmax.version < 13 ? 1 : -1);
    return has_four_axes(softmax.input(0)) && (axis == -1 || axis == 3);
  }

  /// Moves `value` to before a factor or divisor, which goes into the scale.
  bool take_factor(ValueId& value) {
    const Node* node = producer(value);
    if (node == nullptr || (!node->is("Mul") && !node->is("Div"))) return false;
    const bool divides = node->is("Div");
    for (const std::size_t i : {std::size_t{1}, std::size_t{0}}) {
      const Tensor* tensor = graph_.constant(node->input(i));
      if (tensor == nullptr || tensor->size() != 1 || tensor->rank() > 4 || (divides && i == 0)) {
        continue;
      }
      const auto factor = uniform_value(*tensor);
      if (!factor || (divides && *factor == 0)) return false;
      found_.scale *= divides ? 1 / *factor : *factor;
      value = node->input(1 - i);
      return true;
    }
    return false;
  }

  /// Moves `scores` to before the mask, if there is one. False: there is one that cannot be taken.
  bool take_mask(ValueId& scores) {
    if (const Node* add = inner(scores, "Add")) {
      const std::size_t i = leads_to_product(add->input(0)) ? 0 : 1;
      if (i == 1 && !leads_to_product(add->input(1))) return false;
      found_.mask = add->input(1 - i);
      scores = add->input(i);
      return graph_.value(found_.mask).type.has_rank && graph_.value(found_.mask).type.rank() <= 4;
    }
    if (const Node* where = inner(scores, "Where")) {
      const std::size_t i = leads_to_product(where->input(1)) ? 1 : 2;
      if (i == 2 && !leads_to_product(where->input(2))) return false;
      found_.hiding = {where->input(0), where->input(3 - i), i == 2};
      const Tensor* addend = graph_.constant(found_.hiding.value);
      if (addend == nullptr || addend->size() != 1 || addend->rank() > 4) return false;
      scores = where->input(i);
      const Type& condition = graph_.value(found_.hiding.condition).type;
      return uniform_value(*addend).value_or(0) <= hides && condition.has_rank &&
             condition.rank() <= 4;
    }
    return true;
  }

  bool leads_to_product(ValueId value) const {
    for (int steps = 0; steps < 3; ++steps) {
      const Node* node = producer(value);
      if (node == nullptr) return false;
      if (node->is("MatMul")) return has_four_axes(value);
      if (!node->is("Mul") && !node->is("Div")) return false;
      value = node->input(graph_.constant(node->input(0)) != nullptr ? 1 : 0);
    }
    return false;
  }

  bool set_query(ValueId value) {
    while (take_factor(value)) {
    }
    return set(found_.q, value);
  }

  /// From K transposed, [batch, heads, size, rows].
  bool set_key(ValueId value) {
    while (take_factor(value)) {
    }
    const Node* node = producer(value);
    if (has_perm(node, {0, 2, 3, 1})) {
      found_.k = {node->input(0), true};
      return has_four_axes(node->input(0));
    }
    if (!has_perm(node, {0, 1, 3, 2})) return false;
    value = node->input(0);
    while (take_factor(value)) {
    }
    return set(found_.k, without_repetition(value));
  }

  bool set_value(ValueId value) { return set(found_.v, without_repetition(value)); }

  bool set(Operand& operand, ValueId value) const {
    operand = {value, false};
    const Node* node = producer(value);
    if (has_perm(node, {0, 2, 1, 3})) operand = {node->input(0), true};
    return has_four_axes(operand.value);
  }

  /// Heads of K or V before each was repeated for several heads of Q: by a Gather with indices such
  /// as 0 0 1 1, or by Unsqueeze, Expand and Reshape.
  ValueId without_repetition(ValueId value) const {
    const Node* node = producer(value);
    if (node == nullptr || !has_four_axes(value)) return value;
    if (node->is("Gather") && node->attributes.integer("axis", 0) == 1) {
      const auto heads = integers(graph_, node->input(1));
      const ValueId source = node->input(0);
      if (!heads || heads->empty() || !has_four_axes(source)) return value;
      const std::int64_t few = graph_.value(source).type.dims[1].value;
      if (few <= 0 || std::ssize(*heads) % few != 0) return value;
      for (std::int64_t h = 0; h < std::ssize(*heads); ++h) {
        if ((*heads)[static_cast<std::size_t>(h)] != h / (std::ssize(*heads) / few)) return value;
      }
      return source;
    }
    const Node* expand = node->is("Reshape") ? producer(node->input(0)) : nullptr;
    const Node* unsqueeze =
        expand != nullptr && expand->is("Expand") ? producer(expand->input(0)) : nullptr;
    if (unsqueeze == nullptr || !has_four_axes(unsqueeze->input(0))) return value;
    const std::vector<Dim>& few = graph_.value(unsqueeze->input(0)).type.dims;
    const std::vector<Dim>& split = graph_.value(expand->input(0)).type.dims;
    const std::vector<Dim>& repeated = graph_.value(node->input(0)).type.dims;
    const std::vector<Dim>& many = graph_.value(value).type.dims;
    if (split.size() != 5 || repeated.size() != 5 || split[2].value != 1) return value;
    bool same =
        few[1].known() && repeated[2].known() && many[1].value == few[1].value * repeated[2].value;
    for (const std::size_t axis : {0, 1, 2, 3}) {
      const std::size_t behind = axis < 2 ? axis : axis + 1;
      same = same && few[axis].same_as(split[behind]) && split[behind].same_as(repeated[behind]) &&
             (axis == 1 || few[axis].same_as(many[axis]));
    }
    return same ? unsqueeze->input(0) : value;
  }

  const Editor& editor_;
  const Graph& graph_;
  Attention found_;
};

/// Zeros up to the diagonal of a square, and what hides behind it.
bool is_causal(const Shape& shape, const std::vector<double>& addends) {
  const std::int64_t n = shape.rank() > 0 ? shape.back() : 0;
  if (shape.rank() < 2 || shape[shape.rank() - 2] != n || shape.elements() != n * n) return false;
  for (std::int64_t i = 0; i < n * n; ++i) {
    const double addend = addends[static_cast<std::size_t>(i)];
    if (i % n <= i / n ? addend != 0 : !(addend <= hides)) return false;
  }
  return true;
}

/// Writes attentions; equal masks are made once.
class Writer {
 public:
  explicit Writer(Editor& editor) : editor_(editor), graph_(editor.graph()) {}

  /// The node at `id` gives the result, with rows first if `by_row`.
  void write(NodeId id, const Attention& attention, bool by_row) {
    Node node{.domain = "inlay", .op = "FusedAttention", .version = 1};
    node.inputs = {attention.q.value, attention.k.value, attention.v.value};
    node.attributes.set("scale", static_cast<float>(attention.scale));
    const auto set_layout = [&](std::string_view name, bool rows_first) {
      if (rows_first) node.attributes.set(name, std::string("BSNH"));
    };
    set_layout("q_layout", attention.q.by_row);
    set_layout("k_layout", attention.k.by_row);
    set_layout("v_layout", attention.v.by_row);
    set_layout("y_layout", by_row);
    const std::string name = graph_.value(graph_.node(id).output(0)).name;
    const ValueId mask =
        attention.hiding.condition != no_id ? made_of(attention.hiding, name) : attention.mask;
    const Tensor* constant = attention.mask_widens ? nullptr : graph_.constant(mask);
    const auto addends = constant != nullptr ? to_doubles(*constant) : std::nullopt;
    const auto is_zero = [](double addend) { return addend == 0; };
    if (addends && is_causal(constant->shape(), *addends)) {
      node.attributes.set("is_causal", std::int64_t{1});
    } else if (mask != no_id &&
               !(addends && std::all_of(addends->begin(), addends->end(), is_zero))) {
      node.inputs.push_back(mask);
    }
    editor_.rewrite(id, std::move(node));
  }

 private:
  ValueId made_of(const Hiding& hiding, const std::string& name) {
    const auto [place, is_new] = masks_.try_emplace(hiding, no_id);
    ValueId& mask = place->second;
    if (!is_new) return mask;
    const Tensor value = *graph_.constant(hiding.value);
    const double zeros[] = {0.0};
    if (const Tensor* condition = graph_.constant(hiding.condition)) {
      const double addend = *uniform_value(value);
      std::vector<double> addends;
      for (const bool holds : condition->as<bool>()) {
        addends.push_back(holds == hiding.wanted ? addend : 0.0);
      }
      mask = editor_.add_constant(name + ".mask",
                                  from_doubles(addends, value.dtype(), condition->shape()));
      return mask;
    }
    const ValueId zero =
        editor_.add_constant(name + ".zero", from_doubles(zeros, value.dtype(), {}));
    Node where{.op = "Where", .version = 16};
    where.inputs = {hiding.condition, hiding.wanted ? hiding.value : zero,
                    hiding.wanted ? zero : hiding.value};
    const Type type = Type::tensor(value.dtype());
    mask = editor_.add_node(std::move(where), name + ".mask", type);
    return mask;
  }

  Editor& editor_;
  const Graph& graph_;
  std::map<Hiding, ValueId> masks_;
};

}  // namespace

void fuse_attention(Graph& graph, const PassContext& /*context*/) {
  const std::vector<std::vector<NodeId>> readers = graph.consumers();
  Editor editor(graph);
  Search search(editor);
  Writer writer(editor);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const auto attention = search.from(id);
    if (!attention) continue;
    const ValueId result = graph.node(id).output(0);
    const auto& reads = readers[static_cast<std::size_t>(result)];
    const bool turned =
        editor.single_use(result) && has_perm(&graph.node(reads.front()), {0, 2, 1, 3});
    writer.write(turned ? reads.front() : id, *attention, turned);
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
