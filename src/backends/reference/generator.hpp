// The part of the generator kernel table that lives in random.cpp.
#pragma once

#include "backends/reference/reference.hpp"

namespace inlay::inline v0::kernels {

void add_random_kernels(std::vector<ReferenceKernel>& table);  // Random*, Bernoulli, Dropout …

}  // namespace inlay::inline v0::kernels
