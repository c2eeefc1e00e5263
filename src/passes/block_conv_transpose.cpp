// Transposed convolutions on blocked channels.
#include <algorithm>

#include "passes/activation.hpp"
#include "passes/block_channels.hpp"

namespace inlay::inline v0::passes {
namespace {

/// The stride of a convolution whose window moves by its own size, without pads: each input pixel
/// makes a square of output pixels of its own. 0 for any other.
std::int64_t pixels_per_pixel(const Node& conv, const Tensor& weights) {
  const std::int64_t size = weights.dim(2);
  const auto all = [&](std::string_view name, std::int64_t value) {
    const auto list = conv.attributes.integers(name);
    return std::all_of(list.begin(), list.end(), [&](std::int64_t x) { return x == value; });
  };
  const bool has_strides = size == 1 || !conv.attributes.integers("strides").empty();
  const bool plain = weights.dim(3) == size && has_strides && all("strides", size) &&
                     all("pads", 0) && all("output_padding", 0) && all("dilations", 1) &&
                     conv.attributes.integer("group", 1) == 1 &&
                     conv.attributes.text("auto_pad", "NOTSET") != "SAME_UPPER" &&
                     conv.attributes.text("auto_pad", "NOTSET") != "SAME_LOWER" &&
                     !conv.attributes.has("output_shape");
  return plain ? size : 0;
}

/// Few filters would leave most of a block empty. With all pixels of a square as filters of their
/// own they fill it better: a 1 x 1 convolution, then DepthToSpace.
bool block_as_depth_to_space(BlockedGraph& graph, NodeId id, const Tensor& weights) {
  const Node conv = graph.graph().node(id);
  const std::int64_t size = pixels_per_pixel(conv, weights);
  const std::int64_t channels = weights.dim(0), filters = weights.dim(1), square = size * size;
  if (size == 0 || filters * square > graph.block()) return false;
  const Tensor* bias = graph.graph().constant(conv.input(2));
  if (conv.has_input(2) && (bias == nullptr || bias->size() != filters)) return false;

  Tensor pixels = Tensor::zeros(DType::float32, {filters * square, channels, 1, 1});
  const auto from = weights.as<float>();
  const auto to = pixels.as_mutable<float>();
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t f = 0; f < filters * square; ++f) {
      to[static_cast<std::size_t>(f * channels + c)] =
          from[static_cast<std::size_t>(c * filters * square + f)];
    }
  }
  Type type = graph.type(conv.input(0));
  type.dims[1] = filters * square;
  Node blocked{.domain = "inlay",
               .op = "BlockedConv",
               .name = conv.name,
               .version = 1,
               .inputs = {conv.input(0), graph.add_constant(std::move(pixels))}};
  if (bias != nullptr) {
    Tensor repeated = Tensor::zeros(DType::float32, {filters * square});
    for (std::int64_t f = 0; f < filters * square; ++f) {
      repeated.as_mutable<float>()[static_cast<std::size_t>(f)] =
          bias->as<float>()[static_cast<std::size_t>(f / square)];
    }
    blocked.inputs.push_back(graph.add_constant(std::move(repeated)));
  }
  blocked.attributes.set("block", graph.block());
  blocked.attributes.set("channels", channels);
  blocked.inputs[0] = graph.blocked(conv.input(0));
  Node back{.domain = "inlay",
            .op = "UnblockChannels",
            .version = 1,
            .inputs = {graph.add(std::move(blocked), blocked_type(type, graph.block()))}};
  back.attributes.set("block", graph.block());
  back.attributes.set("channels", filters * square);
  Node shuffle{
      .op = "DepthToSpace", .version = 13, .inputs = {graph.add(std::move(back), std::move(type))}};
  shuffle.attributes.set("blocksize", size);
  shuffle.attributes.set("mode", "CRD");
  graph.rewrite(id, std::move(shuffle));
  return true;
}

}  // namespace

void block_conv_transpose(BlockedGraph& graph, NodeId id) {
  constexpr std::int64_t repaying = 64;  // products per element of an input to put in blocks
  constexpr std::int64_t least_filled = 4;
  Node conv = graph.graph().node(id);
  const ValueId x = conv.input(0), out = conv.output(0);
  const Tensor* weights = graph.graph().constant(conv.input(1));
  if (weights == nullptr || weights->rank() != 4 || weights->size() == 0) return;
  if (!graph.is_image(x) || !graph.is_image(out)) return;
  if (!graph.is_blocked(x) && weights->size() / weights->dim(0) < repaying) return;
  conv.domain = "inlay", conv.op = "BlockedConvTranspose", conv.version = 1;
  conv.attributes.set("block", graph.block());
  conv.attributes.set("channels", graph.channels(x));
  if (!graph.supports(conv)) return;
  if (block_as_depth_to_space(graph, id, *weights)) return;
  if (graph.channels(out) * least_filled < graph.block()) return;
  // The activation behind it is no part of it yet.
  NodeId last = id;
  if (const NodeId reader = graph.only_reader(out); reader != no_id) {
    if (const auto activation = activation_of(graph.graph(), graph.graph().node(reader))) {
      Node fused = conv;
      fused.attributes.set("activation", activation->name);
      if (!activation->parameters.empty()) {
        fused.attributes.set("activation_params", activation->parameters);
      }
      if (graph.supports(fused)) conv = std::move(fused), last = reader;
    }
  }
  conv.inputs[0] = graph.blocked(x);
  graph.replace(last, std::move(conv));
}

}  // namespace inlay::inline v0::passes
