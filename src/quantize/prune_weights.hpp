// Weights of a graph's nodes that become zero.
#pragma once

#include <map>

#include "inlay/model.hpp"
#include "quantize/code_plan.hpp"

namespace inlay::inline v0::quantization {

/// The weights of each node, pruned as ModelOptions::quantization says; nodes that share weights
/// share those. Errors: those of samples; invalid_argument, where weights are not finite.
std::map<NodeId, Tensor> prune_weights(const Graph& graph, const std::vector<WeightedNode>& nodes,
                                       const ModelOptions& options);

/// `graph` with these nodes' weights pruned. Its nodes and values keep their numbers.
Graph insert_pruned(const Graph& graph, const std::vector<WeightedNode>& nodes,
                    const std::map<NodeId, Tensor>& weights);

/// Of the elements of f32 weights, those that are zero: from 0 to 1.
double zero_share(const Tensor& weights);

}  // namespace inlay::inline v0::quantization
