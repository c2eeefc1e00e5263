#include "backends/cpu/isa/table.hpp"

namespace inlay::inline v0::cpu {

const KernelTable& kernel_table_avx512() {
  static constexpr KernelTable table = make_kernel_table<kernels::arch::avx512>("avx512");
  return table;
}

}  // namespace inlay::inline v0::cpu
