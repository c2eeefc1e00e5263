// Weights of products that are floats of 16 bits, widened by whoever made the file or by passes
// before, are kept in 16 bits: half as much to hold and to read. Kernels widen them as they go, so
// that answers stay the same to the last bit.
#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/linear.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr std::int64_t few_weights = 1024;  // less is not worth it

bool is_bfloat16(float x) {
  return (std::bit_cast<std::uint32_t>(x) & 0xFFFFU) == 0 && std::isfinite(x);
}
bool is_float16(float x) {
  const float narrow = float16(x);
  return std::isfinite(narrow) &&
         std::bit_cast<std::uint32_t>(narrow) == std::bit_cast<std::uint32_t>(x);
}

/// The same numbers in 16 bits; nothing where that would round some.
std::optional<Tensor> in_16_bits(const Tensor& weights) {
  const auto numbers = weights.as<float>();
  if (std::all_of(numbers.begin(), numbers.end(), is_bfloat16))
    return to_half(weights, DType::bfloat16);
  if (std::all_of(numbers.begin(), numbers.end(), is_float16))
    return to_half(weights, DType::float16);
  return std::nullopt;
}

bool may_be_narrow(const Tensor* weights) {
  return weights != nullptr && weights->dtype() == DType::float32 && weights->rank() >= 2 &&
         weights->shape().back() > 1 && weights->dim(weights->rank() - 2) > 1 &&
         weights->size() >= few_weights;
}

}  // namespace

void narrow_weights(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  std::unordered_map<ValueId, ValueId> known;  // no_id: they stay
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!node.is("MatMul") && !node.is("FusedMatMul", "inlay")) continue;
    const ValueId wide = node.inputs[weights_input];
    if (!may_be_narrow(graph.constant(wide))) continue;
    auto found = known.find(wide);
    if (found == known.end()) {
      std::optional<Tensor> narrow = in_16_bits(*graph.constant(wide));
      const std::string name = graph.value(wide).name;
      found =
          known.emplace(wide, narrow ? editor.add_constant(name, std::move(*narrow)) : no_id).first;
    }
    if (found->second == no_id) continue;
    Node product = fused_form(node);
    product.inputs[weights_input] = found->second;
    editor.rewrite(static_cast<NodeId>(i), std::move(product));
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
