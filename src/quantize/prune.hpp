// Weights that become zero: those of least magnitude, or those whose loss the others make up for
// best (SparseGPT, Frantar and Alistarh 2023, arXiv:2301.00774).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inlay/quantize.hpp"

namespace inlay::inline v0 {

/// Errors: invalid_argument, for a share that is not from 0 to below 1.
void check_sparsity(const Sparsity& sparsity);

/// Weights [n, k] with zeros where their squares (the sums of those of a block) are least, as
/// many as the share says, rounded; of four inputs two, of those that are left over half, rounded
/// down. Deterministic: of equals, the first become zero. Errors: invalid_argument, for a bad
/// share, sizes that cannot be, or weights that are not finite.
INLAY_API std::vector<float> prune(std::span<const float> weights, std::int64_t n, std::int64_t k,
                                   const Sparsity& sparsity);

/// The same, chosen and made up for so that X * transposed weights stays near, for inputs X with
/// `hessian` = transposed X * X [k, k]. The share holds of each 128 inputs. `damping` of the mean
/// of the Hessian's diagonal is added to it. Errors: as above, and for a matrix that no X gives.
INLAY_API std::vector<float> sparse_gpt(std::span<const float> weights, std::int64_t n,
                                        std::int64_t k, std::span<const double> hessian,
                                        const Sparsity& sparsity, double damping = 0.01);

}  // namespace inlay::inline v0
