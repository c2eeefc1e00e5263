// What scales and shifts the channels of a convolution or matrix product by constants (Mul, Div,
// Add, Sub, BatchNormalization) goes into its weights and bias.
#include <array>
#include <cmath>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/linear.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

using Numbers = std::vector<double>;

/// y[channel] = scale[channel] * x[channel] + shift[channel].
struct Affine {
  Numbers scale;
  Numbers shift;
  bool scales = false;
  bool shifts = false;
};

/// Where a node's channels are.
struct Channels {
  std::int64_t count = 0;
  int weights_axis = 0;  ///< of the weights
  int output_axis = 0;   ///< of the result
  int rank = 0;          ///< of the result
};

std::optional<Channels> channels_of(const Graph& graph, const Node& node) {
  const Tensor* weights = graph.constant(node.input(weights_input));
  if (weights == nullptr || !is_floating(weights->dtype()) || weights->rank() < 2) {
    return std::nullopt;
  }
  Channels channels;
  if (node.is("Conv")) {
    channels = {weights->dim(0), 0, 1, weights->rank()};
  } else if (node.is("ConvTranspose") && node.attributes.integer("group", 1) == 1) {
    channels = {weights->dim(1), 1, 1, weights->rank()};
  } else if (node.is("MatMul") || node.is("FusedMatMul", "inlay")) {
    const int rank = graph.value(node.output(0)).type.rank();
    if (weights->rank() != 2 || rank < 2) return std::nullopt;
    channels = {weights->dim(1), 1, rank - 1, rank};
  } else {
    return std::nullopt;
  }
  if (channels.count == 0) return std::nullopt;
  return channels;
}

/// A constant operand as one number per channel; empty optional when it varies along other axes.
std::optional<Numbers> per_channel(const Tensor& constant, const Channels& channels) {
  const int missing = channels.rank - constant.rank();
  if (missing < 0) return std::nullopt;
  for (int axis = 0; axis < constant.rank(); ++axis) {
    const bool channel_axis = axis + missing == channels.output_axis;
    if (constant.dim(axis) != 1 && !(channel_axis && constant.dim(axis) == channels.count)) {
      return std::nullopt;
    }
  }
  auto numbers = to_doubles(constant);
  if (numbers) numbers->resize(static_cast<std::size_t>(channels.count), numbers->front());
  return numbers;
}

std::optional<Affine> from_arithmetic(const Graph& graph, const Node& node, std::size_t operand,
                                      const Channels& channels) {
  const Tensor* constant = graph.constant(node.input(operand));
  if (constant == nullptr) return std::nullopt;
  auto numbers = per_channel(*constant, channels);
  if (!numbers) return std::nullopt;
  const Numbers ones(numbers->size(), 1.0);
  const Numbers zeros(numbers->size(), 0.0);
  if (node.is("Add")) return Affine{ones, *numbers, false, true};
  if (node.is("Mul")) return Affine{*numbers, zeros, true, false};
  if (node.is("Sub")) {
    const bool negates = operand == 0;
    if (negates) return Affine{Numbers(ones.size(), -1.0), *numbers, true, true};
    for (double& number : *numbers) number = -number;
    return Affine{ones, *numbers, false, true};
  }
  if (node.is("Div") && operand == 1) {
    for (double& number : *numbers) number = 1 / number;
    return Affine{*numbers, zeros, true, false};
  }
  return std::nullopt;
}

std::optional<Affine> from_batch_norm(const Graph& graph, const Node& node,
                                      const Channels& channels) {
  const bool inference = node.attributes.integer("training_mode", 0) == 0 &&
                         node.attributes.integer("spatial", 1) != 0 && node.outputs.size() == 1;
  if (!inference || channels.output_axis != 1) return std::nullopt;
  std::array<Numbers, 4> given;  // scale, bias, mean, variance
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Tensor* constant = graph.constant(node.input(i + 1));
    if (constant == nullptr || constant->size() != channels.count) return std::nullopt;
    const auto numbers = to_doubles(*constant);
    if (!numbers) return std::nullopt;
    given[i] = *numbers;
  }
  const double epsilon = node.attributes.real("epsilon", 1e-5f);
  Affine affine{given[0], given[1], true, true};
  for (std::size_t i = 0; i < affine.scale.size(); ++i) {
    affine.scale[i] /= std::sqrt(given[3][i] + epsilon);
    affine.shift[i] -= given[2][i] * affine.scale[i];
  }
  return affine;
}

INLAY_COLD void absorb(Editor& editor, NodeId id, std::size_t data_input) {
  const Graph& graph = editor.graph();
  const Node& follower = graph.node(id);
  const ValueId result = follower.input(data_input);
  const Node* linear = graph.producer(result);
  if (linear == nullptr || !editor.single_use(result) || linear->attributes.has("activation") ||
      linear->has_input(residual_input)) {
    return;
  }
  const auto channels = channels_of(graph, *linear);
  if (!channels) return;
  const auto affine = follower.is("BatchNormalization")
                          ? from_batch_norm(graph, follower, *channels)
                          : from_arithmetic(graph, follower, 1 - data_input, *channels);
  if (!affine) return;
  Numbers bias(affine->shift.size(), 0.0);
  if (linear->has_input(bias_input)) {
    const Tensor* constant = graph.constant(linear->input(bias_input));
    if (constant == nullptr || constant->size() != channels->count) return;
    const auto numbers = to_doubles(*constant);
    if (!numbers) return;
    bias = *numbers;
  }
  for (std::size_t i = 0; i < bias.size(); ++i) {
    bias[i] = bias[i] * affine->scale[i] + affine->shift[i];
  }
  const Tensor& weights = *graph.constant(linear->input(weights_input));
  const DType dtype = weights.dtype();
  const std::string name = graph.value(follower.output(0)).name;
  Node merged = *linear;
  if (affine->scales) {
    merged.inputs[weights_input] = editor.add_constant(
        name + ".weights", scaled(weights, channels->weights_axis, affine->scale));
  }
  if (affine->shifts || linear->has_input(bias_input)) {
    merged.inputs.resize(bias_input + 1, no_id);
    merged.inputs[bias_input] =
        editor.add_constant(name + ".bias", from_doubles(bias, dtype, {channels->count}));
    if (merged.is("MatMul")) merged = fused_form(std::move(merged));
  }
  editor.rewrite(id, std::move(merged));
}

}  // namespace

void fuse_affine(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    const Node& node = graph.nodes[i];
    if (node.is("BatchNormalization")) {
      absorb(editor, id, 0);
    } else if (node.is("Mul") || node.is("Div") || node.is("Add") || node.is("Sub")) {
      absorb(editor, id, graph.constant(node.input(0)) != nullptr ? 1 : 0);
    }
  }
}

}  // namespace inlay::inline v0::passes
