// Concat, Split and Slice of channels in blocks: as long as whole blocks are moved, they are the
// same operators along the axis of blocks. A Concat of others is a BlockedConcat.
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
  if (!whole && !is_built("inlay", "BlockedConcat")) return;
  for (ValueId& input : node.inputs) input = graph.blocked(input);
  if (whole) {
    node.attributes.set("axis", std::int64_t{1});
  } else {
    node = {.domain = "inlay",
            .op = "BlockedConcat",
            .name = node.name,
            .version = 1,
            .inputs = node.inputs};
    node.attributes.set("block", graph.block());
    node.attributes.set("channels", std::move(channels));
  }
  graph.replace(id, std::move(node));
}

void follow_split(BlockedGraph& graph, NodeId id) {
  const Node node = graph.graph().node(id);
  const ValueId source = node.input(0);
  if (!is_built("", "Slice")) return;
  if (!is_channel_axis(node.attributes.integer("axis", 0)) || !graph.is_image(source)) return;
  std::int64_t first = 0;
  for (const ValueId part : node.outputs) {
    if (!takes_whole_blocks(graph, source, first, part)) return;
    first += graph.channels(part);
  }
  first = 0;
  for (const ValueId part : node.outputs) {
    slice_blocks(graph, source, first, part);
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
  if (!start || !axis || !is_channel_axis(*axis) || !graph.is_image(source)) return;
  if (node.has_input(4) && number(4) != 1) return;
  const std::int64_t first = *start < 0 ? *start + graph.channels(source) : *start;
  if (takes_whole_blocks(graph, source, first, part)) slice_blocks(graph, source, first, part);
}

}  // namespace inlay::inline v0::passes
