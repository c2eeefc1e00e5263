// The parts of the table of com.microsoft's operators, a file each.
#pragma once

#include "backends/reference/reference.hpp"

namespace inlay::inline v0::kernels {

void add_contrib_attention_kernels(std::vector<ReferenceKernel>& table);
void add_contrib_norm_kernels(std::vector<ReferenceKernel>& table);
void add_contrib_activation_kernels(std::vector<ReferenceKernel>& table);
void add_contrib_product_kernels(std::vector<ReferenceKernel>& table);
void add_integer_product_kernels(std::vector<ReferenceKernel>& table);  // QGemm and the like
void add_contrib_quantized_kernels(std::vector<ReferenceKernel>& table);
void add_contrib_tensor_kernels(std::vector<ReferenceKernel>& table);
void add_block_quantized_kernels(std::vector<ReferenceKernel>& table);  // MatMulNBits and the like

}  // namespace inlay::inline v0::kernels
