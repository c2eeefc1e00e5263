// Weights of few bits that make up for each other's rounding: GPTQ (Frantar et al. 2022,
// arXiv:2210.17323).
#pragma once

#include "quantize/block_codes.hpp"

namespace inlay::inline v0 {

struct GptqOptions {
  BlockFormat format;
  double damping = 0.01;    ///< of the mean of the Hessian's diagonal, added to it
  bool keep_zeros = false;  ///< weights that are zero have the codes of zero
};

/// Codes of weights [n, k] that keep X * transposed weights near, for inputs X with
/// `hessian` = transposed X * X [k, k]. Columns are rounded in order, and what rounding one adds is
/// taken from those after it. Inputs that are always zero have the codes of zero. Deterministic.
/// Errors: invalid_argument, for sizes or a format that cannot be, numbers that are not finite, or
/// a matrix that no X gives.
INLAY_API BlockCodes gptq(std::span<const float> weights, std::int64_t n, std::int64_t k,
                          std::span<const double> hessian, const GptqOptions& options = {});

}  // namespace inlay::inline v0
