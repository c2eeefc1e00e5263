// Equalization: channels of a value are brought to like ranges, by scales that move into the
// weights that make them and those that read them (Nagel et al. 2019, "Data-Free Quantization
// Through Weight Equalization and Bias Correction"; Xiao et al. 2023, "SmoothQuant").
#pragma once

#include "quantize/channels.hpp"

namespace inlay::inline v0::quantization {

/// Changes weights so that the graph computes the same numbers with less lost to codes: for values
/// that only `nodes` read, and whose maker can take a scale per channel with it past operators for
/// which f(s x) = s f(x). The scales are those, of a few families, that the least noise is expected
/// of, given what the samples showed of the channels.
void equalize(Graph& graph, const std::vector<WeightedNode>& nodes, const ChannelMap& channels);

}  // namespace inlay::inline v0::quantization
