// Function pointers that measure the processor itself.
#pragma once

#include <inlay/kernels/peak.hpp>

namespace inlay::inline v0::cpu {

struct PeakKernels {
  /// See kernels::fma_peak; `fma_flops` operations per iteration.
  float (*fma)(std::int64_t iterations, float factor, float offset);
  std::int64_t fma_flops;
  /// See kernels::read_sum.
  float (*read)(const float* data, std::int64_t count);
};

template <class A>
constexpr PeakKernels make_peak_kernels() {
  return {.fma = &kernels::fma_peak<A>,
          .fma_flops = kernels::fma_peak_flops<A>,
          .read = &kernels::read_sum<A>};
}

}  // namespace inlay::inline v0::cpu
