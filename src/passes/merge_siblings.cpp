// Convolutions of few filters that read the same image, as the heads of detectors do, become one:
// each alone would leave most of a block of channels empty. The depthwise ones behind them follow.
#include <algorithm>
#include <map>
#include <numeric>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

using Ids = std::vector<NodeId>;

class Siblings {
 public:
  Siblings(Editor& editor, std::int64_t block) : editor_(editor), block_(block) {}

  /// Whether the node is a convolution that could be merged, and leaves a block in part empty.
  bool suits(const Node& node) const {
    return is_plain(node) && weights(node).dim(0) % block_ != 0 &&
           node.attributes.integer("group", 1) == 1;
  }

  /// Whether both read the same image through the same window.
  bool alike(const Node& a, const Node& b) const {
    return a.input(0) == b.input(0) && weights(a).dim(1) == weights(b).dim(1) && same_window(a, b);
  }

  /// Whether fewer blocks hold the filters of all than those of each.
  bool repays(const Ids& ids) const {
    std::int64_t filters = 0, blocks = 0;
    for (const NodeId id : ids) {
      const std::int64_t own = weights(editor_.graph().node(id)).dim(0);
      filters += own;
      blocks += (own - 1) / block_ + 1;
    }
    return (filters - 1) / block_ + 1 < blocks;
  }

  void merge(Ids ids) {
    const Graph& graph = editor_.graph();
    ValueId merged = add_merged(ids, graph.node(ids[0]).input(0), 1);
    for (Ids next = depthwise_behind(ids); !next.empty(); next = depthwise_behind(ids)) {
      ids = next;
      std::int64_t channels = 0;
      for (const NodeId id : ids) channels += weights(graph.node(id)).dim(0);
      merged = add_merged(ids, merged, channels);
    }
    std::vector<std::int64_t> sizes;
    Node split{.op = "Split", .version = 13};
    for (const NodeId id : ids) {
      sizes.push_back(weights(graph.node(id)).dim(0));
      const ValueInfo value = graph.value(graph.node(id).output(0));
      split.outputs.push_back(editor_.add_value(value.name, value.type));
    }
    const auto list = std::span<const std::int64_t>(sizes);
    split.inputs = {merged,
                    editor_.add_constant("sizes", Tensor::copy_of(list, {std::ssize(sizes)}))};
    split.attributes.set("axis", std::int64_t{1});
    const std::vector<ValueId> parts = split.outputs;
    editor_.add_node(std::move(split));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      editor_.replace(graph.node(ids[i]).output(0), parts[i]);
    }
  }

 private:
  const Tensor& weights(const Node& conv) const { return *editor_.graph().constant(conv.input(1)); }

  /// A convolution of two dimensions by constants whose result may get another maker.
  bool is_plain(const Node& node) const {
    const Graph& graph = editor_.graph();
    if (!node.is("Conv") || node.output(0) == no_id || editor_.is_output(node.output(0))) {
      return false;
    }
    const Tensor* w = graph.constant(node.input(1));
    const Tensor* bias = graph.constant(node.input(2));
    if (w == nullptr || w->rank() != 4 || w->dtype() != DType::float32 || w->size() == 0) {
      return false;
    }
    return graph.value(node.output(0)).type.rank() == 4 &&
           (!node.has_input(2) || (bias != nullptr && bias->size() == w->dim(0)));
  }

  bool same_window(const Node& a, const Node& b) const {
    const auto same = [&](const char* name, std::int64_t usual) {
      const auto u = a.attributes.integers(name), v = b.attributes.integers(name);
      for (std::size_t i = 0; i < std::max(u.size(), v.size()); ++i) {
        if ((i < u.size() ? u[i] : usual) != (i < v.size() ? v[i] : usual)) return false;
      }
      return true;
    };
    const Tensor &v = weights(a), &w = weights(b);
    return v.dim(2) == w.dim(2) && v.dim(3) == w.dim(3) && same("strides", 1) && same("pads", 0) &&
           same("dilations", 1) &&
           a.attributes.text("auto_pad", "NOTSET") == b.attributes.text("auto_pad", "NOTSET");
  }

  /// The depthwise convolutions, alike, that alone read the results of these; none if not all do.
  Ids depthwise_behind(const Ids& ids) const {
    const Graph& graph = editor_.graph();
    Ids next;
    for (const NodeId id : ids) {
      const ValueId value = graph.node(id).output(0);
      const NodeId reader = editor_.single_use(value) ? editor_.only_reader(value) : no_id;
      if (reader == no_id || !is_plain(graph.node(reader))) return {};
      const Node& conv = graph.node(reader);
      const std::int64_t filters = weights(conv).dim(0);
      const bool depthwise = conv.input(0) == value && weights(conv).dim(1) == 1 &&
                             filters == weights(graph.node(id)).dim(0) &&
                             conv.attributes.integer("group", 1) == filters;
      if (!depthwise || (!next.empty() && !same_window(graph.node(next[0]), conv))) return {};
      next.push_back(reader);
    }
    return next;
  }

  /// Constants one behind the other along their first axis; zeros for one that is absent.
  ValueId joined(const Ids& ids, std::size_t input) {
    const Graph& graph = editor_.graph();
    std::vector<float> all;
    Shape shape = {0};
    if (input == 1) shape = weights(graph.node(ids[0])).shape();
    std::int64_t filters = 0;
    for (const NodeId id : ids) {
      const Node& conv = graph.node(id);
      filters += weights(conv).dim(0);
      if (const Tensor* constant = graph.constant(conv.input(input))) {
        const auto part = constant->as<float>();
        all.insert(all.end(), part.begin(), part.end());
      } else {
        all.resize(all.size() + static_cast<std::size_t>(weights(conv).dim(0)), 0.0f);
      }
    }
    shape[0] = filters;
    return editor_.add_constant("siblings", Tensor::copy_of(std::span<const float>(all), shape));
  }

  ValueId add_merged(const Ids& ids, ValueId input, std::int64_t group) {
    const Graph& graph = editor_.graph();
    Node conv = graph.node(ids[0]);
    Type type = graph.value(conv.output(0)).type;
    conv.inputs = {input, joined(ids, 1), joined(ids, 2)};
    type.dims[1] = graph.constant(conv.inputs[1])->dim(0);
    conv.outputs.clear();
    conv.attributes.set("group", group);
    return editor_.add_node(std::move(conv), "siblings", std::move(type));
  }

  Editor& editor_;
  std::int64_t block_;
};

}  // namespace

void merge_siblings(Graph& graph, const PassContext& context) {
  if (context.blocked == nullptr) return;
  Editor editor(graph);
  Siblings siblings(editor, context.blocked->channel_block());
  std::map<ValueId, Ids> by_image;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!node.dead() && siblings.suits(node))
      by_image[node.input(0)].push_back(static_cast<NodeId>(i));
  }
  for (auto& [image, ids] : by_image) {
    const Node first = graph.node(ids[0]);
    std::erase_if(ids, [&](NodeId id) { return !siblings.alike(first, graph.node(id)); });
    if (ids.size() > 1 && siblings.repays(ids)) siblings.merge(ids);
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
