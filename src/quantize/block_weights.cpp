#include "quantize/block_weights.hpp"

#include "passes/editor.hpp"
#include "quantize/gptq.hpp"
#include "quantize/hessian.hpp"

namespace inlay::inline v0::quantization {
namespace {

std::span<const float> elements(const WeightMatrix& w) {
  return {w.data(), static_cast<std::size_t>(w.size())};
}

template <class T>
Tensor tensor_of(const std::vector<T>& values, const Shape& shape) {
  return Tensor::copy_of(std::span<const T>(values), shape);
}

void insert(passes::Editor& editor, const WeightedNode& weighted, const BlockCodes& codes) {
  const Graph& graph = editor.graph();
  const Node node = graph.node(weighted.id);
  const std::string name = graph.value(node.inputs[weighted.weights]).name;
  const std::int64_t bytes = codes.format.block * codes.format.bits / 8;
  Node product{.domain = "com.microsoft", .op = "MatMulNBits", .version = 1};
  product.attributes.set("K", codes.k);
  product.attributes.set("N", codes.n);
  product.attributes.set("bits", std::int64_t{codes.format.bits});
  product.attributes.set("block_size", codes.format.block);
  product.inputs = {
      node.inputs[0],
      editor.add_constant(name + ".codes",
                          tensor_of(codes.codes, {codes.n, codes.blocks(), bytes})),
      editor.add_constant(name + ".scales", tensor_of(codes.scales, {codes.n, codes.blocks()}))};
  if (!codes.zeros.empty()) {
    product.inputs.push_back(
        editor.add_constant(name + ".zero_points",
                            tensor_of(codes.zeros, {codes.n, std::ssize(codes.zeros) / codes.n})));
  }
  if (node.has_input(2)) {
    product.inputs.resize(5, no_id);
    product.inputs.push_back(node.inputs[2]);
  }
  editor.rewrite(weighted.id, std::move(product));
}

}  // namespace

std::vector<WeightedNode> block_nodes(const Graph& graph) {
  std::vector<WeightedNode> nodes = weighted_nodes(graph);
  std::erase_if(nodes, [&](const WeightedNode& weighted) {
    const Node& node = graph.node(weighted.id);
    if (node.is("Conv")) return true;
    if (!node.has_input(2)) return false;
    const Tensor* bias = graph.constant(node.inputs[2]);
    const Tensor& w = *graph.constant(node.inputs[1]);
    return bias == nullptr || bias->rank() != 1 || bias->dim(0) != w.dim(weighted.channel_axis);
  });
  return nodes;
}

std::map<NodeId, BlockCodes> block_weights(const Graph& graph,
                                           const std::vector<WeightedNode>& nodes,
                                           const BlockFormat& format, const ModelOptions& options) {
  std::map<NodeId, BlockCodes> codes;
  if (options.calibration.empty()) {
    for (const WeightedNode& node : nodes) {
      const WeightMatrix w = product_weights(graph, node);
      codes.emplace(node.id, quantize_blocks(elements(w), w.rows(), w.cols(), format));
    }
    return codes;
  }
  const GptqOptions how{
      .format = format,
      .keep_zeros = options.quantization.sparsity.pattern != SparsityPattern::none};
  std::vector<std::vector<WeightedNode>> groups;
  for (const WeightedNode& node : nodes) groups.push_back({node});
  for_each_hessian(graph, groups, options, [&](std::size_t i, std::span<const double> hessian) {
    const WeightMatrix w = product_weights(graph, nodes[i]);
    codes.emplace(nodes[i].id, gptq(elements(w), w.rows(), w.cols(), hessian, how));
  });
  return codes;
}

Graph insert_blocks(const Graph& graph, const std::vector<WeightedNode>& nodes,
                    const std::map<NodeId, BlockCodes>& codes) {
  Graph result = graph.clone();
  passes::Editor editor(result);
  for (const WeightedNode& node : nodes) insert(editor, node, codes.at(node.id));
  editor.finish();
  result.opsets.emplace("com.microsoft", 1);
  return result;
}

}  // namespace inlay::inline v0::quantization
