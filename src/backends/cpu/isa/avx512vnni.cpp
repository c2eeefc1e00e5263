#include "backends/cpu/isa/table.hpp"

namespace inlay::inline v0::cpu {

const KernelTable& kernel_table_avx512vnni() {
  static constexpr auto integer = make_integer_kernels<kernels::arch::avx512vnni>();
  static const KernelTable table =
      with_integer_kernels("avx512vnni", kernel_table_avx512(), integer);
  return table;
}

}  // namespace inlay::inline v0::cpu
