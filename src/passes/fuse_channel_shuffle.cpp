// Channel shuffles, written as Reshape, Transpose, Reshape and what takes the result apart: in all,
// a Gather of channels.
#include <algorithm>
#include <numeric>
#include <optional>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

/// Where a tensor of images comes from while it is moved: its last axes are those of a picture, and
/// number i of what comes before them is picture origins[i] of the source.
struct Moved {
  Shape shape;
  std::int64_t picture;  ///< elements
  std::vector<std::int64_t> origins;
};

/// Axes before those of a picture; empty optional where no axes are one.
std::optional<int> outer_axes(const Shape& shape, std::int64_t picture) {
  std::int64_t elements = 1;
  int axis = shape.rank();
  while (axis > 0 && elements < picture) elements *= shape[--axis];
  return elements == picture ? std::optional(axis) : std::nullopt;
}

/// Picks `picked` along one of the axes before the picture, of `extent`.
void pick(Moved& moved, int axis, const std::vector<std::int64_t>& picked) {
  const std::int64_t extent = moved.shape[axis];
  const std::int64_t inner = moved.shape.product(axis + 1, *outer_axes(moved.shape, moved.picture));
  const std::int64_t outer = std::ssize(moved.origins) / std::max<std::int64_t>(1, extent * inner);
  std::vector<std::int64_t> origins;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const std::int64_t p : picked) {
      const auto from = moved.origins.begin() + (o * extent + p) * inner;
      origins.insert(origins.end(), from, from + inner);
    }
  }
  moved.origins = std::move(origins);
}

bool transpose(Moved& moved, const Node& node) {
  const int rank = moved.shape.rank(), outer = *outer_axes(moved.shape, moved.picture);
  const auto order = node.attributes.integers("perm");
  if (std::ssize(order) != rank) return false;
  for (int axis = outer; axis < rank; ++axis) {
    if (order[static_cast<std::size_t>(axis)] != axis) return false;
  }
  std::vector<std::int64_t> origins;
  std::vector<std::int64_t> at(static_cast<std::size_t>(outer), 0);
  for (std::size_t i = 0; i < moved.origins.size(); ++i) {
    std::int64_t from = 0;
    for (int axis = 0; axis < outer; ++axis) {
      const auto found = std::find(order.begin(), order.end(), axis) - order.begin();
      from = from * moved.shape[axis] + at[static_cast<std::size_t>(found)];
    }
    origins.push_back(moved.origins[static_cast<std::size_t>(from)]);
    for (int axis = outer; axis-- > 0;) {
      std::int64_t& digit = at[static_cast<std::size_t>(axis)];
      if (++digit < moved.shape[static_cast<int>(order[static_cast<std::size_t>(axis)])]) break;
      digit = 0;
    }
  }
  moved.origins = std::move(origins);
  return true;
}

/// The axis and what is picked along it by a Gather, Split or Slice that gives output `index`.
bool take(Moved& moved, const Graph& graph, const Node& node, std::size_t index,
          const Shape& result) {
  std::int64_t axis = node.attributes.integer("axis", 0), first = 0, step = 1;
  std::vector<std::int64_t> picked;
  if (node.is("Slice")) {
    const auto starts = integers(graph, node.input(1)), axes = integers(graph, node.input(3));
    const auto steps = integers(graph, node.input(4));
    if (!starts || !axes || starts->size() != 1 || axes->size() != 1) return false;
    axis = (*axes)[0], first = (*starts)[0];
    if (node.has_input(4) && (!steps || steps->size() != 1)) return false;
    if (steps) step = (*steps)[0];
  }
  if (axis < 0) axis += moved.shape.rank();
  if (axis < 0 || axis >= *outer_axes(moved.shape, moved.picture)) return false;
  const std::int64_t extent = moved.shape[static_cast<int>(axis)];
  if (node.is("Gather")) {
    const auto indices = integers(graph, node.input(1));
    if (!indices) return false;
    picked = *indices;
  } else {
    for (std::size_t i = 0; i < index; ++i) {
      const auto part = graph.value(node.outputs[i]).type.static_shape();
      if (!part) return false;
      first += (*part)[static_cast<int>(axis)];
    }
    if (first < 0) first += extent;
    first = std::clamp<std::int64_t>(first, 0, step < 0 ? extent - 1 : extent);
    for (std::int64_t i = 0; i < result[static_cast<int>(axis)]; ++i)
      picked.push_back(first + i * step);
  }
  for (std::int64_t& p : picked) {
    if (p < 0) p += extent;
    if (p < 0 || p >= extent) return false;
  }
  pick(moved, static_cast<int>(axis), picked);
  return true;
}

