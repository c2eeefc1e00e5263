#include "quantize/channel_scales.hpp"

#include <algorithm>
#include <cmath>

namespace inlay::inline v0::quantization {
namespace {

/// s = |x|^of_values / |w|^of_weights, for the largest of either in a channel.
struct Family {
  double of_values, of_weights;
};
constexpr Family families[] = {{0.25, 0},    {0.5, 0},   {0.75, 0},   {1, 0},
                               {0.25, 0.25}, {0.5, 0.5}, {0.75, 0.25}};
/// The least of a channel's extent that counts, to the largest one's.
constexpr double floor_share = 1e-3;

std::span<const float> weights_in(const Graph& graph, const WeightedNode& node) {
  return graph.constant(graph.node(node.id).inputs[node.weights])->as<float>();
}

/// What the weights of one reader are, as far as noise goes.
struct ReaderSums {
  const WeightedNode* node = nullptr;
  std::vector<double> row_largest;     // by output channel
  std::vector<double> column_squares;  // by input channel
  std::vector<double> column_share;    // the largest share of a row's largest, by input channel
  double signal = 0;
};

ReaderSums sums_of(const Graph& graph, const WeightedNode& node,
                   const std::vector<ChannelStatistics>& seen) {
  ReaderSums sums;
  sums.node = &node;
  sums.column_squares.resize(seen.size());
  sums.column_share.resize(seen.size());
  const auto weights = weights_in(graph, node);
  for_each_weight(graph, node, [&](std::int64_t out, std::int64_t in, std::size_t i) {
    const double w = weights[i];
    const auto row = static_cast<std::size_t>(out);
    if (row >= sums.row_largest.size()) sums.row_largest.resize(row + 1);
    sums.row_largest[row] = std::max(sums.row_largest[row], std::abs(w));
    sums.column_squares[static_cast<std::size_t>(in)] += w * w;
    sums.signal += w * w * seen[static_cast<std::size_t>(in)].mean_square;
  });
  for_each_weight(graph, node, [&](std::int64_t out, std::int64_t in, std::size_t i) {
    const double largest = sums.row_largest[static_cast<std::size_t>(out)];
    double& share = sums.column_share[static_cast<std::size_t>(in)];
    if (largest > 0) share = std::max(share, std::abs(weights[i]) / largest);
  });
  return sums;
}

/// The variance that rounding adds to the readers' outputs, as a share of theirs.
double noise(const Graph& graph, const std::vector<ReaderSums>& readers,
             const std::vector<ChannelStatistics>& seen, const std::vector<double>& scales) {
  double low = 0, high = 0;
  for (std::size_t k = 0; k < seen.size(); ++k) {
    low = std::min(low, seen[k].low / scales[k]);
    high = std::max(high, seen[k].high / scales[k]);
  }
  const double step = (high - low) / 255;
  double total = 0;
  for (const ReaderSums& reader : readers) {
    if (!(reader.signal > 0)) continue;
    double of_values = 0, of_weights = 0;
    for (std::size_t k = 0; k < seen.size(); ++k) {
      of_values += reader.column_squares[k] * scales[k] * scales[k];
    }
    std::vector<double> largest(reader.row_largest.size()), squares(reader.row_largest.size());
    const auto weights = weights_in(graph, *reader.node);
    for_each_weight(graph, *reader.node, [&](std::int64_t out, std::int64_t in, std::size_t i) {
      const double scale = scales[static_cast<std::size_t>(in)];
      double& most = largest[static_cast<std::size_t>(out)];
      most = std::max(most, std::abs(weights[i]) * scale);
      squares[static_cast<std::size_t>(out)] +=
          seen[static_cast<std::size_t>(in)].mean_square / (scale * scale);
    });
    for (std::size_t row = 0; row < largest.size(); ++row) {
      of_weights += largest[row] / 127 * largest[row] / 127 * squares[row];
    }
    total += (step * step * of_values + of_weights) / reader.signal;
  }
  return total;
}

}  // namespace

std::vector<double> channel_scales(const Graph& graph, const std::vector<WeightedNode>& readers,
                                   const std::vector<ChannelStatistics>& seen) {
  std::vector<ReaderSums> sums;
  for (const WeightedNode& reader : readers) sums.push_back(sums_of(graph, reader, seen));
  std::vector<double> extent(seen.size()), share(seen.size());
  for (std::size_t k = 0; k < seen.size(); ++k) {
    extent[k] = std::max(std::abs(seen[k].low), std::abs(seen[k].high));
    for (const ReaderSums& reader : sums) share[k] = std::max(share[k], reader.column_share[k]);
  }
  const double most = *std::max_element(extent.begin(), extent.end());
  if (!(most > 0) || !std::isfinite(most)) return {};
  std::vector<double> best;
  double least = noise(graph, sums, seen, std::vector<double>(seen.size(), 1.0));
  for (const Family& family : families) {
    std::vector<double> scales(seen.size());
    for (std::size_t k = 0; k < seen.size(); ++k) {
      scales[k] = std::pow(std::max(extent[k] / most, floor_share), family.of_values) /
                  std::pow(std::max(share[k], floor_share), family.of_weights);
    }
    const double one = noise(graph, sums, seen, scales);
    if (one < least) {
      least = one;
      best = std::move(scales);
    }
  }
  return best;
}

}  // namespace inlay::inline v0::quantization
