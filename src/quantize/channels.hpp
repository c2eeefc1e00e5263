// Channels of a value that a weighted node reads: what samples show of each, and which weights meet
// it.
#pragma once

#include <map>
#include <vector>

#include "inlay/model.hpp"
#include "quantize/code_plan.hpp"

namespace inlay::inline v0::quantization {

/// What was seen of one channel.
struct ChannelStatistics {
  float low = 0, high = 0;
  double mean = 0, mean_square = 0;
};

using ChannelMap = std::map<ValueId, std::vector<ChannelStatistics>>;

/// The channels of each value that one of the nodes reads, over all samples: along axis 1 for Conv,
/// along the last axis for products. Errors: as watch().
ChannelMap observe_channels(const Graph& graph, const std::vector<WeightedNode>& nodes,
                            const ModelOptions& options);

/// f(out, in, i) for each weight, stored at i, by the channel of the node's output and of its input
/// that it connects.
template <class F>
void for_each_weight(const Graph& graph, const WeightedNode& node, F&& f) {
  const Node& at = graph.node(node.id);
  const Shape& shape = graph.constant(at.inputs[node.weights])->shape();
  if (shape.rank() == 0) return;
  std::size_t i = 0;
  if (!at.is("Conv")) {
    for (std::int64_t row = 0; row < shape[0]; ++row) {
      for (std::int64_t column = 0; column < shape[1]; ++column, ++i) {
        node.channel_axis == 0 ? f(row, column, i) : f(column, row, i);
      }
    }
    return;
  }
  const std::int64_t outs = shape[0], ins = shape[1];
  const std::int64_t outs_of_group = outs / at.attributes.integer("group", 1);
  std::int64_t taps = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) taps *= shape[axis];
  for (std::int64_t out = 0; out < outs; ++out) {
    const std::int64_t first = out / outs_of_group * ins;
    for (std::int64_t in = 0; in < ins; ++in) {
      for (std::int64_t tap = 0; tap < taps; ++tap, ++i) f(out, first + in, i);
    }
  }
}

}  // namespace inlay::inline v0::quantization
