// Channels go last before a Resize that enlarges pictures: there are fewer of them to move then.
#include <algorithm>
#include <array>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr std::array<std::int64_t, 4> channels_last = {0, 2, 3, 1};

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

}  // namespace

void hoist_transpose(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  const std::size_t count = graph.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Node& node = graph.nodes[i];
    if (!node.is("Transpose") ||
        !std::ranges::equal(node.attributes.integers("perm"), channels_last)) {
      continue;
    }
    const Node* resize = graph.producer(node.input(0));
    if (resize == nullptr || !editor.single_use(node.input(0))) continue;
    const Tensor* list = enlarges(graph, *resize);
    if (list == nullptr) continue;
    Node after = *resize, before = node;
    before.inputs = {resize->input(0)};
    before.outputs.clear();
    Type type = graph.value(resize->input(0)).type;
    std::rotate(type.dims.begin() + 1, type.dims.begin() + 2, type.dims.end());
    const std::string name = graph.value(node.output(0)).name;
    const bool by_sizes = resize->has_input(3);
    const ValueId order = editor.add_constant(
        name + ".size", by_sizes ? reordered<std::int64_t>(*list) : reordered<float>(*list));
    after.inputs = {editor.add_node(std::move(before), name + ".source", std::move(type)), no_id};
    after.inputs.resize(by_sizes ? 4 : 3, no_id);
    after.inputs.back() = order;
    editor.rewrite(static_cast<NodeId>(i), std::move(after));
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
