// The maximum over a wide window is that over its rows, then over their maxima: 2 k steps for k *
// k.
#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

/// Replaces the numbers of one of two spatial axes in a list over them (for pads: twice).
void fill_axis(Attributes& attributes, std::string_view name, std::size_t axis,
               std::int64_t value) {
  const auto list = attributes.integers(name);
  std::vector<std::int64_t> numbers(list.begin(), list.end());
  for (std::size_t i = axis; i < numbers.size(); i += 2) numbers[i] = value;
  if (!numbers.empty()) attributes.set(name, std::move(numbers));
}

/// The part of the pool along one axis: nothing happens along the other.
Node along(const Node& pool, std::size_t axis) {
  Node node = pool;
  for (const char* name : {"kernel_shape", "strides", "dilations"})
    fill_axis(node.attributes, name, 1 - axis, 1);
  fill_axis(node.attributes, "pads", 1 - axis, 0);
  return node;
}

}  // namespace

void split_max_pool(Graph& graph, const PassContext& /*context*/) {
  constexpr std::int64_t wide = 5;
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& pool = graph.nodes[i];
    if (!pool.is("MaxPool") || pool.outputs.size() != 1 || pool.output(0) == no_id) continue;
    const auto kernel = pool.attributes.integers("kernel_shape");
    if (kernel.size() != 2 || kernel[0] < wide || kernel[1] < wide) continue;
    Node rows = along(pool, 0), columns = along(pool, 1);
    const Type& type = graph.value(pool.output(0)).type;
    if (type.rank() != 4) continue;
    // The rows come first: their results are fewer where strides leave some out.
    Type between = graph.value(pool.input(0)).type;
    if (between.rank() != 4) continue;
    between.dims[2] = type.dims[2];
    rows.outputs.clear();
    const std::string name = graph.value(pool.output(0)).name;
    columns.inputs = {editor.add_node(std::move(rows), name + ".rows", std::move(between))};
    editor.rewrite(static_cast<NodeId>(i), std::move(columns));
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
