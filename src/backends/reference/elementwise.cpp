#include "backends/reference/elementwise.hpp"

namespace inlay::inline v0 {

std::vector<ReferenceKernel> elementwise_kernels() {
  std::vector<ReferenceKernel> table;
  kernels::add_math_kernels(table);
  kernels::add_activation_kernels(table);
  kernels::add_arithmetic_kernels(table);
  kernels::add_logic_kernels(table);
  kernels::add_cast_kernels(table);
  return table;
}

}  // namespace inlay::inline v0
