#include "quantize/equalize.hpp"

#include <algorithm>
#include <array>

#include "passes/editor.hpp"
#include "quantize/channel_scales.hpp"

namespace inlay::inline v0::quantization {
namespace {

/// Channels of a value, all or some of those whose scales are sought.
struct ChannelRun {
  int axis;  ///< of the value: 1, or -1 for the last one
  std::int64_t first, count;
};

/// A constant whose elements along an axis follow the scales of a run of channels.
struct Follower {
  NodeId node;
  std::size_t input;
  int axis;
  ChannelRun run;
};

/// f(s x) = s f(x), in each channel, for s > 0.
bool is_homogeneous(const Node& node) {
  static constexpr std::array<std::string_view, 8> ops = {
      "Relu",        "LeakyRelu",         "MaxPool",       "Identity",
      "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Dropout"};
  return node.domain.empty() && std::find(ops.begin(), ops.end(), node.op) != ops.end() &&
         node.outputs.size() == 1;
}

class Equalizer {
 public:
  Equalizer(Graph& graph, const std::vector<WeightedNode>& nodes, const ChannelMap& channels)
      : graph_(graph), editor_(graph), nodes_(nodes), channels_(channels) {}

  void run() {
    const auto readers = graph_.consumers();
    for (const WeightedNode& node : nodes_) {
      const ValueId value = graph_.node(node.id).inputs[0];
      const auto seen = channels_.find(value);
      if (seen == channels_.end() || seen->second.empty()) continue;
      const std::vector<WeightedNode> all = readers_of(value, readers);
      if (all.empty() || all.front().id != node.id) continue;
      const ChannelRun run{graph_.node(node.id).is("Conv") ? 1 : -1, 0,
                           static_cast<std::int64_t>(seen->second.size())};
      std::vector<Follower> makers;
      if (!find_makers(value, run, makers)) continue;
      const std::vector<double> scales = channel_scales(graph_, all, seen->second);
      if (scales.empty()) continue;
      for (const Follower& maker : makers) divide(maker, scales);
      for (const WeightedNode& reader : all) multiply(reader, scales);
    }
    editor_.finish();
  }

 private:
  /// The nodes that read the value, if each of them is one of ours with weights of its own.
  std::vector<WeightedNode> readers_of(ValueId value,
                                       const std::vector<std::vector<NodeId>>& readers) const {
    std::vector<WeightedNode> found;
    if (editor_.is_output(value)) return {};
    for (const NodeId id : readers[static_cast<std::size_t>(value)]) {
      const auto at = std::find_if(nodes_.begin(), nodes_.end(),
                                   [&](const WeightedNode& node) { return node.id == id; });
      if (at == nodes_.end() || !is_own(graph_.node(id).inputs[at->weights])) return {};
      if (graph_.node(id).is("Conv") !=
          graph_.node(readers[static_cast<std::size_t>(value)][0]).is("Conv"))
        return {};
      found.push_back(*at);
    }
    return editor_.uses(value) == static_cast<int>(found.size()) ? found
                                                                 : std::vector<WeightedNode>{};
  }

  bool is_own(ValueId constant) const {
    return graph_.constant(constant) != nullptr && editor_.uses(constant) == 1 &&
           graph_.constant(constant)->dtype() == DType::float32;
  }

