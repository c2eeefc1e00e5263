#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

std::vector<ReferenceKernel> container_kernels() { return {}; }

}  // namespace inlay::inline v0
