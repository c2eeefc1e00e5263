#include "passes/norm_patterns.hpp"

#include <algorithm>

#include "passes/constants.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {

Pattern over_rms(const Pattern& x, int x_slot, int mean_slot, int epsilon_slot) {
  const Pattern again = value(x_slot);
  const Pattern square = either({op("Mul", {again, again}), op("Pow", {again, number(2)})});
  const Pattern variance =
      op("Add", {op("ReduceMean", {square}, mean_slot), constant(epsilon_slot)});
  const Pattern root = op("Sqrt", {variance});
  const Pattern inverse = either({op("Reciprocal", {root}), op("Div", {number(1), root}),
                                  op("Pow", {variance, number(-0.5)})});
  return either({op("Div", {x, root}), op("Mul", {x, inverse})});
}

std::optional<int> first_reduced_axis(const Graph& graph, const Node& mean) {
  const Type& type = graph.value(mean.input(0)).type;
  if (!type.has_rank || mean.attributes.integer("keepdims", 1) == 0) return std::nullopt;
  std::vector<std::int64_t> axes;
  if (mean.version >= 18) {
    const auto list = integers(graph, mean.input(1));
    if (!list) return std::nullopt;
    axes = *list;
  } else {
    const auto list = mean.attributes.integers("axes");
    axes.assign(list.begin(), list.end());
  }
  if (axes.empty()) return std::nullopt;
  for (std::int64_t& axis : axes) axis += axis < 0 ? type.rank() : 0;
  std::sort(axes.begin(), axes.end());
  const std::int64_t first = type.rank() - std::ssize(axes);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = first + static_cast<std::int64_t>(i);
    if (first < 0 || axes[i] != axis || !type.dims[static_cast<std::size_t>(axis)].known()) {
      return std::nullopt;
    }
  }
  return static_cast<int>(first);
}

void write_norm(Editor& editor, NodeId id, Node norm, ValueId x, int axis, double epsilon) {
  const Type type = editor.graph().value(x).type;
  Shape shape;
  for (int i = axis; i < type.rank(); ++i) {
    shape.push_back(type.dims[static_cast<std::size_t>(i)].value);
  }
  const std::vector<double> ones(static_cast<std::size_t>(shape.elements()), 1.0);
  const std::string& name = editor.graph().value(editor.graph().node(id).output(0)).name;
  norm.inputs = {x, editor.add_constant(name + ".scale", from_doubles(ones, type.dtype, shape))};
  norm.attributes.set("axis", static_cast<std::int64_t>(axis - type.rank()));
  norm.attributes.set("epsilon", static_cast<float>(epsilon));
  editor.rewrite(id, std::move(norm));
}

}  // namespace inlay::inline v0::passes
