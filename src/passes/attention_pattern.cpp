// Looks for attention from its last node upwards: MatMul or Einsum, Softmax, mask, scale, MatMul or
// Einsum, and what puts heads first.
#include "passes/attention_pattern.hpp"

#include <algorithm>
#include <cctype>

#include "passes/constants.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

/// Whether the node multiplies four-axis values as an Einsum like `form` does, letter for letter.
bool is_einsum(const Node& node, std::string_view form) {
  if (!node.is("Einsum") || node.inputs.size() != 2) return false;
  std::string equation(node.attributes.text("equation", ""));
  std::erase(equation, ' ');
  if (equation.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    for (std::size_t k = 0; k <= i; ++k) {
      if ((form[i] == form[k]) != (equation[i] == equation[k])) return false;
    }
    if (std::isalpha(static_cast<unsigned char>(form[i])) == 0 && form[i] != equation[i])
      return false;
  }
  return true;
}

bool is_scores(const Node& node) { return node.is("MatMul") || is_einsum(node, "bhid,bhjd->bhij"); }

/// Looks for an attention from its last node upwards.
class Search {
 public:
  explicit Search(const Editor& editor) : editor_(editor), graph_(editor.graph()) {}

  std::optional<Attention> from(NodeId id) {
    found_ = {};
    const Node& last = graph_.node(id);
    const bool is_last = last.is("MatMul") || is_einsum(last, "bhij,bhjd->bhid");
    if (!is_last || last.output(0) == no_id) return std::nullopt;
    const Node* softmax = inner(last.input(0), "Softmax");
    if (softmax == nullptr || !is_over_last_axis(*softmax)) return std::nullopt;
    ValueId scores = softmax->input(0);
    if (!take_mask(scores)) return std::nullopt;
    while (editor_.single_use(scores) && take_factor(scores)) {
    }
    const Node* product = producer(scores);
    found_.mask_widens =
        !same_shape(graph_.value(scores).type, graph_.value(softmax->input(0)).type);
    if (product == nullptr || !is_scores(*product) || !editor_.single_use(scores)) {
      return std::nullopt;
    }
    const bool has_key = product->is("Einsum") ? set_untransposed_key(product->input(1))
                                               : set_key(product->input(1));
    if (!has_key || !set_query(product->input(0)) || !set_value(last.input(1))) {
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

  /// Moves `scores` to before the mask, if there is one: what is added, what hides, or what hides
  /// after something was added. False: there is one that cannot be taken.
  bool take_mask(ValueId& scores) {
    if (const Node* where = inner(scores, "Where")) {
      const std::size_t i = leads_to_product(where->input(1)) ? 1 : 2;
      if (i == 2 && !leads_to_product(where->input(2))) return false;
      found_.hiding = {where->input(0), where->input(3 - i), i == 2};
      const Tensor* addend = graph_.constant(found_.hiding.value);
      if (addend == nullptr || addend->size() != 1 || addend->rank() > 4) return false;
      scores = where->input(i);
      const Type& condition = graph_.value(found_.hiding.condition).type;
      if (!(uniform_value(*addend).value_or(0) <= hides) || !condition.has_rank ||
          condition.rank() > 4) {
        return false;
      }
    }
    if (const Node* add = inner(scores, "Add")) {
      const std::size_t i = leads_to_product(add->input(0)) ? 0 : 1;
      if (i == 1 && !leads_to_product(add->input(1))) return false;
      found_.mask = add->input(1 - i);
      scores = add->input(i);
      return graph_.value(found_.mask).type.has_rank && graph_.value(found_.mask).type.rank() <= 4;
    }
    return true;
  }

  bool leads_to_product(ValueId value, int steps = 4) const {
    const Node* node = producer(value);
    if (node == nullptr || steps == 0) return false;
    if (is_scores(*node)) return has_four_axes(value);
    if (node->is("Add")) {
      return leads_to_product(node->input(0), steps - 1) ||
             leads_to_product(node->input(1), steps - 1);
    }
    if (!node->is("Mul") && !node->is("Div")) return false;
    return leads_to_product(node->input(graph_.constant(node->input(0)) != nullptr ? 1 : 0),
                            steps - 1);
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
    return has_perm(node, {0, 1, 3, 2}) && set_untransposed_key(node->input(0));
  }

  bool set_untransposed_key(ValueId value) {
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

}  // namespace

bool has_perm(const Node* node, const std::vector<std::int64_t>& perm) {
  if (node == nullptr || !node->is("Transpose")) return false;
  const auto* own = node->attributes.get<std::vector<std::int64_t>>("perm");
  return own != nullptr && *own == perm;
}

std::optional<Attention> find_attention(const Editor& editor, NodeId id) {
  return Search(editor).from(id);
}

}  // namespace inlay::inline v0::passes
