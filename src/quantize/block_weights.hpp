// Weights of few bits in a graph: MatMul and Gemm become com.microsoft's MatMulNBits.
#pragma once

#include <map>

#include "inlay/model.hpp"
#include "quantize/block_codes.hpp"
#include "quantize/code_plan.hpp"

namespace inlay::inline v0::quantization {

/// Those of weighted_nodes() whose weights MatMulNBits can hold.
std::vector<WeightedNode> block_nodes(const Graph& graph);

/// The weights of each node as codes: so that they make up for each other's rounding, as far as
/// the samples' values ask for it; without samples, each to the nearest. Errors: those of samples.
std::map<NodeId, BlockCodes> block_weights(const Graph& graph,
                                           const std::vector<WeightedNode>& nodes,
                                           const BlockFormat& format, const ModelOptions& options);

/// `graph` with these nodes' weights in blocks.
Graph insert_blocks(const Graph& graph, const std::vector<WeightedNode>& nodes,
                    const std::map<NodeId, BlockCodes>& codes);

}  // namespace inlay::inline v0::quantization
