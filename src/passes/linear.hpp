// Convolutions and matrix products that can take bias, residual and activation with them. Their
// fused forms have the same inputs: data, weights, bias, residual.
#pragma once

#include "passes/editor.hpp"

namespace inlay::inline v0::passes {

inline constexpr std::size_t weights_input = 1;
inline constexpr std::size_t bias_input = 2;
inline constexpr std::size_t residual_input = 3;

/// The producer of `value` when it is a Conv, a MatMul by a constant matrix, or a fused form of
/// these that has no activation yet, of a floating dtype, and nobody else needs its result; else
/// null.
const Node* open_linear(const Editor& editor, ValueId value);

/// The node as com.microsoft:FusedConv or inlay:FusedMatMul.
Node fused_form(Node linear);

}  // namespace inlay::inline v0::passes
