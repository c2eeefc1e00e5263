// Arithmetic on constants, for passes that fold one into another.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "inlay/tensor.hpp"

namespace inlay::inline v0::passes {

/// Floats of 16 bits or more, integers of 8 bits or more, boolean: what this file can compute with.
bool is_plain_number(DType dtype);
/// The elements as numbers; empty optional unless they are plain numbers.
std::optional<std::vector<double>> to_doubles(const Tensor& tensor);
/// A tensor of floating `dtype` from numbers, rounded once. Errors: shape_mismatch.
Tensor from_doubles(std::span<const double> numbers, DType dtype, const Shape& shape);

/// Elements of f32 rounded to bfloat16 or float16.
Tensor to_half(const Tensor& tensor, DType half);

/// The number that all elements are, when there is at least one and they are all the same.
std::optional<double> uniform_value(const Tensor& tensor);
/// Whether `value` is `wanted` up to the rounding of a literal (a relative 1e-5, or 2^-8 for types
/// of 16 bits).
bool is_number(double value, double wanted, DType dtype);

/// A copy of a floating tensor with slice i of `axis` multiplied by factors[i].
Tensor scaled(const Tensor& tensor, int axis, std::span<const double> factors);

/// A copy with axis i of the result being axis perm[i] of `tensor`. For plain numbers.
Tensor transposed(const Tensor& tensor, std::span<const std::int64_t> perm);

}  // namespace inlay::inline v0::passes
