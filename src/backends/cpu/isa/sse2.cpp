#include "backends/cpu/isa/table.hpp"

namespace inlay::inline v0::cpu {

const KernelTable& kernel_table_sse2() {
  static constexpr KernelTable table = make_kernel_table<kernels::arch::sse2>("sse2");
  return table;
}

}  // namespace inlay::inline v0::cpu
