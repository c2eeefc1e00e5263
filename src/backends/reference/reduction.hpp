// The part of the reduction kernel table that lives in along_axis.cpp.
#pragma once

#include "backends/reference/reference.hpp"

namespace inlay::inline v0::kernels {

void add_axis_kernels(std::vector<ReferenceKernel>& table);  // ArgMax, TopK, CumSum …

}  // namespace inlay::inline v0::kernels
