// How many elements Range gives.
#pragma once

#include <cstdint>

#include "inlay/tensor.hpp"

namespace inlay::inline v0 {

/// Elements of start, start + delta, … before limit: max(ceil((limit - start) / delta), 0).
/// All three hold one element of one numeric dtype; a null delta is 1. Errors: invalid_argument
/// when delta is zero or a value is not finite; type_mismatch.
std::int64_t range_count(const Tensor& start, const Tensor& limit, const Tensor* delta);

}  // namespace inlay::inline v0
