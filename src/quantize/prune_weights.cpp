#include "quantize/prune_weights.hpp"

#include <algorithm>

#include "passes/editor.hpp"
#include "quantize/hessian.hpp"
#include "quantize/prune.hpp"

namespace inlay::inline v0::quantization {
namespace {

/// Nodes that share weights.
using Sharing = std::vector<WeightedNode>;

/// What pruning makes of weights, in their own layout.
class Pruner {
 public:
  Pruner(const Graph& graph, const Sparsity& sparsity) : graph_(graph), sparsity_(sparsity) {}

  void by_magnitude(const Sharing& nodes) {
    const Tensor& w = weights_of(graph_, nodes.front());
    if (is_product(nodes.front())) {
      const WeightMatrix rows = product_weights(graph_, nodes.front());
      return put_product(nodes, prune(elements(rows), rows.rows(), rows.cols(), sparsity_));
    }
    put(nodes, prune(w.as<float>(), w.dim(0), w.size() / w.dim(0), sparsity_));
  }

  void by_hessian(const Sharing& nodes, std::span<const double> hessian) {
    const WeightMatrix rows = product_weights(graph_, nodes.front());
    put_product(nodes, sparse_gpt(elements(rows), rows.rows(), rows.cols(), hessian, sparsity_));
  }

  bool is_product(const WeightedNode& node) const { return !graph_.node(node.id).is("Conv"); }
  std::map<NodeId, Tensor> take() { return std::move(result_); }

 private:
  static std::span<const float> elements(const WeightMatrix& rows) {
    return {rows.data(), static_cast<std::size_t>(rows.size())};
  }
  void put_product(const Sharing& nodes, std::vector<float> pruned) {
    if (nodes.front().channel_axis == 1) {
      const Tensor& w = weights_of(graph_, nodes.front());
      const WeightMatrix rows =
          Eigen::Map<const WeightMatrix>(pruned.data(), w.dim(1), w.dim(0)).transpose();
      std::copy_n(rows.data(), rows.size(), pruned.begin());
    }
    put(nodes, pruned);
  }
  void put(const Sharing& nodes, const std::vector<float>& pruned) {
    const Tensor tensor =
        Tensor::copy_of(std::span<const float>(pruned), weights_of(graph_, nodes.front()).shape());
    for (const WeightedNode& node : nodes) result_.emplace(node.id, tensor);
  }

  const Graph& graph_;
  const Sparsity& sparsity_;
  std::map<NodeId, Tensor> result_;
};

}  // namespace

std::map<NodeId, Tensor> prune_weights(const Graph& graph, const std::vector<WeightedNode>& nodes,
                                       const ModelOptions& options) {
  Pruner pruner(graph, options.quantization.sparsity);
  std::vector<Sharing> on_samples;
  for (const Sharing& sharing : by_weights(graph, nodes)) {
    if (!options.calibration.empty() && pruner.is_product(sharing.front())) {
      on_samples.push_back(sharing);
    } else {
      pruner.by_magnitude(sharing);
    }
  }
  for_each_hessian(graph, on_samples, options, [&](std::size_t i, std::span<const double> hessian) {
    pruner.by_hessian(on_samples[i], hessian);
  });
  return pruner.take();
}

Graph insert_pruned(const Graph& graph, const std::vector<WeightedNode>& nodes,
                    const std::map<NodeId, Tensor>& weights) {
  Graph result = graph.clone();
  passes::Editor editor(result);
  std::map<const void*, ValueId> added;  // by elements: of nodes that share them
  for (const WeightedNode& node : nodes) {
    const Tensor& pruned = weights.at(node.id);
    const ValueId before = result.node(node.id).inputs[node.weights];
    const auto known = added.find(pruned.data());
    if (known == added.end()) {
      const std::string name = result.value(before).name;
      added.emplace(pruned.data(), editor.add_constant(name + ".pruned", pruned));
    }
    editor.set_input(node.id, node.weights, added.at(pruned.data()));
  }
  editor.finish();
  return result;
}

double zero_share(const Tensor& weights) {
  const auto values = weights.as<float>();
  if (values.empty()) return 0;
  return static_cast<double>(std::count(values.begin(), values.end(), 0.0f)) /
         static_cast<double>(values.size());
}

}  // namespace inlay::inline v0::quantization
