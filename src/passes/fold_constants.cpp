// Computes what can be computed before the first run: nodes with constant inputs, and shape
// arithmetic whose answer is known from types. One walk in topological order: a node behind a
// folded one is inferred anew first, so that it sees all there is to know.
#include <algorithm>
#include <array>

#include "ops/known_dims.hpp"
#include "passes/editor.hpp"
#include "passes/inference.hpp"
#include "passes/pipeline.hpp"
#include "runtime/evaluate.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr std::size_t small_bytes = std::size_t{1} << 20;
constexpr std::size_t large_bytes = std::size_t{64} << 20;
constexpr std::size_t most_growth = 8;
constexpr std::size_t longest_shape = 64;

bool has_subgraph(const Node& node) {
  bool found = false;
  for_each_subgraph(node, [&](const Graph&) { found = true; });
  return found;
}

/// Work that grows faster than its operands: the reference kernels take long over it.
bool is_product(const Node& node) {
  constexpr std::array ops = {
      "MatMul",         "Gemm",          "Conv",       "ConvTranspose", "Einsum",
      "LSTM",           "GRU",           "RNN",        "MatMulInteger", "ConvInteger",
      "QLinearConv",    "QLinearMatMul", "DeformConv", "Attention",     "DFT",
      "STFT",           "Det",           "GridSample", "Resize",        "TopK",
      "TfIdfVectorizer"};
  constexpr std::array contrib_ops = {"FusedConv",
                                      "NhwcConv",
                                      "NhwcFusedConv",
                                      "ConvTransposeWithDynamicPads",
                                      "FusedMatMul",
                                      "TransposeMatMul",
                                      "FusedGemm",
                                      "QGemm",
                                      "MatMulIntegerToFloat",
                                      "DynamicQuantizeMatMul",
                                      "MatMulNBits",
                                      "MatMulBnb4",
                                      "QAttention",
                                      "MultiHeadAttention",
                                      "GroupQueryAttention",
                                      "DynamicQuantizeLSTM",
                                      "CDist",
                                      "CropAndResize",
                                      "Inverse"};
  return std::find(ops.begin(), ops.end(), node.op) != ops.end() ||
         std::find(contrib_ops.begin(), contrib_ops.end(), node.op) != contrib_ops.end();
}

/// Output sizes that depend on the values, yet never pass a small multiple of the input's.
bool is_bounded_by_input(const Node& node) {
  return node.is("NonZero") || node.is("Unique") || node.is("Compress");
}

bool within_budget(const Graph& graph, const Node& node, const OpSchema& schema) {
  std::size_t in = 0;
  for (const ValueId id : node.inputs) {
    if (id != no_id) in += graph.value(id).constant.bytes();
  }
  if (is_product(node) && in > small_bytes) return false;
  if (has(schema.traits, Trait::view)) return true;
  if (is_bounded_by_input(node)) return in <= large_bytes / most_growth;
  std::size_t out = 0;
  for (const ValueId id : node.outputs) {
    if (id == no_id) continue;
    const Type& type = graph.value(id).type;
    const std::optional<Shape> shape = type.static_shape();
    if (!shape) return false;
    const std::size_t bytes = byte_size(type.dtype, shape->elements());
    if (bytes > large_bytes && bytes > in) return false;
    out += bytes;
  }
  if (is_product(node) && out > small_bytes) return false;
  return out <= in || out <= std::min(large_bytes, in * most_growth + small_bytes);
}

class Folder {
 public:
  Folder(Graph& graph, Scope scope)
      : editor_(graph), scope_(std::move(scope)), changed_(graph.values.size(), false) {}

  void run() {
    const Graph& graph = editor_.graph();
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      if (graph.nodes[i].dead()) continue;
      if (has_subgraph(graph.nodes[i])) {
        infer(id);
        fold_subgraphs(id);
        infer(id);
        continue;
      }
      if (reads_changed(id)) infer(id);
      if (!evaluate(id)) resolve_shape(id);
    }
  }

 private:
  void fold_subgraphs(NodeId id) {
    std::size_t index = 0;
    for_each_subgraph(editor_.graph().node(id),
                      [&](Graph& subgraph) { Folder(subgraph, scope_.within(id, index++)).run(); });
  }

  bool reads_changed(NodeId id) const {
    const std::vector<ValueId> reads = editor_.graph().reads(editor_.graph().node(id));
    return std::any_of(reads.begin(), reads.end(),
                       [&](ValueId value) { return changed_[static_cast<std::size_t>(value)]; });
  }

  void infer(NodeId id) {
    if (!infer_outputs(editor_.graph(), id, scope_)) return;
    for (const ValueId output : editor_.graph().node(id).outputs) mark(output);
  }

  void mark(ValueId value) {
    if (value != no_id) changed_[static_cast<std::size_t>(value)] = true;
  }

  bool evaluate(NodeId id) {
    const Graph& graph = editor_.graph();
    const Node& node = graph.node(id);
    const OpSchema* schema = scope_.registry.find_op(node.domain, node.op, node.version);
    if (has(schema->traits, Trait::nondeterministic)) return false;
    for (const ValueId input : node.inputs) {
      if (input != no_id && graph.constant(input) == nullptr) return false;
    }
    for (const ValueId output : node.outputs) {
      if (output != no_id && !graph.value(output).type.is_tensor()) return false;
    }
    try {
      if (take_tensor(node)) return true;
      if (!within_budget(graph, node, *schema)) return false;
      const std::vector<ValueId> outputs = node.outputs;
      const std::vector<Value> values = evaluate_node(graph, node, scope_.registry);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (outputs[i] != no_id && (i >= values.size() || !values[i].is_tensor())) return false;
      }
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (outputs[i] == no_id) continue;
        editor_.make_constant(outputs[i], values[i].tensor());
        mark(outputs[i]);
      }
    } catch (const Error&) {
      return false;  // it may never run; if it does, the error has its place then
    }
    return true;
  }

  /// A Constant's tensor, without a copy.
  bool take_tensor(const Node& node) {
    if (!node.is("Constant") || node.output(0) == no_id) return false;
    const auto* held = node.attributes.get<Tensor>("value");
    if (held == nullptr) return false;
    const ValueId output = node.output(0);
    editor_.make_constant(output, Tensor(*held));  // the node goes, and its attributes with it
    mark(output);
    return true;
  }

  /// Replaces an integer vector by a constant when types alone say what it holds.
  void resolve_shape(NodeId id) {
    const Graph& graph = editor_.graph();
    const Node& node = graph.node(id);
    const ValueId output = node.output(0);
    if (output == no_id || node.outputs.size() != 1) return;
    const Type& type = graph.value(output).type;
    if (type.dtype != DType::int64) return;
    const std::optional<Shape> shape = type.static_shape();
    if (!shape || shape->rank() > 1 || shape->elements() > std::int64_t{longest_shape}) return;
    const auto items = known_items(graph, output, known_);
    if (!items || std::ssize(*items) != shape->elements()) return;
    Tensor tensor(DType::int64, *shape);
    const auto elements = tensor.as_mutable<std::int64_t>();
    for (std::size_t i = 0; i < items->size(); ++i) {
      if (!(*items)[i].number) return;
      elements[i] = *(*items)[i].number;
    }
    editor_.make_constant(output, std::move(tensor));
    mark(output);
  }

  Editor editor_;
  const Scope scope_;
  std::vector<bool> changed_;
  KnownItemsMemo known_;
};

}  // namespace

void fold_constants(Graph& graph, const PassContext& context) {
  infer_main_graph(graph, context.registry);
  Folder(graph, {context.registry}).run();
}

}  // namespace inlay::inline v0::passes
