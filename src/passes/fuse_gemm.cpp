// Gemm by a constant matrix becomes inlay:FusedMatMul: transposition and the scalars go into the
// constants, so that one operator serves all later fusions.
#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

/// C as a bias of `columns` elements; empty optional when it is something else.
std::optional<std::vector<double>> constant_bias(const Tensor& c, std::int64_t columns) {
  const bool row = c.size() == columns && (c.rank() <= 1 || c.shape().back() == columns);
  if (!row && c.size() != 1) return std::nullopt;
  auto bias = to_doubles(c);
  if (bias) bias->resize(static_cast<std::size_t>(columns), bias->empty() ? 0 : bias->front());
  return bias;
}

bool has_shape(const Type& type, std::int64_t columns) {
  return type.rank() == 1 && type.dims[0].value == columns;
}

void rewrite(Editor& editor, NodeId id) {
  const Graph& graph = editor.graph();
  const Node& gemm = graph.node(id);
  const Tensor* b = graph.constant(gemm.input(1));
  if (b == nullptr || b->rank() != 2 || !is_floating(b->dtype()) ||
      gemm.attributes.integer("transA", 0) != 0) {
    return;
  }
  const bool transposes = gemm.attributes.integer("transB", 0) != 0;
  const double alpha = gemm.attributes.real("alpha", 1);
  const double beta = gemm.attributes.real("beta", 1);
  const std::int64_t columns = b->dim(transposes ? 0 : 1);
  const std::string name = graph.value(gemm.output(0)).name;
  Node product{.domain = "inlay", .op = "FusedMatMul", .version = 1};
  product.inputs = {gemm.input(0), gemm.input(1)};
  std::optional<Tensor> bias;
  if (gemm.has_input(2)) {
    if (const Tensor* c = graph.constant(gemm.input(2))) {
      auto numbers = constant_bias(*c, columns);
      if (!numbers) return;
      for (double& number : *numbers) number *= beta;
      bias = from_doubles(*numbers, b->dtype(), {columns});
    } else if (beta == 1 && has_shape(graph.value(gemm.input(2)).type, columns)) {
      product.inputs.push_back(gemm.input(2));
    } else {
      return;
    }
  }
  Tensor weights = *b;
  if (transposes) weights = transposed(weights, std::vector<std::int64_t>{1, 0});
  if (alpha != 1) {
    weights = scaled(weights, 1, std::vector<double>(static_cast<std::size_t>(columns), alpha));
  }
  if (transposes || alpha != 1) {
    product.inputs[1] = editor.add_constant(name + ".weights", std::move(weights));
  }
  if (bias) product.inputs.push_back(editor.add_constant(name + ".bias", *bias));
  editor.rewrite(id, std::move(product));
}

}  // namespace

void fuse_gemm(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.is("Gemm") && node.output(0) != no_id) rewrite(editor, static_cast<NodeId>(i));
  }
}

}  // namespace inlay::inline v0::passes
