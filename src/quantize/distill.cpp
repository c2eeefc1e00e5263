#include "quantize/distill.hpp"

#include <algorithm>
#include <cmath>

#include "backends/reference/storage.hpp"
#include "passes/editor.hpp"
#include "quantize/calibrate.hpp"

namespace inlay::inline v0::quantization {
namespace {

/// Puts copies of coded nodes into the graph that they were made of, beside those in float.
class TwinWriter {
 public:
  TwinWriter(Graph& graph, const Graph& coded)
      : editor_(graph), coded_(coded), originals_(std::ssize(graph.values)) {
    graph.opsets = coded.opsets;
  }

  /// The value as the coded graph computes it of values in float.
  ValueId twin(ValueId value) { return copy(value); }
  void finish() { editor_.finish(); }

 private:
  ValueId copy(ValueId value) {
    Node node = *coded_.producer(value);
    for (ValueId& input : node.inputs) {
      if (input != no_id) input = reached(input);
    }
    const auto place = std::find(node.outputs.begin(), node.outputs.end(), value);
    const auto index = static_cast<std::size_t>(place - node.outputs.begin());
    for (ValueId& output : node.outputs) {
      if (output == no_id) continue;
      const ValueInfo& info = coded_.value(output);
      output = editor_.add_value(info.name + ".twin", info.type);
    }
    node.name.clear();
    const ValueId result = node.outputs[index];
    editor_.add_node(std::move(node));
    return result;
  }

  ValueId reached(ValueId value) {
    if (value < originals_) return value;
    const auto known = reached_.find(value);
    if (known != reached_.end()) return known->second;
    const ValueInfo& info = coded_.value(value);
    const ValueId result =
        info.is_constant() ? editor_.add_constant(info.name, info.constant) : copy(value);
    reached_.emplace(value, result);
    return result;
  }

  passes::Editor editor_;
  const Graph& coded_;
  std::int64_t originals_;
  std::map<ValueId, ValueId> reached_;
};

/// Sums over a channel of both outputs.
struct ChannelSums {
  double count = 0, wanted = 0, got = 0;
  double product = 0, wanted_square = 0, got_square = 0;
  double samples = 0, off = 0, off_square = 0;  ///< of each sample's mean of wanted - got

  void see(const float* want, const float* have, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const double u = want[i], v = have[i];
      wanted += u, got += v;
      product += u * v, wanted_square += u * u, got_square += v * v;
    }
    count += static_cast<double>(n);
  }
  /// `before`: this, before a sample was seen.
  void end_sample(const ChannelSums& before) {
    if (count == before.count) return;
    const double mean = (wanted - before.wanted - got + before.got) / (count - before.count);
    ++samples, off += mean, off_square += mean * mean;
  }
  /// How far it is the samples that show a shift, rather than one of them: from 0 to 1.
  double agreement() const {
    if (samples < 2) return 1;
    const double mean = off / samples;
    const double variance = std::max(0.0, off_square / samples - mean * mean) / (samples - 1);
    return mean != 0 ? std::max(0.0, 1 - variance / (mean * mean)) : 0;
  }
};

void see_outputs(const Tensor& wanted, const Tensor& got, int axis,
                 std::vector<ChannelSums>& channels) {
  if (wanted.rank() == 0 || wanted.size() == 0) return;
  const kernels::AxisSplit split =
      kernels::split_axis(wanted.shape(), axis < 0 ? wanted.rank() + axis : axis);
  channels.resize(static_cast<std::size_t>(split.axis));
  const std::vector<ChannelSums> before = channels;
  const float *u = wanted.as<float>().data(), *v = got.as<float>().data();
  for (std::int64_t outer = 0; outer < split.outer; ++outer) {
    for (ChannelSums& channel : channels) {
      channel.see(u, v, split.inner);
      u += split.inner, v += split.inner;
    }
  }
  for (std::size_t i = 0; i < channels.size(); ++i) channels[i].end_sample(before[i]);
}

/// wanted = scale * got + shift, as if `few` more numbers had shown that nothing is to be done. The
/// shift goes into a bias, where there is one.
void fit(const ChannelSums& sums, RefitKind kind, bool has_shift, Refit& to) {
  constexpr double few = 32, most = 2;
  double scale = 1, shift = 0;
  if (sums.count > 0) {
    const double trust = sums.count / (sums.count + few) * sums.agreement();
    const double got = has_shift ? sums.got / sums.count : 0;
    const double wanted = has_shift ? sums.wanted / sums.count : 0;
    const double covariance = sums.product - got * sums.wanted;
    const double best =
        kind == RefitKind::least_squares ? covariance / (sums.got_square - got * sums.got)
        : kind == RefitKind::gain        ? (sums.wanted_square - wanted * sums.wanted) / covariance
                                         : 1;
    if (std::isfinite(best)) scale = std::clamp(1 + trust * (best - 1), 1 / most, most);
    if (has_shift) shift = trust * (wanted - scale * got);
  }
  to.scale.push_back(scale);
  to.shift.push_back(shift);
}

}  // namespace

void Refit::apply_to_bias(std::span<float> bias) const {
  for (std::size_t i = 0; i < bias.size(); ++i) {
    bias[i] = static_cast<float>(scale[i] * bias[i] + shift[i]);
  }
}

std::map<RefitKind, RefitMap> refit_outputs(const Graph& graph, const Graph& coded,
                                            const std::vector<WeightedNode>& nodes,
                                            const ModelOptions& options) {
  Graph both = graph.clone();
  TwinWriter writer(both, coded);
  std::vector<ValueId> outputs, twins;
  for (const WeightedNode& node : nodes) {
    outputs.push_back(graph.node(node.id).outputs[0]);
    twins.push_back(writer.twin(outputs.back()));
  }
  writer.finish();
  std::vector<std::vector<ChannelSums>> sums(nodes.size());
  both.outputs = outputs;
  both.outputs.insert(both.outputs.end(), twins.begin(), twins.end());
  SampleRunner(std::move(both), options, options.calibration)
      .run(SIZE_MAX, [&](std::size_t, const CalibrationSample&, const Outputs& values) {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
          const int axis = graph.node(nodes[i].id).is("Conv") ? 1 : -1;
          see_outputs(values[i], values[nodes.size() + i], axis, sums[i]);
        }
      });
  std::map<RefitKind, RefitMap> refits;
  for (const RefitKind kind : {RefitKind::shift, RefitKind::least_squares, RefitKind::gain}) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      Refit& refit = refits[kind][outputs[i]];
      const bool has_shift = graph.node(nodes[i].id).has_input(2);
      for (const ChannelSums& channel : sums[i]) fit(channel, kind, has_shift, refit);
    }
  }
  return refits;
}

}  // namespace inlay::inline v0::quantization
