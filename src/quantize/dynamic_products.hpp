// Products whose values become codes at each run: MatMul and Gemm become
// inlay:DynamicQuantizeMatMul, LSTM com.microsoft's DynamicQuantizeLSTM.
#pragma once

#include "quantize/code_plan.hpp"

namespace inlay::inline v0::quantization {

/// The LSTMs of the main graph with constant weights.
std::vector<WeightedNode> recurrent_nodes(const Graph& graph);

/// Whether one of weighted_nodes() can be such a product.
bool may_be_dynamic(const Node& node);

/// `graph` with these nodes' weights as 8-bit codes, and codes of what they read chosen for each of
/// its rows.
Graph insert_dynamic_products(const Graph& graph, const std::vector<WeightedNode>& nodes);

}  // namespace inlay::inline v0::quantization
