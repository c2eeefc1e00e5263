#include "passes/activation.hpp"

#include <array>
#include <limits>

#include "passes/constants.hpp"

namespace inlay::inline v0::passes {
namespace {

std::optional<double> bound(const Graph& graph, const Node& node, std::size_t input,
                            std::string_view attribute, double absent) {
  if (node.version < 11) return node.attributes.real(attribute, static_cast<float>(absent));
  if (!node.has_input(input)) return absent;
  const Tensor* tensor = graph.constant(node.input(input));
  if (tensor == nullptr || tensor->size() != 1) return std::nullopt;
  return uniform_value(*tensor);
}

}  // namespace

std::optional<std::pair<double, double>> clip_bounds(const Graph& graph, const Node& node) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto low = bound(graph, node, 1, "min", -infinity);
  const auto high = bound(graph, node, 2, "max", infinity);
  if (!low || !high) return std::nullopt;
  return std::pair(*low, *high);
}

std::optional<Activation> activation_of(const Graph& graph, const Node& node) {
  if (!node.domain.empty()) return std::nullopt;
  static constexpr std::array<std::string_view, 6> plain = {"HardSwish", "Mish",     "Relu",
                                                            "Sigmoid",   "Softplus", "Tanh"};
  for (const std::string_view name : plain) {
    if (node.op == name) return Activation{node.op, {}};
  }
  const Attributes& attributes = node.attributes;
  if (node.op == "Clip") {
    const auto bounds = clip_bounds(graph, node);
    if (!bounds) return std::nullopt;
    return Activation{"Clip",
                      {static_cast<float>(bounds->first), static_cast<float>(bounds->second)}};
  }
  if (node.op == "LeakyRelu") return Activation{node.op, {attributes.real("alpha", 0.01f)}};
  if (node.op == "Elu") return Activation{node.op, {attributes.real("alpha", 1)}};
  if (node.op == "HardSigmoid") {
    return Activation{node.op, {attributes.real("alpha", 0.2f), attributes.real("beta", 0.5f)}};
  }
  if (node.op == "Gelu") {
    return Activation{attributes.text("approximate", "none") == "tanh" ? "GeluTanh" : "Gelu", {}};
  }
  if (node.op == "Swish") {
    const float alpha = attributes.real("alpha", 1);
    return alpha == 1 ? Activation{"Silu", {}} : Activation{"Swish", {alpha}};
  }
  return std::nullopt;
}

}  // namespace inlay::inline v0::passes
