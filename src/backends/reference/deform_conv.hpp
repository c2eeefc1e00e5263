#pragma once

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// DeformConv: a convolution whose taps are moved by learnt offsets (Dai et al. 2017, Zhu et al.
/// 2018).
void run_deform_conv(KernelContext& context);

}  // namespace inlay::inline v0::kernels
