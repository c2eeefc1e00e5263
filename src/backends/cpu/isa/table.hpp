// One table of kernels per instruction set, each filled by its own translation unit.
#pragma once

#include "backends/cpu/isa/attention_table.hpp"
#include "backends/cpu/isa/blocked_table.hpp"
#include "backends/cpu/isa/conv_table.hpp"
#include "backends/cpu/isa/elementwise_table.hpp"
#include "backends/cpu/isa/gemm_table.hpp"
#include "backends/cpu/isa/integer_table.hpp"
#include "backends/cpu/isa/nbits_table.hpp"
#include "backends/cpu/isa/peak_table.hpp"
#include "backends/cpu/isa/quantize_table.hpp"
#include "backends/cpu/isa/reduce_table.hpp"
#include "backends/cpu/isa/rnn_table.hpp"
#include "backends/cpu/isa/sparse_table.hpp"
#include "backends/cpu/isa/spatial_table.hpp"

namespace inlay::inline v0::cpu {

/// All kernels of one instruction set. Tables are constants: shared by all threads, never freed.
struct KernelTable {
  const char* name;    ///< as INLAY_ISA spells it
  const char* floats;  ///< of the instruction set that the f32 kernels are for
  PeakKernels peak;
  GemmKernels gemm;
  SparseKernels sparse;
  ConvKernels conv;
  ConvKernels conv_transpose;
  BlockedKernels blocked;
  ElementwiseKernels elementwise;
  ReduceKernels reduce;
  SpatialKernels spatial;
  RnnKernels rnn;
  QuantizeKernels quantize;
  AttentionKernels attention;
  RotaryKernel rotary;
  NbitsKernels nbits;
  IntegerKernels integer;
};

/// Instantiates every kernel family for the architecture `A`.
template <class A>
constexpr KernelTable make_kernel_table(const char* name) {
  return {
      .name = name,
      .floats = name,
      .peak = make_peak_kernels<A>(),
      .gemm = make_gemm_kernels<A>(),
      .sparse = make_sparse_kernels<A>(),
      .conv = make_conv_kernels<A>(),
      .conv_transpose = make_conv_transpose_kernels<A>(),
      .blocked = make_blocked_kernels<A>(),
      .elementwise = make_elementwise_kernels<A>(),
      .reduce = make_reduce_kernels<A>(),
      .spatial = make_spatial_kernels<A>(),
      .rnn = make_rnn_kernels<A>(),
      .quantize = make_quantize_kernels<A>(),
      .attention = make_attention_kernels<A>(),
      .rotary = make_rotary_kernel<A>(),
      .nbits = make_nbits_kernels<A>(),
      .integer = make_integer_kernels<A>(),
  };
}

/// `base` with other kernels for integers.
inline KernelTable with_integer_kernels(const char* name, const KernelTable& base,
                                        const IntegerKernels& integer) {
  KernelTable table = base;
  table.name = name;
  table.integer = integer;
  return table;
}

const KernelTable& kernel_table_sse2();
const KernelTable& kernel_table_avx2();
const KernelTable& kernel_table_avxvnni();
const KernelTable& kernel_table_avx512();
const KernelTable& kernel_table_avx512vnni();
const KernelTable& kernel_table_neon64();

}  // namespace inlay::inline v0::cpu
