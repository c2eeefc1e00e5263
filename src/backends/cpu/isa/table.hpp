// One table of kernels per instruction set, each filled by its own translation unit.
#pragma once

#include "backends/cpu/isa/attention_table.hpp"
#include "backends/cpu/isa/conv_table.hpp"
#include "backends/cpu/isa/elementwise_table.hpp"
#include "backends/cpu/isa/gemm_table.hpp"
#include "backends/cpu/isa/peak_table.hpp"
#include "backends/cpu/isa/reduce_table.hpp"
#include "backends/cpu/isa/rnn_table.hpp"
#include "backends/cpu/isa/spatial_table.hpp"

namespace inlay::inline v0::cpu {

/// All kernels of one instruction set. Tables are constants: shared by all threads, never freed.
struct KernelTable {
  const char* name;  ///< as INLAY_ISA spells it
  PeakKernels peak;
  GemmKernels gemm;
  ConvKernels conv;
  ConvKernels conv_transpose;
  ElementwiseKernels elementwise;
  ReduceKernels reduce;
  SpatialKernels spatial;
  RnnKernels rnn;
  AttentionKernels attention;
  RotaryKernel rotary;
};

/// Instantiates every kernel family for the architecture `A`.
template <class A>
constexpr KernelTable make_kernel_table(const char* name) {
  return {
      .name = name,
      .peak = make_peak_kernels<A>(),
      .gemm = make_gemm_kernels<A>(),
      .conv = make_conv_kernels<A>(),
      .conv_transpose = make_conv_transpose_kernels<A>(),
      .elementwise = make_elementwise_kernels<A>(),
      .reduce = make_reduce_kernels<A>(),
      .spatial = make_spatial_kernels<A>(),
      .rnn = make_rnn_kernels<A>(),
      .attention = make_attention_kernels<A>(),
      .rotary = make_rotary_kernel<A>(),
  };
}

const KernelTable& kernel_table_sse2();
const KernelTable& kernel_table_avx2();
const KernelTable& kernel_table_avx512();
const KernelTable& kernel_table_neon64();

}  // namespace inlay::inline v0::cpu
