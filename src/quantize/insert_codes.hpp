// Writing a plan of codes into a graph: QuantizeLinear and DequantizeLinear around values, codes of
// weights and biases.
#pragma once

#include "quantize/channels.hpp"
#include "quantize/code_plan.hpp"
#include "quantize/distill.hpp"
#include "quantize/observer.hpp"

namespace inlay::inline v0::quantization {

/// `graph`, which the plan was made of, with its values as codes. `ranges` has those of the plan's
/// values; `channels` those of nodes whose biases are to make up for what rounding of the weights
/// does to the mean of an output; `refits` those of nodes to refit, of weights that they share with
/// no other.
Graph insert_codes(const Graph& graph, const CodePlan& plan, const std::map<ValueId, Range>& ranges,
                   const ChannelMap& channels, const RefitMap& refits);

}  // namespace inlay::inline v0::quantization
