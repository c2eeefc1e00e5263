// Products of integers with codes of what comes in, as tools of ONNX Runtime write them, become one
// node, com.microsoft:DynamicQuantizeMatMul, which takes the bias behind it along.
#include "passes/match.hpp"
#include "passes/pipeline.hpp"
#include "passes/quantized_product.hpp"

namespace inlay::inline v0::passes {
namespace {

enum DynamicSlot { dynamic_codes, dynamic_weights, dynamic_a_scale, dynamic_b_scale, dynamic_sums };

/// Codes times weights times both scales.
Pattern dynamic_product() {
  const Pattern sums =
      op("Cast",
         {op("MatMulInteger", {value(dynamic_codes), constant(dynamic_weights)}, dynamic_sums)});
  const Pattern a_scale = value(dynamic_a_scale), b_scale = constant(dynamic_b_scale);
  return either({op("Mul", {sums, op("Mul", {a_scale, b_scale})}),
                 op("Mul", {op("Mul", {sums, a_scale}), b_scale}),
                 op("Mul", {op("Mul", {sums, b_scale}), a_scale})});
}

class DynamicFuser {
 public:
  explicit DynamicFuser(Graph& graph) : graph_(graph), editor_(graph) {}

  void run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      if (graph_.node(id).is("Mul")) fuse_scales(id);
      const Node& node = graph_.node(id);
      if (node.is("DynamicQuantizeMatMul", "com.microsoft") ||
          node.is("DynamicQuantizeMatMul", "inlay")) {
        fuse_bias(id);
      }
    }
  }

 private:
  bool is_per_column(ValueId value, std::int64_t columns) const {
    const Tensor* tensor = graph_.constant(value);
    return tensor != nullptr && tensor->rank() <= 1 &&
           (tensor->size() == 1 || tensor->size() == columns);
  }

  void fuse_scales(NodeId id) {
    Match match(editor_);
    if (!match.find(pattern_, id)) return;
    const Node& product = match.node(dynamic_sums);
    const Node* quantize = graph_.producer(match[dynamic_codes]);
    if (quantize == nullptr || !quantize->is("DynamicQuantizeLinear") ||
        quantize->output(0) != match[dynamic_codes] ||
        quantize->output(1) != match[dynamic_a_scale] || quantize->output(2) != product.input(2)) {
      return;
    }
    const Tensor& weights = match.constant(dynamic_weights);
    if (weights.rank() != 2 || match.constant(dynamic_b_scale).dtype() != DType::float32 ||
        !is_per_column(match[dynamic_b_scale], weights.dim(1))) {
      return;
    }
    Node fused{.domain = "com.microsoft", .op = "DynamicQuantizeMatMul", .version = 1};
    fused.inputs = {quantize->input(0), match[dynamic_weights], match[dynamic_b_scale]};
    if (product.has_input(3)) {
      if (!is_per_column(product.input(3), weights.dim(1))) return;
      fused.inputs.push_back(product.input(3));
    }
    editor_.rewrite(id, std::move(fused));
  }

  void fuse_bias(NodeId id) {
    const Node& product = graph_.node(id);
    const Tensor* weights = graph_.constant(product.input(1));
    if (product.has_input(4) || weights == nullptr || weights->rank() != 2) return;
    const auto sum = bias_behind(editor_, product.output(0), weights->dim(1));
    if (!sum) return;
    Node fused = product;
    fused.outputs.clear();
    fused.inputs.resize(4, no_id);
    fused.inputs.push_back(sum->bias);
    editor_.rewrite(sum->add, std::move(fused));
  }

  Graph& graph_;
  Editor editor_;
  const Pattern pattern_ = dynamic_product();
};

}  // namespace

void fuse_dynamic_matmul(Graph& graph, const PassContext& /*context*/) {
  DynamicFuser(graph).run();
}

}  // namespace inlay::inline v0::passes
