// Weights as 8-bit codes with a scale for each channel.
#pragma once

#include "inlay/tensor.hpp"

namespace inlay::inline v0::quantization {

/// 8-bit codes, from -127 on, and their scales along an axis.
struct CodedWeights {
  Tensor codes, scales;
};

/// The nearest codes of f32 weights. Errors: invalid_argument, where they are not finite.
CodedWeights code_weights(const Tensor& weights, int axis);

}  // namespace inlay::inline v0::quantization
