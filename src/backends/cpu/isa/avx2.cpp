#include "backends/cpu/isa/table.hpp"

namespace inlay::inline v0::cpu {

const KernelTable& kernel_table_avx2() {
  static constexpr KernelTable table = make_kernel_table<kernels::arch::avx2>("avx2");
  return table;
}

}  // namespace inlay::inline v0::cpu
