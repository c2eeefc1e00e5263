// Convolutions, and what lies between them, move to blocked channels, a layout in which kernels
// read and write whole registers. Each value may exist in both layouts; each form is made where it
// is first needed, so reorders are left only at the borders.
#include "passes/block_channels.hpp"

#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {

BlockedGraph::BlockedGraph(Graph& graph, const Backend& backend)
    : editor_(graph), backend_(backend), block_(backend.channel_block()) {}

bool BlockedGraph::is_image(ValueId value) const {
  if (value == no_id) return false;
  const Type& t = type(value);
  return t.dtype == DType::float32 && t.rank() == 4 && t.dims[1].known() && t.dims[1].value > 0;
}

bool BlockedGraph::is_like(ValueId value, const Type& like) const {
  return is_image(value) && same_shape(type(value), like);
}

ValueId BlockedGraph::blocked(ValueId value) {
  const auto found = blocked_.find(value);
  if (found != blocked_.end()) return found->second;
  Node node{.domain = "inlay", .op = "BlockChannels", .version = 1, .inputs = {value}};
  node.attributes.set("block", block_);
  const ValueId result = add(std::move(node), blocked_type(type(value), block_));
  blocked_.emplace(value, result);
  return result;
}

ValueId BlockedGraph::add(Node node, Type type) {
  return editor_.add_node(std::move(node), "", std::move(type));
}

bool BlockedGraph::supports(const Node& node) const {
  return backend_.supports({editor_.graph(), node}).supported;
}

void BlockedGraph::replace(NodeId id, Node node) {
  const ValueId plain = editor_.graph().node(id).output(0);
  const ValueId result = add(std::move(node), blocked_type(type(plain), block_));
  Node back{.domain = "inlay", .op = "UnblockChannels", .version = 1, .inputs = {result}};
  back.attributes.set("block", block_);
  back.attributes.set("channels", channels(plain));
  editor_.rewrite(id, std::move(back));
  blocked_.emplace(plain, result);
}

namespace {

/// Whether a convolution repays putting its input in blocks: it must multiply each element often.
bool repays_blocking(const Tensor& weights, const Node& conv) {
  constexpr std::int64_t products_per_element = 64;
  std::int64_t stride = 1;
  for (const std::int64_t s : conv.attributes.integers("strides"))
    stride *= std::max<std::int64_t>(1, s);
  const std::int64_t groups = std::max<std::int64_t>(1, conv.attributes.integer("group", 1));
  return weights.shape()[0] / groups * weights.shape().product(2, weights.rank()) / stride >=
         products_per_element;
}

bool block_conv(BlockedGraph& graph, NodeId id) {
  Node conv = graph.graph().node(id);
  const ValueId x = conv.input(0), out = conv.output(0), residual = conv.input(3);
  const Tensor* weights = graph.graph().constant(conv.input(1));
  if (weights == nullptr || weights->rank() != 4 || weights->size() == 0) return false;
  if (!graph.is_image(x) || !graph.is_image(out)) return false;
  if (residual != no_id && !graph.is_like(residual, graph.type(out))) return false;
  conv.domain = "inlay", conv.op = "BlockedConv", conv.version = 1;
  conv.attributes.set("block", graph.block());
  const bool is_free = graph.is_blocked(x);
  if (!is_free && is_one_pixel(graph.type(out))) return false;
  if (is_free || !graph.supports(conv)) {
    if (!is_free && !repays_blocking(*weights, conv)) return false;
    conv.attributes.set("channels", graph.channels(x));
    if (!graph.supports(conv)) return false;
    conv.inputs[0] = graph.blocked(x);
  }
  if (residual != no_id) conv.inputs[3] = graph.blocked(residual);
  graph.replace(id, std::move(conv));
  return true;
}

}  // namespace

void block_channels(Graph& graph, const PassContext& context) {
  if (context.blocked == nullptr) return;
  BlockedGraph blocked(graph, *context.blocked);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const Node& node = graph.node(id);
    if (node.dead()) continue;
    if (node.is("Conv") || node.is("FusedConv", "com.microsoft")) {
      block_conv(blocked, id);
    } else if (node.is("ConvTranspose")) {
      block_conv_transpose(blocked, id);
    } else if (blocked.reads_blocked(node)) {
      follow_blocked(blocked, id);
    }
  }
  blocked.finish();
}

}  // namespace inlay::inline v0::passes
