// What BlockedConv computes, for every backend.
#pragma once

#include "backends/reference/conv.hpp"
#include "ops/blocked.hpp"

namespace inlay::inline v0::kernels {

/// The plain shape of the image that a BlockedConv reads: blocked if it has the attribute channels.
/// Errors: shape_mismatch, invalid_graph.
inline Shape blocked_conv_input(const Attributes& attributes, const Shape& x) {
  const std::int64_t block = channel_block_of(attributes);
  if (!attributes.has("channels")) return x;
  return unblocked_shape(x, attributes.integer("channels", 0), block);
}

/// The plain shape of what a BlockedGather makes. Errors: shape_mismatch, invalid_graph.
inline Shape gathered_shape(const KernelContext& context, const ChannelGather& gather) {
  const std::int64_t block = channel_block_of(context.attributes());
  Shape gathered;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    Shape shape = unblocked_shape(context.input(i).shape(), gather.channels(i), block);
    shape[1] = gather.count();
    if (i > 0 && shape != gathered) {
      context.fail(ErrorCode::shape_mismatch,
                   "input " + std::to_string(i) + " differs in more than its channels");
    }
    gathered = shape;
  }
  return gathered;
}

/// Fails unless input i is absent or has this shape.
inline void check_residual(const KernelContext& context, std::size_t i, const Shape& shape) {
  if (context.has_input(i) && context.input(i).shape() != shape) {
    context.fail(ErrorCode::shape_mismatch, "the residual is " +
                                                to_string(context.input(i).shape()) +
                                                ", the result " + to_string(shape));
  }
}

}  // namespace inlay::inline v0::kernels
