#include "quantize/block_weights.hpp"

#include <Eigen/Core>
#include <algorithm>

#include "passes/editor.hpp"
#include "quantize/calibrate.hpp"
#include "quantize/gptq.hpp"

namespace inlay::inline v0::quantization {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Sums of products of inputs that are held at a time.
constexpr std::size_t most_hessian_bytes = std::size_t{1} << 29;

/// The weights [columns, depth] of a node.
Matrix weights_of(const Graph& graph, const WeightedNode& node) {
  const Tensor& w = *graph.constant(graph.node(node.id).inputs[node.weights]);
  const Eigen::Map<const Matrix> stored(w.as<float>().data(), w.dim(0), w.dim(1));
  return node.channel_axis == 0 ? Matrix(stored) : Matrix(stored.transpose());
}

/// Transposed X times X, for the inputs X of a product that the samples lead to.
class Hessian {
 public:
  explicit Hessian(std::int64_t depth) : depth_(depth), sum_(Eigen::MatrixXd::Zero(depth, depth)) {}

  void see(const Tensor& x) {
    if (x.size() == 0) return;
    const Eigen::Map<const Matrix> rows(x.as<float>().data(), x.size() / depth_, depth_);
    const Eigen::MatrixXd wide = rows.cast<double>();
    sum_.selfadjointView<Eigen::Lower>().rankUpdate(wide.transpose());
  }
  std::vector<double> take() const {
    const Eigen::MatrixXd full = sum_.selfadjointView<Eigen::Lower>();
    return {full.data(), full.data() + full.size()};
  }

 private:
  std::int64_t depth_;
  Eigen::MatrixXd sum_;
};

/// The nodes of one group, their inputs watched in one go over the samples.
void round_group(const Graph& graph, std::span<const WeightedNode> nodes,
                 const ModelOptions& options, const BlockFormat& format,
                 std::map<NodeId, BlockCodes>& codes) {
  std::map<ValueId, Hessian> hessians;  // by input: products of one input share it
  std::vector<ValueId> inputs;
  for (const WeightedNode& node : nodes) {
    const ValueId input = graph.node(node.id).inputs[0];
    const Tensor& w = *graph.constant(graph.node(node.id).inputs[node.weights]);
    if (hessians.emplace(input, Hessian(w.dim(1 - node.channel_axis))).second) {
      inputs.push_back(input);
    }
  }
  watch(graph, inputs, options, [&](ValueId input, const Tensor& x) { hessians.at(input).see(x); });
  for (const WeightedNode& node : nodes) {
    const Matrix w = weights_of(graph, node);
    const std::vector<double> hessian = hessians.at(graph.node(node.id).inputs[0]).take();
    codes.emplace(node.id, gptq({w.data(), static_cast<std::size_t>(w.size())}, w.rows(), w.cols(),
                                hessian, {.format = format}));
  }
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
      const Matrix w = weights_of(graph, node);
      codes.emplace(node.id, quantize_blocks({w.data(), static_cast<std::size_t>(w.size())},
                                             w.rows(), w.cols(), format));
    }
    return codes;
  }
  for (std::size_t first = 0; first < nodes.size();) {
    std::size_t last = first, bytes = 0;
    do {
      const Node& node = graph.node(nodes[last].id);
      const std::int64_t depth = graph.constant(node.inputs[1])->dim(1 - nodes[last].channel_axis);
      bytes += static_cast<std::size_t>(depth * depth) * sizeof(double);
    } while (++last < nodes.size() && bytes < most_hessian_bytes);
    round_group(graph, std::span(nodes).subspan(first, last - first), options, format, codes);
    first = last;
  }
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
