// Reading an operator's small integer arguments, which are attributes in some opset versions and
// inputs in others.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

#include "backends/reference/dispatch.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// An int32 or int64 tensor as int64, without a copy where it is int64. Errors: type_mismatch.
inline std::span<const std::int64_t> integers(KernelContext& context, const Tensor& tensor) {
  if (tensor.dtype() == DType::int64) return tensor.as<std::int64_t>();
  const auto narrow = tensor.as<std::int32_t>();
  const auto wide = context.scratch<std::int64_t>(tensor.size());
  std::copy(narrow.begin(), narrow.end(), wide.begin());
  return wide;
}

/// The attribute `name` when the node has it, else input i; empty when it has neither.
inline std::span<const std::int64_t> integers(KernelContext& context, std::string_view name,
                                              std::size_t i) {
  if (context.attributes().has(name)) return context.attributes().integers(name);
  if (context.has_input(i)) return integers(context, context.input(i));
  return {};
}

/// The single number in an int32 or int64 tensor. Errors: type_mismatch, shape_mismatch.
inline std::int64_t integer(const Tensor& tensor) {
  if (tensor.dtype() == DType::int32) return tensor.item<std::int32_t>();
  return tensor.item<std::int64_t>();
}

/// The single number in a floating-point tensor. Errors: type_mismatch, shape_mismatch.
inline double real(const Tensor& tensor) {
  double number = 0;
  visit_dtype<Floats>(tensor.dtype(), [&]<class T>() { number = tensor.item<T>(); });
  return number;
}

/// A floating-point tensor as double, in scratch. Errors: type_mismatch.
inline std::span<const double> reals(KernelContext& context, const Tensor& tensor) {
  const auto wide = context.scratch<double>(tensor.size());
  visit_dtype<Floats>(tensor.dtype(), [&]<class T>() {
    const auto narrow = tensor.as<T>();
    std::copy(narrow.begin(), narrow.end(), wide.begin());
  });
  return wide;
}

/// The attribute as 0..rank-1. Errors: invalid_argument when out of range.
inline int axis_attribute(const KernelContext& context, std::int64_t fallback, int rank,
                          std::string_view name = "axis") {
  return normalize_axis(context.attributes().integer(name, fallback), rank);
}

}  // namespace inlay::inline v0::kernels
