#include "backends/cpu/cpu.hpp"

namespace inlay::inline v0::cpu {

std::vector<CpuOp> matmul_ops() { return {}; }

}  // namespace inlay::inline v0::cpu