  /// Which constants to divide by the scales so that the value's channels are divided.
  bool find_makers(ValueId value, const ChannelRun& run, std::vector<Follower>& found) const {
    const NodeId id = graph_.value(value).producer;
    if (id == no_id) return false;
    const Node& node = graph_.node(id);
    const auto go_on = [&](ValueId input) {
      return editor_.single_use(input) && find_makers(input, run, found);
    };
    const auto take = [&](std::size_t input, int axis) {
      if (!is_own(node.inputs[input])) return false;
      const Shape& shape = graph_.constant(node.inputs[input])->shape();
      if (axis < 0 || axis >= shape.rank() || shape[axis] != run.count) return false;
      found.push_back({id, input, axis, run});
      return true;
    };
    const auto take_weights = [&](int axis) {
      return take(1, axis) && (!node.has_input(2) || take(2, 0));
    };
    const bool is_last = run.axis == -1;
    if (is_homogeneous(node) || node.is("PRelu")) return go_on(node.inputs[0]);
    if (node.is("Concat")) return !is_last && find_joined(node, run, found);
    if (node.is("Conv")) return !is_last && take_weights(0);
    if (node.is("Gemm")) {
      return is_last && take_weights(node.attributes.integer("transB", 0) != 0 ? 0 : 1);
    }
    if (node.is("MatMul")) {
      const Tensor* const weights = graph_.constant(node.inputs[1]);
      return is_last && weights != nullptr && weights->rank() == 2 && take_weights(1);
    }
    if (node.is("LayerNormalization")) {
      const Tensor* const scale = graph_.constant(node.inputs[1]);
      return is_last && node.outputs.size() == 1 && scale != nullptr && scale->rank() == 1 &&
             take_weights(0);
    }
    if (!node.is("Add") && !node.is("Mul")) return false;
    const std::size_t constant = graph_.constant(node.inputs[1]) != nullptr ? 1 : 0;
    return take(constant, channel_place(value, node.inputs[constant], run)) &&
           (node.is("Mul") || go_on(node.inputs[1 - constant]));
  }

  /// The same for each part of a Concat of channels.
  bool find_joined(const Node& node, const ChannelRun& run, std::vector<Follower>& found) const {
    if (node.attributes.integer("axis", 0) != 1) return false;
    std::int64_t first = 0;
    for (const ValueId part : node.inputs) {
      const auto shape = graph_.value(part).type;
      if (!shape.has_rank || shape.dims.size() < 2 || !shape.dims[1].known()) return false;
      const std::int64_t count = shape.dims[1].value;
      if (!editor_.single_use(part) || !find_makers(part, {1, run.first + first, count}, found)) {
        return false;
      }
      first += count;
    }
    return first == run.count;
  }

  /// The axis of a constant operand that goes along with the value's channels, all others being 1;
  /// -1: there is none.
  int channel_place(ValueId value, ValueId constant, const ChannelRun& run) const {
    const Tensor* tensor = graph_.constant(constant);
    const Type& type = graph_.value(value).type;
    if (tensor == nullptr || tensor->size() != run.count || !type.has_rank) return -1;
    const int from_end = run.axis == 1 ? static_cast<int>(type.dims.size()) - 1 : 1;
    return tensor->rank() - from_end;
  }

  void divide(const Follower& follower, const std::vector<double>& scales) {
    Tensor changed = graph_.constant(graph_.node(follower.node).inputs[follower.input])->clone();
    std::int64_t inner = 1;
    for (int axis = follower.axis + 1; axis < changed.rank(); ++axis)
      inner *= changed.shape()[axis];
    const auto values = changed.as_mutable<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t channel =
          i / static_cast<std::size_t>(inner) % static_cast<std::size_t>(follower.run.count);
      const double scale = scales[static_cast<std::size_t>(follower.run.first) + channel];
      values[i] = static_cast<float>(values[i] / scale);
    }
    put(follower.node, follower.input, std::move(changed));
  }

  void multiply(const WeightedNode& node, const std::vector<double>& scales) {
    Tensor changed = graph_.constant(graph_.node(node.id).inputs[node.weights])->clone();
    const auto values = changed.as_mutable<float>();
    for_each_weight(graph_, node, [&](std::int64_t, std::int64_t in, std::size_t i) {
      values[i] = static_cast<float>(values[i] * scales[static_cast<std::size_t>(in)]);
    });
    put(node.id, node.weights, std::move(changed));
  }

  void put(NodeId node, std::size_t input, Tensor tensor) {
    const std::string name = graph_.value(graph_.node(node).inputs[input]).name;
    editor_.set_input(node, input, editor_.add_constant(name + ".equalized", std::move(tensor)));
  }

  Graph& graph_;
  passes::Editor editor_;
  const std::vector<WeightedNode>& nodes_;
  const ChannelMap& channels_;
};

}  // namespace

void equalize(Graph& graph, const std::vector<WeightedNode>& nodes, const ChannelMap& channels) {
  Equalizer(graph, nodes, channels).run();
}

}  // namespace inlay::inline v0::quantization
