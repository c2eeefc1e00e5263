// Shape inference that MatMul shares with its quantized and fused forms.
#pragma once

#include <optional>
#include <vector>

#include "inlay/op.hpp"

namespace inlay::inline v0::infer {

/// The dims of numpy.matmul(a, b); nothing when a rank is not known. Fails inference when the
/// operands surely do not fit.
std::optional<std::vector<Dim>> matmul_dims(const InferContext& context, const Type& a,
                                            const Type& b);
/// Output 0 becomes a tensor of `dtype` with those dims, or of unknown rank.
void set_matmul_output(InferContext& context, DType dtype, const Type& a, const Type& b);

}  // namespace inlay::inline v0::infer
