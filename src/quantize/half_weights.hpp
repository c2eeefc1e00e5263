// Weights of 16 bits in a graph: a Cast behind them.
#pragma once

#include <vector>

#include "quantize/code_plan.hpp"

namespace inlay::inline v0::quantization {

/// The nodes of the main graph that pick rows of constant weights: embeddings.
std::vector<WeightedNode> embedding_nodes(const Graph& graph);

/// Whether a float of 16 bits holds each of the node's weights, rounded.
bool fits_half(const Graph& graph, const WeightedNode& node, DType half);

/// `graph` with these nodes' weights as bfloat16 or float16.
Graph insert_half(const Graph& graph, const std::vector<WeightedNode>& nodes, DType half);

}  // namespace inlay::inline v0::quantization