bool is_view(const Node& node) {
  return node.is("Reshape") || node.is("Squeeze") || node.is("Unsqueeze") || node.is("Flatten");
}

bool moves(const Node& node) {
  return is_view(node) || node.is("Transpose") || node.is("Gather") || node.is("Split") ||
         (node.is("Slice") && node.version >= 10);
}

/// One node, which gives the value.
bool follow(Moved& moved, const Graph& graph, const Node& node, ValueId value) {
  const auto shape = graph.value(value).type.static_shape();
  if (!shape || !outer_axes(*shape, moved.picture)) return false;
  if (node.is("Transpose") && !transpose(moved, node)) return false;
  if (node.is("Gather") || node.is("Split") || node.is("Slice")) {
    const auto place = std::find(node.outputs.begin(), node.outputs.end(), value);
    const auto index = static_cast<std::size_t>(place - node.outputs.begin());
    if (!take(moved, graph, node, index, *shape)) return false;
  }
  moved.shape = *shape;
  return true;
}

/// A chain of moves from one image to another.
struct Chain {
  ValueId source;
  std::vector<std::int64_t> channels;  ///< of the source, one for each of the result
};

std::optional<Shape> image_shape(const Graph& graph, ValueId value) {
  const auto shape = graph.value(value).type.static_shape();
  return shape && shape->rank() == 4 && shape->elements() > 0 ? shape : std::nullopt;
}

std::optional<Chain> find_chain(const Graph& graph, ValueId end) {
  const auto result = image_shape(graph, end);
  if (!result) return std::nullopt;
  std::vector<ValueId> values;  // of the chain, last first
  ValueId source = end;
  bool shuffles = false;
  constexpr std::size_t longest = 16;
  for (const Node* node = graph.producer(end);
       node != nullptr && moves(*node) && values.size() < longest; node = graph.producer(source)) {
    shuffles |= node->is("Transpose") || (node->is("Gather") && source != end);
    values.push_back(source);
    source = node->input(0);
  }
  const auto shape = image_shape(graph, source);
  if (!shuffles || !shape || shape->product(2, 4) != result->product(2, 4)) return std::nullopt;
  if ((*shape)[0] != (*result)[0] || (*shape)[2] != (*result)[2]) return std::nullopt;
  Moved moved{*shape, shape->product(2, 4), {}};
  moved.origins.resize(static_cast<std::size_t>(shape->product(0, 2)));
  std::iota(moved.origins.begin(), moved.origins.end(), 0);
  for (; !values.empty(); values.pop_back()) {
    const ValueId value = values.back();
    if (!follow(moved, graph, *graph.producer(value), value)) return std::nullopt;
  }
  const auto channels = static_cast<std::size_t>((*result)[1]);
  Chain chain{source, {moved.origins.begin(), moved.origins.begin() + (*result)[1]}};
  for (std::size_t i = 0; i < moved.origins.size(); ++i) {
    const std::int64_t image = static_cast<std::int64_t>(i / channels) * (*shape)[1];
    const std::int64_t channel = chain.channels[i % channels];
    if (channel >= (*shape)[1] || moved.origins[i] != image + channel) return std::nullopt;
  }
  return chain;
}

}  // namespace

void fuse_channel_shuffle(Graph& graph, const PassContext&) {
  Editor editor(graph);
  const std::size_t count = graph.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (graph.nodes[i].dead() || !moves(graph.nodes[i])) continue;
    const std::vector<ValueId> outputs = graph.nodes[i].outputs;
    for (const ValueId output : outputs) {
      if (output == no_id || editor.is_output(output)) continue;
      const auto chain = find_chain(graph, output);
      if (!chain) continue;
      const std::string name = graph.value(output).name;
      const auto size = std::ssize(chain->channels);
      const ValueId channels = editor.add_constant(
          name + ".channels",
          Tensor::copy_of(std::span<const std::int64_t>(chain->channels), {size}));
      Node gather{.op = "Gather", .version = 13, .inputs = {chain->source, channels}};
      gather.attributes.set("axis", std::int64_t{1});
      const Type type = graph.value(output).type;
      editor.replace(output, editor.add_node(std::move(gather), name, type));
    }
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
