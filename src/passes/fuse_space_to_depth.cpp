// A convolution of a picture's phases, which slices of every second pixel or SpaceToDepth give as
// channels, is one of the picture, with a wider window and stride.
#include <algorithm>
#include <array>
#include <optional>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

/// The pixels (y * step + row, x * step + column) of a picture.
struct Phase {
  ValueId picture;
  std::int64_t step;
  std::int64_t row, column;
};

/// Follows one Slice that takes every pixel `step` apart, to the end, along height or width.
bool follow_slice(const Graph& graph, const Node& slice, std::array<std::int64_t, 2>& starts,
                  std::array<std::int64_t, 2>& steps) {
  if (!slice.is("Slice") || slice.version < 10 || !slice.has_input(4)) return false;
  std::optional<std::vector<std::int64_t>> lists[4];
  for (std::size_t i = 0; i < 4; ++i) lists[i] = integers(graph, slice.input(i + 1));
  const auto& [start, end, axes, step] = lists;
  if (!start || !end || !axes || !step) return false;
  for (std::size_t i = 0; i < axes->size(); ++i) {
    const std::int64_t axis = (*axes)[i] < 0 ? (*axes)[i] + 2 : (*axes)[i] - 2;
    if (axis < 0 || axis > 1 || i >= start->size() || i >= step->size() || i >= end->size()) {
      return false;
    }
    const auto at = static_cast<std::size_t>(axis);
    const bool whole = (*end)[i] >= std::int64_t{1} << 30;  // INT_MAX and more
    if (steps[at] != 1 || (*step)[i] < 2 || (*start)[i] < 0 || (*start)[i] >= (*step)[i] ||
        !whole) {
      return false;
    }
    steps[at] = (*step)[i], starts[at] = (*start)[i];
  }
  return true;
}

std::optional<Phase> find_phase(const Graph& graph, ValueId value) {
  std::array<std::int64_t, 2> starts{0, 0}, steps{1, 1};
  for (const Node* node = graph.producer(value);
       node != nullptr && follow_slice(graph, *node, starts, steps); node = graph.producer(value)) {
    value = node->input(0);
  }
  if (steps[0] != steps[1] || steps[0] < 2) return std::nullopt;
  return Phase{value, steps[0], starts[0], starts[1]};
}

/// The phases that the channels of a value are, in turn, each of all channels of one picture; empty
/// when they are not all that there are.
std::vector<Phase> find_phases(const Graph& graph, ValueId value) {
  const Node* node = graph.producer(value);
  if (node == nullptr) return {};
  std::vector<Phase> phases;
  if (node->is("SpaceToDepth")) {
    const std::int64_t step = node->attributes.integer("blocksize", 0);
    for (std::int64_t i = 0; i < step * step; ++i)
      phases.push_back({node->input(0), step, i / step, i % step});
    return phases;
  }
  if (!node->is("Concat") || node->attributes.integer("axis", 0) != 1) return {};
  for (const ValueId input : node->inputs) {
    const auto phase = find_phase(graph, input);
    if (!phase || (!phases.empty() &&
                   (phase->picture != phases[0].picture || phase->step != phases[0].step))) {
      return {};
    }
    const bool twice = std::any_of(phases.begin(), phases.end(), [&](const Phase& other) {
      return other.row == phase->row && other.column == phase->column;
    });
    if (twice) return {};
    phases.push_back(*phase);
  }
  const std::int64_t step = phases.empty() ? 0 : phases[0].step;
  if (std::ssize(phases) != step * step) phases.clear();
  return phases;
}

/// Weights [filters, phases * channels, height, width] as [filters, channels, step * height,
/// step * width].
Tensor spread_weights(const Tensor& weights, const std::vector<Phase>& phases) {
  const std::int64_t step = phases[0].step, count = std::ssize(phases);
  const Shape from = weights.shape();
  const std::int64_t channels = from[1] / count;
  Tensor spread(DType::float32, {from[0], channels, step * from[2], step * from[3]});
  const float* w = weights.as<float>().data();
  const auto to = spread.as_mutable<float>();
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    const std::int64_t x = i % from[3], y = i / from[3] % from[2];
    const std::int64_t c = i / (from[3] * from[2]) % from[1], f = i / (from[3] * from[2] * from[1]);
    const Phase& phase = phases[static_cast<std::size_t>(c / channels)];
    const std::int64_t row = y * step + phase.row, column = x * step + phase.column;
    const std::int64_t plane = f * channels + c % channels;
    to[static_cast<std::size_t>((plane * step * from[2] + row) * step * from[3] + column)] = w[i];
  }
  return spread;
}

bool all_are(std::span<const std::int64_t> list, std::int64_t value) {
  return std::all_of(list.begin(), list.end(), [&](std::int64_t x) { return x == value; });
}

}  // namespace

void fuse_space_to_depth(Graph& graph, const PassContext& /*context*/) {
  constexpr std::int64_t most_taps = 512, most = 1 << 16;
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& conv = graph.nodes[i];
    if (!conv.is("Conv") || conv.attributes.integer("group", 1) != 1) continue;
    if (conv.attributes.text("auto_pad", "NOTSET") != "NOTSET") continue;
    const Tensor* weights = graph.constant(conv.input(1));
    if (weights == nullptr || weights->rank() != 4 || weights->dtype() != DType::float32) continue;
    if (!all_are(conv.attributes.integers("dilations"), 1)) continue;
    const std::vector<Phase> phases = find_phases(graph, conv.input(0));
    if (phases.empty() || weights->dim(1) % std::ssize(phases) != 0) continue;
    // Wider windows than a first layer's are no gain.
    if (weights->shape().product(1, 4) > most_taps) continue;
    const std::int64_t step = phases[0].step;
    Node wide = conv;
    for (const char* name : {"strides", "pads"}) {
      const auto list = conv.attributes.integers(name);
      std::vector<std::int64_t> scaled(list.begin(), list.end());
      if (scaled.empty()) scaled.assign(*name == 's' ? 2 : 4, *name == 's' ? 1 : 0);
      for (std::int64_t& n : scaled) n = n < 0 || n > most ? -1 : n * step;
      if (std::any_of(scaled.begin(), scaled.end(), [](std::int64_t n) { return n < 0; }))
        wide = {};
      wide.attributes.set(name, std::move(scaled));
    }
    if (wide.dead()) continue;
    Tensor spread = spread_weights(*weights, phases);
    wide.attributes.set("kernel_shape", std::vector<std::int64_t>{spread.dim(2), spread.dim(3)});
    wide.inputs[0] = phases[0].picture;
    const std::string name = graph.value(conv.output(0)).name;
    wide.inputs[1] = editor.add_constant(name + ".weights", std::move(spread));
    editor.rewrite(static_cast<NodeId>(i), std::move(wide));
  }
}

}  // namespace inlay::inline v0::passes
