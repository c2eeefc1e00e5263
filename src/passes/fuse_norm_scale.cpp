// A constant that multiplies the result of a LayerNormalization or RMSNormalization goes into its
// scale, one that is added to a LayerNormalization into its bias.
#include <algorithm>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

/// A constant's elements repeated to fill `shape`; empty optional when its own shape, leading ones
/// aside, is neither `shape` nor that of one element.
std::optional<std::vector<double>> filling(const Tensor& constant, const Shape& shape) {
  Shape own = constant.shape();
  while (own.rank() > 0 && own.rank() > shape.rank() && own[0] == 1) own.erase(0);
  if (constant.size() != 1 && !(own == shape)) return std::nullopt;
  auto numbers = to_doubles(constant);
  if (numbers) numbers->resize(static_cast<std::size_t>(shape.elements()), numbers->front());
  return numbers;
}

INLAY_COLD void absorb(Editor& editor, NodeId id, ValueId norm_output, ValueId operand) {
  const Graph& graph = editor.graph();
  const Node* norm = graph.producer(norm_output);
  const Tensor* constant = graph.constant(operand);
  if (norm == nullptr || constant == nullptr || !editor.single_use(norm_output)) return;
  const bool layer = norm->is("LayerNormalization");
  if (!layer && !norm->is("RMSNormalization")) return;
  const Tensor* scale = graph.constant(norm->input(1));
  const Tensor* bias = graph.constant(norm->input(2));
  if (scale == nullptr || (norm->has_input(2) && bias == nullptr)) return;
  const int rank = graph.value(norm_output).type.rank();
  const Shape shape = scale->shape();
  const auto factors = to_doubles(*scale);
  const auto numbers = constant->rank() <= rank ? filling(*constant, shape) : std::nullopt;
  if (!factors || !numbers || !is_floating(scale->dtype()) || factors->empty()) return;
  std::vector<double> new_scale = *factors;
  std::vector<double> new_bias(factors->size(), 0.0);
  if (bias != nullptr) new_bias = *to_doubles(*bias);
  if (new_bias.size() != new_scale.size()) return;
  const bool multiplies = graph.node(id).is("Mul");
  if (!multiplies && !layer) return;
  for (std::size_t i = 0; i < new_scale.size(); ++i) {
    if (multiplies) new_scale[i] *= (*numbers)[i];
    new_bias[i] = multiplies ? new_bias[i] * (*numbers)[i] : new_bias[i] + (*numbers)[i];
  }
  const DType dtype = scale->dtype();
  const std::string name = graph.value(graph.node(id).output(0)).name;
  Node merged = *norm;
  merged.inputs.resize(2);
  if (multiplies) {
    merged.inputs[1] = editor.add_constant(name + ".scale", from_doubles(new_scale, dtype, shape));
  }
  if (bias != nullptr || !multiplies) {
    merged.inputs.push_back(
        editor.add_constant(name + ".bias", from_doubles(new_bias, dtype, shape)));
  }
  editor.rewrite(id, std::move(merged));
}

}  // namespace

void fuse_norm_scale(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (!graph.nodes[i].is("Mul") && !graph.nodes[i].is("Add")) continue;
    const ValueId a = graph.nodes[i].input(0);
    const ValueId b = graph.nodes[i].input(1);
    if (graph.constant(a) != nullptr) {
      absorb(editor, id, b, a);
    } else {
      absorb(editor, id, a, b);
    }
  }
}

}  // namespace inlay::inline v0::passes
