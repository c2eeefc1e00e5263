// The parts of the normalization kernel table that live in files of their own.
#pragma once

#include "backends/reference/reference.hpp"

namespace inlay::inline v0::kernels {

void add_norm_kernels(std::vector<ReferenceKernel>& table);     // RMSNormalization, LRN …
void add_softmax_kernels(std::vector<ReferenceKernel>& table);  // Softmax, LogSoftmax, Hardmax
void add_loss_kernels(std::vector<ReferenceKernel>& table);     // NegativeLogLikelihoodLoss …

}  // namespace inlay::inline v0::kernels
