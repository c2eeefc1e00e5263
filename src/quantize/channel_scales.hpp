// Scales of a value's channels that make its codes, and those of the weights that read it, lose
// less.
#pragma once

#include "quantize/channels.hpp"

namespace inlay::inline v0::quantization {

/// Scales to divide the channels by, and to multiply the weights of `readers` by, `seen` being what
/// samples showed: those of the least expected noise of a few families s = |x|^a / |w|^b. Empty
/// where the channels are best left alone.
std::vector<double> channel_scales(const Graph& graph, const std::vector<WeightedNode>& readers,
                                   const std::vector<ChannelStatistics>& seen);

}  // namespace inlay::inline v0::quantization
