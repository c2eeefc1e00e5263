// Shape inference that Conv shares with its integer, quantized and fused forms.
#pragma once

#include "inlay/op.hpp"

namespace inlay::inline v0::infer {

/// Output 0 becomes the convolution of inputs `x` and `w`, of the given dtype. `channels_last`: the
/// channels of x and the output are the last axis, not the second.
void set_conv_output(InferContext& context, DType dtype, std::size_t x, std::size_t w,
                     bool channels_last = false);

/// The dims of the convolution of an image with weights by the node's attributes; empty when no
/// rank is known.
std::vector<Dim> conv_output_dims(const InferContext& context, const Type& image,
                                  const Type& weights);

/// The same for a transposed one.
std::vector<Dim> conv_transpose_output_dims(const InferContext& context, const Type& image,
                                            const Type& weights);

}  // namespace inlay::inline v0::infer
