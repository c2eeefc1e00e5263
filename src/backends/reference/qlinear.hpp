// ONNX Runtime's com.microsoft:QLinear* operators on 8-bit codes.
#pragma once

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

void run_qlinear_add(KernelContext& context);
void run_qlinear_mul(KernelContext& context);
void run_qlinear_leaky_relu(KernelContext& context);
void run_qlinear_sigmoid(KernelContext& context);
void run_qlinear_average_pool(KernelContext& context);
void run_qlinear_global_average_pool(KernelContext& context);
void run_qlinear_concat(KernelContext& context);
void run_code_table(KernelContext& context);

}  // namespace inlay::inline v0::kernels
