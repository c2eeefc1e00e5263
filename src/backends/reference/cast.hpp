// Conversion of whole tensors between element types.
#pragma once

#include "backends/reference/low_bits.hpp"
#include "inlay/tensor.hpp"

namespace inlay::inline v0::kernels {

/// What Cast's attributes say about float8 results.
struct CastOptions {
  bool saturate = true;
  RoundMode round = RoundMode::up;  ///< of float8e8m0
};

/// Writes the elements of `from` to `to`, which has the same number of them, by the rules of ONNX's
/// Cast. The two may be the same memory when their elements have one size.
/// Errors: type_mismatch for complex types, execution for a string that is no number.
INLAY_API void convert_elements(const Tensor& from, Tensor& to, const CastOptions& options = {});

}  // namespace inlay::inline v0::kernels
