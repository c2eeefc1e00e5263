// Zeros that a Pad puts around a picture become the padding of the convolution behind it.
#include <algorithm>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr std::int64_t most_padding = 1 << 20;  // sums stay far from overflow

/// What the Pad adds before and after each spatial axis, begins first; empty when it does anything
/// else.
std::vector<std::int64_t> spatial_zeros(const Graph& graph, const Node& pad, std::size_t rank) {
  if (!pad.is("Pad") || !pad.has_input(0) || pad.attributes.text("mode", "constant") != "constant")
    return {};
  std::vector<std::int64_t> pads;
  if (pad.version >= 11) {
    const auto list = integers(graph, pad.input(1));
    if (!list || pad.has_input(3)) return {};
    pads = *list;
    const Tensor* fill = graph.constant(pad.input(2));
    if (pad.has_input(2) && (fill == nullptr || uniform_value(*fill) != 0)) return {};
  } else {
    const auto list = pad.attributes.integers("pads");
    if (pad.attributes.real("value", 0) != 0) return {};
    pads.assign(list.begin(), list.end());
  }
  if (pads.size() != 2 * rank || rank < 3 ||
      std::any_of(pads.begin(), pads.end(),
                  [](std::int64_t p) { return p < 0 || p > most_padding; })) {
    return {};
  }
  std::vector<std::int64_t> spatial;
  for (const std::size_t side : {std::size_t{0}, rank}) {
    if (pads[side] != 0 || pads[side + 1] != 0) return {};
    for (std::size_t i = 2; i < rank; ++i) spatial.push_back(pads[side + i]);
  }
  return spatial;
}

}  // namespace

void fuse_pad(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& conv = graph.nodes[i];
    const Node* pad = graph.producer(conv.input(0));
    if (!conv.is("Conv") || pad == nullptr || !editor.single_use(conv.input(0))) continue;
    const auto mode = conv.attributes.text("auto_pad", "NOTSET");
    if (mode != "NOTSET" && mode != "VALID") continue;
    if (!pad->has_input(0) || !graph.value(pad->input(0)).type.has_rank) continue;
    const Type& type = graph.value(pad->input(0)).type;
    std::vector<std::int64_t> pads = spatial_zeros(graph, *pad, type.dims.size());
    if (pads.empty()) continue;
    const auto own = conv.attributes.integers("pads");
    if (mode == "NOTSET" && !own.empty()) {
      if (own.size() != pads.size() ||
          std::any_of(own.begin(), own.end(), [](std::int64_t p) { return p > most_padding; })) {
        continue;
      }
      for (std::size_t k = 0; k < pads.size(); ++k) pads[k] += own[k];
    }
    Node merged = conv;
    merged.inputs[0] = pad->input(0);
    merged.attributes.erase("auto_pad");
    merged.attributes.set("pads", pads);
    editor.rewrite(static_cast<NodeId>(i), std::move(merged));
  }
}

}  // namespace inlay::inline v0::passes
