#include "backends/cpu/isa/table.hpp"

namespace inlay::inline v0::cpu {

const KernelTable& kernel_table_avxvnni() {
  static constexpr auto integer = make_integer_kernels<kernels::arch::avxvnni>();
  static const KernelTable table = with_integer_kernels("avxvnni", kernel_table_avx2(), integer);
  return table;
}

}  // namespace inlay::inline v0::cpu
