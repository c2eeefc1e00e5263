// Concat, Split, Slice and Gather of channels in blocks: as long as whole blocks are moved, they
// are the same operators along the axis of blocks. Others are a BlockedGather.
#include <numeric>
#include <optional>

#include "built_operators.hpp"
#include "passes/block_channels.hpp"

namespace inlay::inline v0::passes {
namespace {

bool is_channel_axis(std::int64_t axis) { return axis == 1 || axis == -3; }

/// Channels of `source` from `first` on are `part`, in blocks too; false where they are not whole
/// blocks.
bool takes_whole_blocks(const BlockedGraph& graph, ValueId source, std::int64_t first,
                        ValueId part) {
  if (first < 0 || first % graph.block() != 0 || !graph.is_image(part)) return false;
  const std::int64_t end = first + graph.channels(part);
  return end == graph.channels(source) ||
         (end < graph.channels(source) && end % graph.block() == 0);
}

void slice_blocks(BlockedGraph& graph, ValueId source, std::int64_t first, ValueId part) {
  const std::int64_t block = graph.block();
  const auto list = [&](std::int64_t n) {
    return graph.add_constant(Tensor::copy_of<std::int64_t>({n}));
  };
  const std::int64_t end = (first + graph.channels(part) - 1) / block + 1;
  Node node{.op = "Slice",
            .version = 13,
            .inputs = {graph.blocked(source), list(first / block), list(end), list(1)}};
  graph.set_blocked(part, graph.add(std::move(node), blocked_type(graph.type(part), block)));
}

Node blocked_gather(const BlockedGraph& graph, std::vector<ValueId> inputs,
                    std::vector<std::int64_t> channels) {
  Node node{.domain = "inlay", .op = "BlockedGather", .version = 1, .inputs = std::move(inputs)};
  node.attributes.set("block", graph.block());
  node.attributes.set("channels", std::move(channels));
  return node;
}

/// The image `part` is these channels of `source`. What is gathered of gathered channels is
/// gathered at once.
void gather_blocks(BlockedGraph& graph, ValueId source, std::vector<std::int64_t> indices,
                   ValueId part) {
  const ValueId blocks = graph.blocked(source);
  Node gather = blocked_gather(graph, {blocks}, {graph.channels(source)});
  const Node* before = graph.graph().producer(blocks);
  if (before != nullptr && before->is("BlockedGather", "inlay")) {
    const auto taken = before->attributes.integers("indices");
    for (std::int64_t& i : indices) {
      if (!taken.empty()) i = taken[static_cast<std::size_t>(i)];
    }
    gather.inputs = before->inputs;
    const auto channels = before->attributes.integers("channels");
    gather.attributes.set("channels", std::vector<std::int64_t>(channels.begin(), channels.end()));
  }
  gather.attributes.set("indices", std::move(indices));
  graph.set_blocked(part,
                    graph.add(std::move(gather), blocked_type(graph.type(part), graph.block())));
}

/// The same for neighbouring channels.
void take_channels(BlockedGraph& graph, ValueId source, std::int64_t first, ValueId part) {
  if (takes_whole_blocks(graph, source, first, part)) {
    return slice_blocks(graph, source, first, part);
  }
  std::vector<std::int64_t> indices(static_cast<std::size_t>(graph.channels(part)));
  std::iota(indices.begin(), indices.end(), first);
  gather_blocks(graph, source, std::move(indices), part);
}

}  // namespace

void follow_concat(BlockedGraph& graph, NodeId id) {
  Node node = graph.graph().node(id);
  const std::int64_t axis = node.attributes.integer("axis", 1);
  if (!is_channel_axis(axis) || !graph.is_image(node.output(0))) return;
  std::int64_t ready = 0;
  bool whole = true;  // blocks, in all inputs but the last
  std::vector<std::int64_t> channels;
  for (const ValueId input : node.inputs) {
    if (!graph.is_image(input)) return;
    whole &= channels.empty() || channels.back() % graph.block() == 0;
    channels.push_back(graph.channels(input));
    if (graph.is_blocked(input)) ready += channels.back();
  }
  if (2 * ready < graph.channels(node.output(0))) return;
  if (!whole && !is_built("inlay", "BlockedGather")) return;
  for (ValueId& input : node.inputs) input = graph.blocked(input);
  if (whole) {
    node.attributes.set("axis", std::int64_t{1});
  } else {
    Node gather = blocked_gather(graph, node.inputs, std::move(channels));
    gather.name = node.name;
    node = std::move(gather);
  }
  graph.replace(id, std::move(node));
}

void follow_split(BlockedGraph& graph, NodeId id) {
  const Node node = graph.graph().node(id);
  const ValueId source = node.input(0);
  if (!is_built("", "Slice") || !is_built("inlay", "BlockedGather")) return;
  if (!is_channel_axis(node.attributes.integer("axis", 0))) return;
  for (const ValueId part : node.outputs) {
    if (!graph.is_image(part)) return;
  }
  std::int64_t first = 0;
  for (const ValueId part : node.outputs) {
    take_channels(graph, source, first, part);
    first += graph.channels(part);
  }
}

void follow_slice(BlockedGraph& graph, NodeId id) {
  const Node node = graph.graph().node(id);
  const ValueId source = node.input(0), part = node.output(0);
  const auto number = [&](std::size_t i) -> std::optional<std::int64_t> {
    const Tensor* list = graph.graph().constant(node.input(i));
    if (list == nullptr || list->size() != 1) return std::nullopt;
    return list->dtype() == DType::int64 ? list->as<std::int64_t>()[0]
                                         : list->as<std::int32_t>()[0];
  };
  const auto start = number(1), axis = number(3);
  if (!start || !axis || !is_channel_axis(*axis) || !graph.is_image(part)) return;
  if (node.has_input(4) && number(4) != 1) return;
  const std::int64_t first = *start < 0 ? *start + graph.channels(source) : *start;
  if (first < 0 || first + graph.channels(part) > graph.channels(source)) return;
  if (is_built("inlay", "BlockedGather")) take_channels(graph, source, first, part);
}

void follow_gather(BlockedGraph& graph, NodeId id) {
  const Node node = graph.graph().node(id);
  const ValueId source = node.input(0), part = node.output(0);
  auto indices = integers(graph.graph(), node.input(1));
  if (!indices || !is_channel_axis(node.attributes.integer("axis", 0)) || !graph.is_image(part))
    return;
  if (std::ssize(*indices) != graph.channels(part) || !is_built("inlay", "BlockedGather")) return;
  for (std::int64_t& i : *indices) {
    if (i < 0) i += graph.channels(source);
    if (i < 0 || i >= graph.channels(source)) return;
  }
  gather_blocks(graph, source, std::move(*indices), part);
}

}  // namespace inlay::inline v0::passes
