// A product of one-hot rows and a constant matrix picks rows of the matrix: a Gather.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "passes/constants.hpp"
#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

/// One-hot rows: that of index i has a one in column i, that of an index out of range has none.
struct OneHot {
  ValueId indices;
  bool along_axis;  ///< the columns take their last axis, of extent 1
  bool wraps;       ///< negative indices count from the last column
};

bool counts(DType dtype) { return is_integer(dtype) && dtype != DType::uint64; }

/// Equal(indices, 0 ... columns - 1) as numbers.
std::optional<OneHot> find_comparison(const Graph& graph, const Node& cast, std::int64_t columns) {
  const Node* equal = cast.is("Cast") ? graph.producer(cast.input(0)) : nullptr;
  if (equal == nullptr || !equal->is("Equal") || equal->version < 7) return std::nullopt;
  for (const std::size_t i : {0, 1}) {
    const Tensor* numbers = graph.constant(equal->input(1 - i));
    const Type& type = graph.value(equal->input(i)).type;
    if (numbers == nullptr || !counts(type.dtype)) continue;
    if (type.rank() < 1 || type.dims.back() != Dim(1) || numbers->rank() > type.rank()) continue;
    if (numbers->rank() < 1 || numbers->shape()[numbers->rank() - 1] != columns) continue;
    std::vector<double> counted(static_cast<std::size_t>(columns));
    std::iota(counted.begin(), counted.end(), 0.0);
    if (to_doubles(*numbers) == counted) return OneHot{equal->input(i), true, false};
  }
  return std::nullopt;
}

std::optional<OneHot> find_one_hot(const Graph& graph, ValueId value, std::int64_t columns) {
  const Node* node = graph.producer(value);
  if (node == nullptr) return std::nullopt;
  if (!node->is("OneHot")) return find_comparison(graph, *node, columns);
  const Type& type = graph.value(node->input(0)).type;
  const Tensor* depth = graph.constant(node->input(1));
  const Tensor* values = graph.constant(node->input(2));
  const std::int64_t axis = node->attributes.integer("axis", -1);
  if (depth == nullptr || values == nullptr || !counts(type.dtype)) return std::nullopt;
  if (type.rank() < 0 || (axis != -1 && axis != type.rank())) return std::nullopt;
  if (uniform_value(*depth) != static_cast<double>(columns)) return std::nullopt;
  if (to_doubles(*values) != std::vector<double>{0, 1}) return std::nullopt;
  return OneHot{node->input(0), false, true};
}

/// The rows of `matrix`, one of zeros for what is out of range, and the rows again where negative
/// indices count from the end of the table and mean them.
Tensor table(const Tensor& matrix, const std::vector<double>& numbers, bool wraps) {
  const std::int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  std::vector<double> all = numbers;
  all.resize(all.size() + static_cast<std::size_t>(columns), 0.0);
  if (wraps) all.insert(all.end(), numbers.begin(), numbers.end());
  return from_doubles(all, matrix.dtype(), {(wraps ? 2 * rows : rows) + 1, columns});
}

ValueId add_index(Editor& editor, const std::string& name, DType dtype, std::int64_t value) {
  if (dtype == DType::int32) {
    const auto narrow = static_cast<std::int32_t>(value);
    return editor.add_constant(name,
                               Tensor::copy_of(std::span<const std::int32_t>(&narrow, 1), {}));
  }
  return editor.add_constant(name, Tensor::copy_of(std::span<const std::int64_t>(&value, 1), {}));
}

/// The indices as those of rows of the table: out of range on either side is the row of zeros.
ValueId add_rows(Editor& editor, const std::string& name, const OneHot& found, std::int64_t rows) {
  ValueId indices = found.indices;
  Type type = editor.graph().value(indices).type;
  if (found.along_axis) {
    type.dims.pop_back();
    const ValueId last = add_index(editor, name + ".axis", DType::int64, -1);
    const Tensor axes = editor.graph().constant(last)->reshaped({1});
    Node squeeze{.op = "Squeeze", .version = 13};
    squeeze.inputs = {indices, editor.add_constant(name + ".axes", axes)};
    indices = editor.add_node(std::move(squeeze), name + ".indices", type);
  }
  if (type.dtype != DType::int32 && type.dtype != DType::int64) {
    type.dtype = DType::int64;
    Node cast{.op = "Cast", .version = 13, .inputs = {indices}};
    cast.attributes.set("to", static_cast<std::int64_t>(DType::int64));
    indices = editor.add_node(std::move(cast), name + ".indices", type);
  }
  Node clip{.op = "Clip", .version = 13};
  clip.inputs = {indices,
                 add_index(editor, name + ".low", type.dtype, found.wraps ? -rows - 1 : -1),
                 add_index(editor, name + ".high", type.dtype, rows)};
  return editor.add_node(std::move(clip), name + ".rows", type);
}

}  // namespace

void fuse_one_hot(Graph& graph, const PassContext& /*context*/) {
  constexpr std::size_t most_bytes = std::size_t{1} << 20;  // of a matrix that is held twice
  Editor editor(graph);
  const std::size_t count = graph.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!graph.nodes[i].is("MatMul")) continue;
    const Tensor* matrix = graph.constant(graph.nodes[i].input(1));
    if (matrix == nullptr || matrix->rank() != 2) continue;
    const auto found = find_one_hot(graph, graph.nodes[i].input(0), matrix->shape()[0]);
    if (!found || (found->wraps && matrix->bytes() > most_bytes)) continue;
    const auto numbers = to_doubles(*matrix);
    const auto finite = [](double x) { return std::isfinite(x); };  // others times zero are NaN
    if (!numbers || !std::all_of(numbers->begin(), numbers->end(), finite)) continue;
    const std::string name = graph.value(graph.nodes[i].output(0)).name;
    const std::int64_t rows = matrix->shape()[0];
    Node gather{.op = "Gather", .version = 13};
    gather.inputs = {editor.add_constant(name + ".table", table(*matrix, *numbers, found->wraps)),
                     add_rows(editor, name, *found, rows)};
    editor.rewrite(static_cast<NodeId>(i), std::move(gather));
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
