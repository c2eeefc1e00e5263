#include "quantize/hessian.hpp"

#include <algorithm>
#include <map>

#include "quantize/calibrate.hpp"

namespace inlay::inline v0::quantization {
namespace {

/// Sums of products of inputs that are held at a time.
constexpr std::size_t most_hessian_bytes = std::size_t{1} << 29;

/// Transposed X times X, for the inputs X of a product that the samples lead to.
class Hessian {
 public:
  explicit Hessian(std::int64_t depth) : depth_(depth), sum_(Eigen::MatrixXd::Zero(depth, depth)) {}

  void see(const Tensor& x) {
    if (x.size() == 0) return;
    const Eigen::Map<const WeightMatrix> rows(x.as<float>().data(), x.size() / depth_, depth_);
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

using Inputs = std::vector<ValueId>;  // sorted

Inputs inputs_of(const Graph& graph, const std::vector<WeightedNode>& group) {
  Inputs inputs;
  for (const WeightedNode& node : group) inputs.push_back(graph.node(node.id).inputs[0]);
  std::sort(inputs.begin(), inputs.end());
  inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
  return inputs;
}

std::int64_t depth_of(const Graph& graph, const WeightedNode& node) {
  return graph.constant(graph.node(node.id).inputs[node.weights])->dim(1 - node.channel_axis);
}

}  // namespace

WeightMatrix product_weights(const Graph& graph, const WeightedNode& node) {
  const Tensor& w = weights_of(graph, node);
  const Eigen::Map<const WeightMatrix> stored(w.as<float>().data(), w.dim(0), w.dim(1));
  return node.channel_axis == 0 ? WeightMatrix(stored) : WeightMatrix(stored.transpose());
}

void for_each_hessian(const Graph& graph, std::span<const std::vector<WeightedNode>> groups,
                      const ModelOptions& options,
                      FunctionRef<void(std::size_t, std::span<const double>)> f) {
  for (std::size_t first = 0, last = 0; first < groups.size(); first = last) {
    std::map<Inputs, Hessian> hessians;  // products of the same inputs share one
    std::map<ValueId, std::vector<Hessian*>> seen_by;
    std::size_t bytes = 0;
    do {
      const std::int64_t depth = depth_of(graph, groups[last].front());
      const Inputs inputs = inputs_of(graph, groups[last]);
      const auto [at, is_new] = hessians.try_emplace(inputs, depth);
      if (!is_new) continue;
      for (const ValueId input : inputs) seen_by[input].push_back(&at->second);
      bytes += static_cast<std::size_t>(depth * depth) * sizeof(double);
    } while (++last < groups.size() && bytes < most_hessian_bytes);
    std::vector<ValueId> values;
    for (const auto& [value, by] : seen_by) values.push_back(value);
    watch(graph, values, options, [&](ValueId value, const Tensor& x) {
      for (Hessian* const hessian : seen_by.at(value)) hessian->see(x);
    });
    for (std::size_t i = first; i < last; ++i) {
      f(i, hessians.at(inputs_of(graph, groups[i])).take());
    }
  }
}

}  // namespace inlay::inline v0::quantization
