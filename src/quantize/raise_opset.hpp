// Nodes of older opsets as those of opset 13, which a graph with codes imports.
#pragma once

#include "inlay/graph.hpp"

namespace inlay::inline v0::quantization {

/// The first opset with a scale per channel.
inline constexpr int qdq_opset = 13;

/// Rewrites nodes of ai.onnx before opset 13, of a graph with types, as nodes of it that compute
/// the same: attributes become inputs, old defaults are spelt out. What has no such form stays.
/// Products with a bias within, as fuse_affine makes them, become a MatMul and an Add.
void raise_opset(Graph& graph);

}  // namespace inlay::inline v0::quantization
