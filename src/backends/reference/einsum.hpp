#pragma once

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// Einsum over any number of operands.
void run_einsum(KernelContext& context);

}  // namespace inlay::inline v0::kernels
