#include "backends/cpu/isa/table.hpp"

namespace inlay::inline v0::cpu {

const KernelTable& kernel_table_neon64() {
  static constexpr KernelTable table = make_kernel_table<kernels::arch::neon64>("neon64");
  return table;
}

}  // namespace inlay::inline v0::cpu
