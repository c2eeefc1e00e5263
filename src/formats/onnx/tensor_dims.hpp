// The dims of a tensor in a file, checked.
#pragma once

#include <vector>

#include "inlay/model.hpp"

namespace inlay::inline v0::onnx {

/// Appends one dim. Errors: limit (more than Shape::max_rank axes), parse (negative).
void push_dim(std::vector<std::int64_t>& dims, std::int64_t dim);

/// The shape of a tensor of `dtype`. Errors: limit, when its bytes pass the limits or overflow;
/// also when the dims beside a zero do, so that later arithmetic on them never does.
Shape checked_shape(const std::vector<std::int64_t>& dims, DType dtype, const Limits& limits);

}  // namespace inlay::inline v0::onnx
