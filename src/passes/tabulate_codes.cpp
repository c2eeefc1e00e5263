#include "passes/tabulate_codes.hpp"

#include <unordered_map>

#include "passes/elementwise.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr std::size_t most_nodes = 24;  // of a function

ValueId all_codes(Editor& editor, DType dtype) {
  Tensor codes(dtype, Shape{256});
  auto* const to = static_cast<std::uint8_t*>(codes.mutable_data());
  for (int i = 0; i < 256; ++i) to[i] = static_cast<std::uint8_t>(i);
  return editor.add_constant("codes", std::move(codes));
}

/// The elementwise expression below a QuantizeLinear: nodes down to codes of one tensor.
class CodeFunction {
 public:
  CodeFunction(Editor& editor, const Node& quantize)
      : editor_(editor), valid_(visit(quantize.input(0)) && root_ != no_id) {}

  bool is_valid() const { return valid_; }
  ValueId root() const { return root_; }

  /// The value of the expression for every code of the root in turn.
  ValueId evaluate(ValueId value) {
    const auto known = copies_.find(value);
    if (known != copies_.end()) return known->second;
    const Graph& graph = editor_.graph();
    if (graph.constant(value) != nullptr) return value;
    Node copy = *graph.producer(value);
    copy.outputs.clear();
    copy.name.clear();
    if (is_leaf(copy)) {
      copy.inputs[0] = codes(copy.input(0));
    } else {
      for (ValueId& input : copy.inputs) {
        if (input != no_id) input = evaluate(input);
      }
    }
    const Type type = Type::tensor(graph.value(value).type.dtype, Shape{256});
    const ValueId result = editor_.add_node(std::move(copy), "table", type);
    copies_.emplace(value, result);
    return result;
  }

 private:
  static bool is_leaf(const Node& node) { return node.is("DequantizeLinear"); }

  /// Where codes are looked up, or the codes themselves.
  ValueId source(ValueId q) const {
    const Node* node = editor_.graph().producer(q);
    return node != nullptr && node->is("CodeTable", "inlay") ? node->input(0) : q;
  }

  bool visit(ValueId value) {
    const Graph& graph = editor_.graph();
    if (value == no_id) return true;
    if (const Tensor* constant = graph.constant(value)) return constant->size() == 1;
    const Node* node = graph.producer(value);
    if (node == nullptr || graph.value(value).type.dtype != DType::float32) return false;
    if (is_leaf(*node)) {
      const auto from = dequantized_tensor(graph, value);
      if (!from || graph.constant(from->q) != nullptr) return false;
      if (root_ != no_id && root_ != source(from->q)) return false;
      root_ = source(from->q);
      return true;
    }
    if (!is_elementwise(*node) || node->outputs.size() != 1) return false;
    if (++nodes_ > most_nodes) return false;
    return std::all_of(node->inputs.begin(), node->inputs.end(),
                       [&](ValueId input) { return visit(input); });
  }

  /// The codes of `q` for every code of the root.
  ValueId codes(ValueId q) {
    if (q != root_) return editor_.graph().producer(q)->input(1);
    if (codes_ == no_id) codes_ = all_codes(editor_, editor_.graph().value(root_).type.dtype);
    return codes_;
  }

  Editor& editor_;
  std::size_t nodes_ = 0;
  ValueId root_ = no_id, codes_ = no_id;
  std::unordered_map<ValueId, ValueId> copies_;
  bool valid_;
};

void look_up(Editor& editor, NodeId id, ValueId codes, ValueId real) {
  Node quantize = editor.graph().node(id);
  const Type type = Type::tensor(editor.graph().value(quantize.output(0)).type.dtype, Shape{256});
  quantize.outputs.clear();
  quantize.name.clear();
  quantize.inputs[0] = real;
  const ValueId table = editor.add_node(std::move(quantize), "table", type);
  editor.rewrite(id,
                 {.domain = "inlay", .op = "CodeTable", .version = 1, .inputs = {codes, table}});
}

}  // namespace

bool tabulate_codes(Editor& editor, NodeId id) {
  const Node& quantize = editor.graph().node(id);
  const ValueId real = quantize.input(0);
  CodeFunction function(editor, quantize);
  if (!function.is_valid()) return false;
  // Constants broadcast, so that the shape is that of the codes but for its rank.
  const Type &from = editor.graph().value(function.root()).type,
             &to = editor.graph().value(real).type;
  if (!from.has_rank || from.rank() != to.rank()) return false;
  look_up(editor, id, function.root(), function.evaluate(real));
  return true;
}

void convert_codes(Editor& editor, NodeId id, const QuantizedValue& from) {
  Node real{.op = "DequantizeLinear", .version = 13};
  real.inputs = {all_codes(editor, editor.graph().value(from.q).type.dtype), from.scale};
  if (from.zero_point != no_id) real.inputs.push_back(from.zero_point);
  look_up(editor, id, from.q,
          editor.add_node(std::move(real), "table", Type::tensor(DType::float32, Shape{256})));
}

}  // namespace inlay::inline v0::passes
