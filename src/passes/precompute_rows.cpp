// What is computed element by element from rows gathered from a constant is computed once from all
// its rows, and gathered then.
#include <algorithm>
#include <optional>

#include "inlay/error.hpp"
#include "passes/editor.hpp"
#include "passes/elementwise.hpp"
#include "passes/pipeline.hpp"
#include "runtime/evaluate.hpp"

namespace inlay::inline v0::passes {
namespace {

/// Tables take no longer to compute, and no more memory, than this at load.
constexpr std::size_t small_bytes = std::size_t{1} << 20;

/// The Gather of whole rows of a constant that gives the value.
const Node* find_gather(const Editor& editor, ValueId value) {
  const Graph& graph = editor.graph();
  const Node* gather = graph.producer(value);
  if (gather == nullptr || !gather->is("Gather") || !editor.single_use(value)) return nullptr;
  const Tensor* table = graph.constant(gather->input(0));
  const bool fits = table != nullptr && table->rank() > 0 && table->bytes() <= small_bytes;
  return fits && gather->attributes.integer("axis", 0) == 0 ? gather : nullptr;
}

/// An operand that is the same for all rows, of `rank` with the axes of the indices, without these;
/// empty optional for others.
std::optional<Tensor> for_all_rows(const Tensor& operand, int rank, int table_rank) {
  Shape shape = operand.shape();
  if (shape.rank() > rank) return std::nullopt;
  while (shape.rank() > 0 && shape[0] == 1) shape.erase(0);
  return shape.rank() < table_rank ? std::optional(operand.reshaped(shape)) : std::nullopt;
}

/// What the node makes of the table that `gather` takes rows of; empty optional where it does not
/// treat all rows alike.
std::optional<Tensor> on_table(const Graph& graph, const Node& node, const Node& gather,
                               const Registry& registry) {
  const DType dtype = graph.value(node.output(0)).type.dtype;
  const int rank = graph.value(gather.output(0)).type.rank();
  const Tensor& table = *graph.constant(gather.input(0));
  Graph single;
  Node whole = node;
  Shape shape = table.shape();
  for (ValueId& input : whole.inputs) {
    if (input == no_id) continue;
    const Tensor* constant = graph.constant(input);
    const auto operand =
        constant == nullptr ? std::optional(table) : for_all_rows(*constant, rank, table.rank());
    if (!operand) return std::nullopt;
    shape = broadcast(shape, operand->shape());
    input = single.add_constant("", *operand);
  }
  const std::size_t bytes = byte_size(dtype, shape.elements());
  if (bytes > small_bytes) return std::nullopt;
  // Rows that were made narrow are widened one by one.
  if (node.is("Cast") && is_floating(table.dtype()) && bytes > table.bytes()) return std::nullopt;
  whole.outputs = {single.add_value("", Type::tensor(dtype, shape))};
  const auto values = evaluate_node(single, whole, registry);
  return values[0].is_tensor() ? std::optional(values[0].tensor()) : std::nullopt;
}

void precompute(Editor& editor, NodeId id, const Registry& registry) {
  const Graph& graph = editor.graph();
  const Node& node = graph.node(id);
  if (!is_elementwise(node) || node.outputs.size() != 1) return;
  const auto computed = [&](ValueId v) { return v != no_id && graph.constant(v) == nullptr; };
  const auto rows = std::find_if(node.inputs.begin(), node.inputs.end(), computed);
  if (rows == node.inputs.end() || std::count_if(rows, node.inputs.end(), computed) > 1) return;
  const Node* gather = find_gather(editor, *rows);
  if (gather == nullptr || !graph.value(*rows).type.has_rank) return;
  try {
    const auto table = on_table(graph, node, *gather, registry);
    if (!table) return;
    Node result = *gather;
    result.inputs[0] = editor.add_constant(graph.value(node.output(0)).name + ".table", *table);
    editor.rewrite(id, std::move(result));
  } catch (const Error&) {
    // The run has the error again, with its place.
  }
}

}  // namespace

void precompute_rows(Graph& graph, const PassContext& context) {
  Editor editor(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].dead()) precompute(editor, static_cast<NodeId>(i), context.registry);
  }
}

}  // namespace inlay::inline v0::passes
