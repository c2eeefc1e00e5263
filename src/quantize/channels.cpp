#include "quantize/channels.hpp"

#include <algorithm>

#include "backends/reference/storage.hpp"
#include "quantize/calibrate.hpp"

namespace inlay::inline v0::quantization {
namespace {

/// Sums over what was seen of one channel.
struct ChannelSum {
  ChannelStatistics statistics;
  double sum = 0, squares = 0;
  std::size_t count = 0;

  void see(std::span<const float> values) {
    if (values.empty()) return;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    statistics.low = count == 0 ? *low : std::min(statistics.low, *low);
    statistics.high = count == 0 ? *high : std::max(statistics.high, *high);
    count += values.size();
    for (const float value : values) {
      sum += value;
      squares += static_cast<double>(value) * value;
    }
  }
};

}  // namespace

ChannelMap observe_channels(const Graph& graph, const std::vector<WeightedNode>& nodes,
                            const ModelOptions& options) {
  std::map<ValueId, std::vector<ChannelSum>> sums;
  std::map<ValueId, int> axes;
  std::vector<ValueId> values;
  for (const WeightedNode& node : nodes) {
    const ValueId value = graph.node(node.id).inputs[0];
    if (axes.emplace(value, graph.node(node.id).is("Conv") ? 1 : -1).second) {
      values.push_back(value);
    }
  }
  watch(graph, values, options, [&](ValueId value, const Tensor& tensor) {
    const int axis = axes.at(value) < 0 ? tensor.rank() - 1 : axes.at(value);
    if (axis < 0 || axis >= tensor.rank()) return;
    const kernels::AxisSplit split = kernels::split_axis(tensor.shape(), axis);
    std::vector<ChannelSum>& channels = sums[value];
    channels.resize(static_cast<std::size_t>(split.axis));
    const float* at = tensor.as<float>().data();
    for (std::int64_t outer = 0; outer < split.outer; ++outer) {
      for (ChannelSum& channel : channels) {
        channel.see({at, static_cast<std::size_t>(split.inner)});
        at += split.inner;
      }
    }
  });
  ChannelMap result;
  for (const auto& [value, channels] : sums) {
    std::vector<ChannelStatistics>& seen = result[value];
    for (const ChannelSum& channel : channels) {
      seen.push_back(channel.statistics);
      if (channel.count == 0) continue;
      const auto count = static_cast<double>(channel.count);
      seen.back().mean = channel.sum / count;
      seen.back().mean_square = channel.squares / count;
    }
  }
  return result;
}

}  // namespace inlay::inline v0::quantization
