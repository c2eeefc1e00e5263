// A product by a constant matrix between a Reshape that makes its data a matrix and one that undoes
// that needs neither: it takes any number of axes. So activations and residuals behind come into
// reach of the product.
#include <algorithm>

#include "passes/linear.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

/// Whether both have the same dims but for the last.
bool same_rows(const Type& a, const Type& b) {
  return a.rank() == b.rank() &&
         std::equal(a.dims.begin(), a.dims.end() - 1, b.dims.begin(),
                    [](const Dim& x, const Dim& y) { return x.same_as(y); });
}

/// The data of `product` with the rows of a result `to`; no_id when that is not known.
ValueId with_rows(Editor& editor, const Node& product, const Type& to) {
  const Graph& graph = editor.graph();
  const ValueId matrix = product.input(0);
  const Node* flatten = graph.producer(matrix);
  if (flatten == nullptr || !flatten->is("Reshape")) return no_id;
  const ValueId source = flatten->input(0);
  const Dim size = graph.value(matrix).type.dims.back();
  const Type& from = graph.value(source).type;
  if (from.rank() >= 2 && same_rows(from, to) && from.dims.back().same_as(size)) return source;
  Type type = to;
  type.dims.back() = size;
  const auto target = reshape_target(type);
  if (!target) return no_id;
  const std::string name = graph.value(matrix).name;
  Node reshape{.op = "Reshape", .version = 13};
  reshape.inputs = {
      source,
      editor.add_constant(name + ".shape", Tensor::copy_of(std::span<const std::int64_t>(*target),
                                                           {std::ssize(*target)}))};
  return editor.add_node(std::move(reshape), name + ".rows", std::move(type));
}

}  // namespace

void unflatten_matmul(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    if (!graph.node(id).is("Reshape")) continue;
    const ValueId result = graph.node(id).input(0);
    const Node* product = open_linear(editor, result);
    if (product == nullptr || product->has_input(residual_input)) continue;
    if (!product->is("MatMul") && !product->is("FusedMatMul", "inlay")) continue;
    const Type to = graph.value(graph.node(id).output(0)).type;
    if (to.rank() < 3 || graph.value(result).type.rank() != 2 ||
        !to.dims.back().same_as(graph.value(result).type.dims.back())) {
      continue;
    }
    Node lifted = *product;
    lifted.inputs[0] = with_rows(editor, lifted, to);
    if (lifted.inputs[0] != no_id) editor.rewrite(id, std::move(lifted));
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
