// Weights of few bits in a graph: MatMul and Gemm become com.microsoft's MatMulNBits.
#pragma once

#include <map>
#include <memory>

#include "inlay/model.hpp"
#include "quantize/block_codes.hpp"
#include "quantize/code_plan.hpp"
#include "quantize/distill.hpp"

namespace inlay::inline v0::quantization {

/// Those of weighted_nodes() whose weights MatMulNBits can hold.
std::vector<WeightedNode> block_nodes(const Graph& graph);

/// Codes of nodes' weights, by the nodes' outputs; nodes that share weights share the codes.
using BlockMap = std::map<ValueId, std::shared_ptr<const BlockCodes>>;

/// The weights of each node as codes: so that they make up for each other's rounding, as far as
/// the samples' values ask for it; without samples, each to the nearest. Errors: those of samples.
BlockMap block_weights(const Graph& graph, const std::vector<WeightedNode>& nodes,
                       const BlockFormat& format, const ModelOptions& options);

/// `graph` with these nodes' weights in blocks, refitted where there is a refit of the node, whose
/// weights no other shares.
Graph insert_blocks(const Graph& graph, const std::vector<WeightedNode>& nodes,
                    const BlockMap& codes, const RefitMap& refits);

}  // namespace inlay::inline v0::quantization
