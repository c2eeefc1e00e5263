// Processors without half arithmetic compute float16 in float32: this does so for whole stretches
// of the graph, so that values are rounded at its borders only and kernels see one dtype.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

// Operators whose float inputs and only output share a dtype, and that mean the same in float32.
constexpr std::array widened = {"Add",
                                "AveragePool",
                                "BatchNormalization",
                                "Clip",
                                "Concat",
                                "Conv",
                                "ConvTranspose",
                                "Div",
                                "Dropout",
                                "Erf",
                                "Exp",
                                "Flatten",
                                "Gelu",
                                "Gemm",
                                "GlobalAveragePool",
                                "GlobalMaxPool",
                                "HardSigmoid",
                                "HardSwish",
                                "InstanceNormalization",
                                "LayerNormalization",
                                "LeakyRelu",
                                "MatMul",
                                "MaxPool",
                                "Mul",
                                "PRelu",
                                "Pow",
                                "ReduceMean",
                                "Relu",
                                "Reshape",
                                "Resize",
                                "Sigmoid",
                                "Softmax",
                                "Sqrt",
                                "Squeeze",
                                "Sub",
                                "Tanh",
                                "Transpose",
                                "Unsqueeze"};

Tensor to_float32(const Tensor& half) {
  Tensor wide(DType::float32, half.shape());
  const auto from = half.as<float16>();
  std::copy(from.begin(), from.end(), wide.as_mutable<float>().begin());
  return wide;
}

class Widener {
 public:
  explicit Widener(Graph& graph) : graph_(graph), editor_(graph) {}

  void run() {
    const std::size_t count = graph_.nodes.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (is_widened(graph_.nodes[i])) widen(static_cast<NodeId>(i));
    }
    editor_.finish();
  }

 private:
  bool is_half(ValueId id) const {
    return id != no_id && graph_.value(id).type.dtype == DType::float16;
  }

  bool is_widened(const Node& node) const {
    return node.domain.empty() && node.outputs.size() == 1 && is_half(node.output(0)) &&
           std::find(widened.begin(), widened.end(), node.op) != widened.end();
  }

  void widen(NodeId id) {
    Node wide = graph_.node(id);
    for (ValueId& input : wide.inputs) {
      if (is_half(input)) input = twin(input);
    }
    const ValueId half = wide.outputs[0];
    wide.outputs.clear();
    twins_[half] =
        editor_.add_node(std::move(wide), graph_.value(half).name + "_float32", wide_type(half));
    editor_.rewrite(id, cast(twins_[half], DType::float16));
  }

  /// The value in float32.
  ValueId twin(ValueId half) {
    const auto found = twins_.find(half);
    if (found != twins_.end()) return found->second;
    const std::string name = graph_.value(half).name + "_float32";
    const Tensor* constant = graph_.constant(half);
    const ValueId wide = constant != nullptr
                             ? editor_.add_constant(name, to_float32(*constant))
                             : editor_.add_node(cast(half, DType::float32), name, wide_type(half));
    twins_[half] = wide;
    return wide;
  }

  Type wide_type(ValueId half) const {
    Type type = graph_.value(half).type;
    type.dtype = DType::float32;
    return type;
  }

  static Node cast(ValueId from, DType to) {
    Node node;
    node.op = "Cast";
    node.version = 13;
    node.inputs = {from};
    node.attributes.set("to", static_cast<std::int64_t>(to));
    return node;
  }

  Graph& graph_;
  Editor editor_;
  std::unordered_map<ValueId, ValueId> twins_;  ///< float16 value -> the same in float32
};

}  // namespace

void widen_float16(Graph& graph, const PassContext& /*context*/) { Widener(graph).run(); }

}  // namespace inlay::inline v0::passes
