// Channels go last before a Resize that enlarges pictures, since there are fewer pixels to move
// then, and before pixels are flattened and joined, since blocked channels give that layout at
// once.
#include <algorithm>
#include <array>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr std::array<std::int64_t, 4> channels_last = {0, 2, 3, 1};
constexpr std::array<std::int64_t, 3> rows_last = {0, 2, 1};

bool transposes(const Node& node, std::span<const std::int64_t> perm) {
  return node.is("Transpose") && std::ranges::equal(node.attributes.integers("perm"), perm);
}

/// A Transpose of the value that is to be read in place of the one at hand.
ValueId add_transpose(Editor& editor, ValueId value, std::span<const std::int64_t> perm) {
  const ValueInfo from = editor.graph().value(value);
  Type type = from.type;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    type.dims[i] = from.type.dims[static_cast<std::size_t>(perm[i])];
  }
  Node node{.op = "Transpose", .version = 13, .inputs = {value}};
  node.attributes.set("perm", std::vector<std::int64_t>(perm.begin(), perm.end()));
  return editor.add_node(std::move(node), from.name + ".transposed", std::move(type));
}

template <class T>
Tensor reordered(const Tensor& list) {
  const auto from = list.as<T>();
  return Tensor::copy_of({from[0], from[2], from[3], from[1]});
}

/// The scales or sizes that make the node enlarge height and width alone; null where it may do
/// something else.
const Tensor* enlarges(const Graph& graph, const Node& node) {
  const Attributes& attributes = node.attributes;
  if (!node.is("Resize") || node.version < 11 || attributes.has("axes")) return nullptr;
  const std::string_view mode = attributes.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear") return nullptr;
  if (attributes.text("coordinate_transformation_mode", "") == "tf_crop_and_resize") return nullptr;
  if (attributes.text("keep_aspect_ratio_policy", "stretch") != "stretch") return nullptr;
  const bool by_sizes = node.has_input(3);
  const Tensor* list = graph.constant(node.input(by_sizes ? 3 : 2));
  if (list == nullptr || list->size() != 4) return nullptr;
  const Type& type = graph.value(node.input(0)).type;
  if (type.rank() != 4) return nullptr;
  for (std::size_t axis = 0; axis < 4; ++axis) {
    const bool pictures = axis >= 2;
    if (by_sizes) {
      const std::int64_t from = type.dims[axis].value, to = list->as<std::int64_t>()[axis];
      if (from < 0 || (pictures ? to < from : to != from)) return nullptr;
    } else {
      const float scale = list->as<float>()[axis];
      if (pictures ? !(scale >= 1) : scale != 1) return nullptr;
    }
  }
  return list;
}

void before_resize(Editor& editor, NodeId id, const Node& resize) {
  const Graph& graph = editor.graph();
  const Tensor* list = enlarges(graph, resize);
  if (list == nullptr) return;
  const bool by_sizes = resize.has_input(3);
  const Tensor order = by_sizes ? reordered<std::int64_t>(*list) : reordered<float>(*list);
  Node after = resize;
  after.inputs.assign(by_sizes ? 4 : 3, no_id);
  after.inputs[0] = add_transpose(editor, resize.input(0), channels_last);
  after.inputs.back() = editor.add_constant("size", order);
  editor.rewrite(id, std::move(after));
}

/// Whether the node makes [batch, channels, pixels] of pictures.
bool flattens(const Graph& graph, const Node& node) {
  if (!node.is("Reshape")) return false;
  const Type& from = graph.value(node.input(0)).type;
  const Type& to = graph.value(node.output(0)).type;
  return from.rank() == 4 && to.rank() == 3 && from.dims[0].same_as(to.dims[0]) &&
         from.dims[1].known() && from.dims[1].same_as(to.dims[1]);
}

void before_flattening(Editor& editor, NodeId id, const Node& flatten) {
  const Graph& graph = editor.graph();
  const auto target = reshape_target(graph.value(graph.node(id).output(0)).type);
  if (!target) return;
  const auto shape = std::span<const std::int64_t>(*target);
  Node after{.op = "Reshape", .version = 13};
  after.inputs = {add_transpose(editor, flatten.input(0), channels_last),
                  editor.add_constant("shape", Tensor::copy_of(shape, {std::ssize(shape)}))};
  editor.rewrite(id, std::move(after));
}

/// The parts' own Transposes are then before what flattens them.
void before_concat(Editor& editor, NodeId id, const Node& concat) {
  const Graph& graph = editor.graph();
  const std::int64_t axis = concat.attributes.integer("axis", 1);
  const bool flat = std::ranges::all_of(concat.inputs, [&](ValueId part) {
    const Node* node = graph.producer(part);
    return node != nullptr && editor.single_use(part) && flattens(graph, *node);
  });
  if (!flat || (axis != 2 && axis != -1)) return;
  Node after = concat;
  for (ValueId& part : after.inputs) part = add_transpose(editor, part, rows_last);
  after.attributes.set("axis", std::int64_t{1});
  editor.rewrite(id, std::move(after));
}

void hoist(Editor& editor, NodeId id) {
  const Node& transpose = editor.graph().node(id);
  const bool image = transposes(transpose, channels_last);
  if (!image && !transposes(transpose, rows_last)) return;
  const Node* source = editor.graph().producer(transpose.input(0));
  if (source == nullptr || !editor.single_use(transpose.input(0))) return;
  const Node before = *source;
  if (image) {
    before_resize(editor, id, before);
  } else if (before.is("Concat")) {
    before_concat(editor, id, before);
  } else if (flattens(editor.graph(), before)) {
    before_flattening(editor, id, before);
  }
}

}  // namespace

void hoist_transpose(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].dead()) hoist(editor, static_cast<NodeId>(i));
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
