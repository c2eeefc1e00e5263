// What lies between convolutions on blocked channels: [batch, channels, height, width] became
// [batch, blocks, height, width, block], on which most operators are standard ones of one axis
// more.
#include <algorithm>
#include <array>

#include "built_operators.hpp"
#include "passes/block_channels.hpp"
#include "passes/elementwise.hpp"

namespace inlay::inline v0::passes {
namespace {

bool is_one(const Dim& dim) { return dim.known() && dim.value == 1; }

/// Whether the value is surely one element that broadcasts to anything.
bool is_scalar(const Type& type) {
  return type.has_rank && type.rank() <= 4 &&
         std::all_of(type.dims.begin(), type.dims.end(), is_one);
}

/// A constant of one number per channel, [channels, 1, 1] or [1, channels, 1, 1], in blocks; else
/// undefined.
Tensor blocked_channels(const Tensor& constant, std::int64_t channels, std::int64_t block) {
  const int rank = constant.rank();
  if (constant.dtype() != DType::float32 || rank < 3 || rank > 4) return {};
  if (constant.size() != channels || constant.shape()[rank - 3] != channels) return {};
  const std::int64_t blocks = (channels - 1) / block + 1;
  Tensor result = Tensor::zeros(DType::float32, {1, blocks, 1, 1, block});
  const auto from = constant.as<float>();
  std::copy(from.begin(), from.end(), result.as_mutable<float>().begin());
  return result;
}

/// How an operand of an elementwise node whose result is `out` reads in blocks: a value, or a way
/// to make one. Two steps, so that nothing is made for a node that stays.
enum class OperandKind { none, as_it_is, image, per_channel, per_pixel };

OperandKind operand_kind(const BlockedGraph& graph, ValueId value, const Type& out) {
  if (value == no_id) return OperandKind::as_it_is;
  const Type& type = graph.type(value);
  if (type.dtype != DType::float32) return OperandKind::none;
  if (is_scalar(type)) return OperandKind::as_it_is;
  const std::int64_t channels = out.dims[1].value;
  if (const Tensor* constant = graph.graph().constant(value)) {
    return blocked_channels(*constant, channels, graph.block()).defined() ? OperandKind::per_channel
                                                                          : OperandKind::none;
  }
  // Axes but that of channels broadcast as they did.
  if (!graph.is_image(value)) return OperandKind::none;
  if (graph.channels(value) == channels) return OperandKind::image;
  return graph.channels(value) == 1 && is_built("", "Unsqueeze") ? OperandKind::per_pixel
                                                                 : OperandKind::none;
}

ValueId operand(BlockedGraph& graph, ValueId value, OperandKind kind, std::int64_t channels) {
  switch (kind) {
    case OperandKind::image:
      return graph.blocked(value);
    case OperandKind::per_channel:
      return graph.add_constant(
          blocked_channels(*graph.graph().constant(value), channels, graph.block()));
    case OperandKind::per_pixel: {
      Type type = graph.type(value);
      type.dims.push_back(1);
      const ValueId axes = graph.add_constant(Tensor::copy_of<std::int64_t>({4}));
      Node node{.op = "Unsqueeze", .version = 13, .inputs = {value, axes}};
      return graph.add(std::move(node), std::move(type));
    }
    default:
      return value;
  }
}

void follow_elementwise(BlockedGraph& graph, NodeId id) {
  Node node = graph.graph().node(id);
  const ValueId out = node.output(0);
  if (!graph.is_image(out) || node.outputs.size() != 1) return;
  const Type out_type = graph.type(out);
  std::vector<OperandKind> kinds;
  bool whole = false;
  for (const ValueId input : node.inputs) {
    kinds.push_back(operand_kind(graph, input, out_type));
    if (kinds.back() == OperandKind::none) return;
    whole |= kinds.back() == OperandKind::image && graph.is_blocked(input) &&
             (!is_one_pixel(graph.type(input)) || is_one_pixel(out_type));
  }
  if (!whole) return;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    node.inputs[i] = operand(graph, node.inputs[i], kinds[i], out_type.dims[1].value);
  }
  graph.replace(id, std::move(node));
}

/// A list over the spatial axes (for pads: twice) with `filler` for the axis within the block.
void extend(Attributes& attributes, std::string_view name, std::int64_t filler) {
  const auto list = attributes.integers(name);
  if (list.empty()) return;
  std::vector<std::int64_t> longer;
  for (std::size_t i = 0; i < list.size(); ++i) {
    longer.push_back(list[i]);
    if (i % 2 == 1) longer.push_back(filler);
  }
  attributes.set(name, std::move(longer));
}

void follow_pool(BlockedGraph& graph, NodeId id) {
  Node node = graph.graph().node(id);
  if (node.output(1) != no_id || !graph.is_image(node.output(0))) return;
  node.inputs[0] = graph.blocked(node.inputs[0]);
  for (const char* name : {"kernel_shape", "strides", "dilations"})
    extend(node.attributes, name, 1);
  extend(node.attributes, "pads", 0);
  graph.replace(id, std::move(node));
}

/// Whether a reduction is over height and width, which remain with size 1.
bool reduces_pictures(const BlockedGraph& graph, const Node& node) {
  if (node.attributes.integer("keepdims", 1) == 0) return false;
  const auto attribute = node.attributes.integers("axes");
  std::vector<std::int64_t> axes(attribute.begin(), attribute.end());
  if (const Tensor* list = graph.graph().constant(node.input(1))) {
    const auto given = list->as<std::int64_t>();
    axes.assign(given.begin(), given.end());
  }
  for (std::int64_t& axis : axes) axis += axis < 0 ? 4 : 0;
  std::ranges::sort(axes);
  return axes == std::vector<std::int64_t>{2, 3};
}

/// A reduction of whole pictures.
void follow_global_pool(BlockedGraph& graph, NodeId id, const char* reduction) {
  const Node& pool = graph.graph().node(id);
  if (!graph.is_image(pool.output(0))) return;
  if (!is_built("", reduction)) return;
  Node node{
      .op = reduction, .name = pool.name, .version = 13, .inputs = {graph.blocked(pool.input(0))}};
  node.attributes.set("axes", std::vector<std::int64_t>{2, 3});
  node.attributes.set("keepdims", std::int64_t{1});
  graph.replace(id, std::move(node));
}

/// Scales or sizes of four axes as those of five, for the axis within the block.
template <class T>
ValueId five_axes(BlockedGraph& graph, ValueId list, T blocks, T block) {
  const auto four = graph.graph().constant(list)->as<T>();
  return graph.add_constant(
      Tensor::copy_of<T>({four[0], blocks != 0 ? blocks : four[1], four[2], four[3], block}));
}

/// Nearest and linear, of height and width by constant scales or sizes.
void follow_resize(BlockedGraph& graph, NodeId id) {
  Node node = graph.graph().node(id);
  const Attributes& attributes = node.attributes;
  const std::string_view mode = attributes.text("mode", "nearest");
  if (node.version < 11 || (mode != "nearest" && mode != "linear")) return;
  if (attributes.text("coordinate_transformation_mode", "") == "tf_crop_and_resize") return;
  if (attributes.integer("antialias", 0) != 0 || attributes.has("axes")) return;
  if (!graph.is_image(node.output(0)) ||
      graph.channels(node.output(0)) != graph.channels(node.input(0)))
    return;
  const bool by_sizes = node.has_input(3);
  const Tensor* list = graph.graph().constant(node.input(by_sizes ? 3 : 2));
  if (list == nullptr || list->size() != 4) return;
  if (by_sizes && list->dtype() != DType::int64) return;
  if (!by_sizes && (list->as<float>()[0] != 1 || list->as<float>()[1] != 1)) return;
  const std::int64_t block = graph.block();
  const std::int64_t blocks = (graph.channels(node.input(0)) - 1) / block + 1;
  node.inputs[0] = graph.blocked(node.inputs[0]);
  node.inputs[1] = no_id;
  if (by_sizes) {
    node.inputs[3] = five_axes<std::int64_t>(graph, node.inputs[3], blocks, block);
  } else {
    node.inputs[2] = five_axes<float>(graph, node.inputs[2], 0.0f, 1.0f);
  }
  graph.replace(id, std::move(node));
}

/// To channels last: as quick as to the plain layout.
void follow_transpose(BlockedGraph& graph, NodeId id) {
  const Node& node = graph.graph().node(id);
  const auto order = node.attributes.integers("perm");
  if (!std::ranges::equal(order, std::array<std::int64_t, 4>{0, 2, 3, 1})) return;
  Node back{.domain = "inlay",
            .op = "UnblockChannels",
            .name = node.name,
            .version = 1,
            .inputs = {graph.blocked(node.input(0))}};
  back.attributes.set("block", graph.block());
  back.attributes.set("channels", graph.channels(node.input(0)));
  back.attributes.set("channels_last", std::int64_t{1});
  graph.rewrite(id, std::move(back));
}

}  // namespace

void follow_blocked(BlockedGraph& graph, NodeId id) {
  const Node& node = graph.graph().node(id);
  if (!node.domain.empty()) return;
  if (is_elementwise(node)) return follow_elementwise(graph, id);
  if (node.is("Concat")) return follow_concat(graph, id);
  if (!graph.is_blocked(node.input(0))) return;
  if (node.is("MaxPool") || node.is("AveragePool")) return follow_pool(graph, id);
  if (node.is("GlobalAveragePool")) return follow_global_pool(graph, id, "ReduceMean");
  if (node.is("GlobalMaxPool")) return follow_global_pool(graph, id, "ReduceMax");
  if ((node.is("ReduceMean") || node.is("ReduceMax")) && reduces_pictures(graph, node)) {
    return follow_global_pool(graph, id, node.is("ReduceMean") ? "ReduceMean" : "ReduceMax");
  }
  if (node.is("Split")) return follow_split(graph, id);
  if (node.is("Slice")) return follow_slice(graph, id);
  if (node.is("Gather")) return follow_gather(graph, id);
  if (node.is("Resize")) return follow_resize(graph, id);
  if (node.is("Transpose")) return follow_transpose(graph, id);
}

}  // namespace inlay::inline v0::passes
