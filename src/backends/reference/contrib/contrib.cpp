#include "backends/reference/contrib/contrib.hpp"

namespace inlay::inline v0 {

std::vector<ReferenceKernel> contrib_kernels() {
  std::vector<ReferenceKernel> table;
  for (auto add : {kernels::add_contrib_attention_kernels, kernels::add_contrib_norm_kernels,
                   kernels::add_contrib_activation_kernels, kernels::add_contrib_product_kernels,
                   kernels::add_integer_product_kernels, kernels::add_block_quantized_kernels,
                   kernels::add_contrib_quantized_kernels, kernels::add_contrib_tensor_kernels}) {
    add(table);
  }
  return table;
}

}  // namespace inlay::inline v0
