#include "backends/cpu/cpu.hpp"

namespace inlay::inline v0::cpu {

std::vector<CpuOp> transpose_ops() { return {}; }

}  // namespace inlay::inline v0::cpu
