#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

std::vector<ReferenceKernel> fused_kernels() { return {}; }

}  // namespace inlay::inline v0
