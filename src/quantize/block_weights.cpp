#include "quantize/block_weights.hpp"

#include "passes/constants.hpp"
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

/// Writes nodes with weights in blocks; those that share codes share the constants.
class BlockWriter {
 public:
  BlockWriter(Graph& graph, const BlockMap& codes, const RefitMap& refits)
      : editor_(graph), codes_(codes), refits_(refits) {}

  void write(const WeightedNode& weighted) {
    const Graph& graph = editor_.graph();
    const Node node = graph.node(weighted.id);
    const BlockMap::mapped_type& codes = codes_.at(node.outputs[0]);
    const std::string name = graph.value(node.inputs[weighted.weights]).name;
    Node product{.domain = "com.microsoft", .op = "MatMulNBits", .version = 1};
    product.attributes.set("K", codes->k);
    product.attributes.set("N", codes->n);
    product.attributes.set("bits", std::int64_t{codes->format.bits});
    product.attributes.set("block_size", codes->format.block);
    const auto found = refits_.find(node.outputs[0]);
    const Refit* const refit =
        found != refits_.end() && codes.use_count() == 1 ? &found->second : nullptr;
    const Constants& constants = constants_of(codes, name, refit);
    product.inputs = {node.inputs[0], constants.codes, constants.scales};
    if (constants.zeros != no_id) product.inputs.push_back(constants.zeros);
    if (node.has_input(2)) {
      product.inputs.resize(5, no_id);
      product.inputs.push_back(node.inputs[2]);
      if (refit != nullptr) {
        Tensor bias = graph.constant(node.inputs[2])->clone();
        refit->apply_to_bias(bias.as_mutable<float>());
        product.inputs.back() = editor_.add_constant(name + ".bias", std::move(bias));
      }
    }
    editor_.rewrite(weighted.id, std::move(product));
  }

  void finish() { editor_.finish(); }

 private:
  struct Constants {
    ValueId codes, scales, zeros;
  };

  const Constants& constants_of(const BlockMap::mapped_type& shared, const std::string& name,
                                const Refit* refit) {
    const auto known = constants_.find(shared.get());
    if (known != constants_.end()) return known->second;
    const BlockCodes& codes = *shared;
    const std::int64_t bytes = codes.format.block * codes.format.bits / 8;
    const Tensor scales = tensor_of(codes.scales, {codes.n, codes.blocks()});
    Constants added{
        editor_.add_constant(name + ".codes",
                             tensor_of(codes.codes, {codes.n, codes.blocks(), bytes})),
        editor_.add_constant(name + ".scales",
                             refit != nullptr ? passes::scaled(scales, 0, refit->scale) : scales),
        no_id};
    if (!codes.zeros.empty()) {
      added.zeros = editor_.add_constant(
          name + ".zero_points",
          tensor_of(codes.zeros, {codes.n, std::ssize(codes.zeros) / codes.n}));
    }
    return constants_.emplace(&codes, added).first->second;
  }

  passes::Editor editor_;
  const BlockMap& codes_;
  const RefitMap& refits_;
  std::map<const BlockCodes*, Constants> constants_;
};

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

BlockMap block_weights(const Graph& graph, const std::vector<WeightedNode>& nodes,
                       const BlockFormat& format, const ModelOptions& options) {
  BlockMap all;
  const std::vector<std::vector<WeightedNode>> groups = by_weights(graph, nodes);
  const auto put = [&](const std::vector<WeightedNode>& group, BlockCodes codes) {
    const auto shared = std::make_shared<const BlockCodes>(std::move(codes));
    for (const WeightedNode& node : group) all.emplace(graph.node(node.id).outputs[0], shared);
  };
  if (options.calibration.empty()) {
    for (const std::vector<WeightedNode>& group : groups) {
      const WeightMatrix w = product_weights(graph, group.front());
      put(group, quantize_blocks(elements(w), w.rows(), w.cols(), format));
    }
    return all;
  }
  const GptqOptions how{
      .format = format,
      .keep_zeros = options.quantization.sparsity.pattern != SparsityPattern::none};
  for_each_hessian(graph, groups, options, [&](std::size_t i, std::span<const double> hessian) {
    const WeightMatrix w = product_weights(graph, groups[i].front());
    put(groups[i], gptq(elements(w), w.rows(), w.cols(), hessian, how));
  });
  return all;
}

Graph insert_blocks(const Graph& graph, const std::vector<WeightedNode>& nodes,
                    const BlockMap& codes, const RefitMap& refits) {
  Graph result = graph.clone();
  BlockWriter writer(result, codes, refits);
  for (const WeightedNode& node : nodes) writer.write(node);
  writer.finish();
  result.opsets.emplace("com.microsoft", 1);
  return result;
}

}  // namespace inlay::inline v0::quantization
