// Terms that fused operators add to their result.
#pragma once

#include "inlay/backend.hpp"

namespace inlay::inline v0::cpu {

/// Input i as a dense f32 tensor of shape `output`, plus `other` (of that shape) if not null. Null
/// where the input is absent; written out to scratch only where it broadcasts or is added to.
const float* broadcast_term(KernelContext& context, std::size_t i, const Shape& output,
                            const float* other = nullptr);

}  // namespace inlay::inline v0::cpu
