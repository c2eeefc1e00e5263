#include "passes/linear.hpp"

namespace inlay::inline v0::passes {
namespace {

bool is_fused(const Node& node) {
  return node.is("FusedConv", "com.microsoft") || node.is("FusedMatMul", "inlay");
}

}  // namespace

const Node* open_linear(const Editor& editor, ValueId value) {
  const Graph& graph = editor.graph();
  if (value == no_id || !editor.single_use(value)) return nullptr;
  const Node* node = graph.producer(value);
  if (node == nullptr || !is_floating(graph.value(value).type.dtype)) return nullptr;
  if (is_fused(*node)) return node->attributes.has("activation") ? nullptr : node;
  if (node->is("Conv")) return node;
  if (!node->is("MatMul")) return nullptr;
  const Tensor* weights = graph.constant(node->input(weights_input));
  return weights != nullptr && weights->rank() == 2 ? node : nullptr;
}

Node fused_form(Node linear) {
  if (is_fused(linear)) return linear;
  const bool conv = linear.op == "Conv";
  linear.op = conv ? "FusedConv" : "FusedMatMul";
  linear.domain = conv ? "com.microsoft" : "inlay";
  linear.version = 1;
  return linear;
}

}  // namespace inlay::inline v0::passes
