// What a graph goes through before it is quantized.
#pragma once

#include "inlay/backend.hpp"

namespace inlay::inline v0::quantization {

/// Runs the passes that leave operators of the standard, from what a file holds to what is
/// quantized (constants folded, normalisations within weights), and raises nodes to the opset of
/// QDQ.
void prepare(Graph& graph, const Registry& registry);

}  // namespace inlay::inline v0::quantization
