// The parts of the table of com.microsoft's operators, a file each.
#pragma once

#include "backends/reference/reference.hpp"

namespace inlay::inline v0::kernels {

void add_contrib_attention_kernels(std::vector<ReferenceKernel>& table);

}  // namespace inlay::inline v0::kernels
