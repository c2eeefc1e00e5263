// Shape inference that the pools share with their quantized forms.
#pragma once

#include "inlay/op.hpp"

namespace inlay::inline v0::infer {

/// Output `out` becomes the pooling of input 0 by the node's window attributes. `channels_last`:
/// the channels are the last axis, not the second.
void set_pool_output(InferContext& context, std::size_t out, DType dtype,
                     bool channels_last = false);
/// Output 0 becomes input 0 with every spatial axis of size 1.
void set_global_pool_output(InferContext& context, bool channels_last = false);

}  // namespace inlay::inline v0::infer
