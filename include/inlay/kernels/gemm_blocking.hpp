// How the GEMM of each architecture is blocked.
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// Blocking, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
/// (2008): a register tile of `mr` x `nr`, k cut at `kc` so that a panel of A stays in the L1
/// cache, columns cut at `nc` so that a block of B stays in the L2 cache and is read from there
/// once per panel of A; longer sums would be rounded more often, too. Rows are packed `mc` at a
/// time where A is not packed yet.
template <class A>
struct GemmBlocking {
  static constexpr int vecs = 2;
  static constexpr int mr = is_avx512<A> ? 14 : is_avx2<A> ? 6 : vector_registers<A> == 32 ? 8 : 4;
  static constexpr int nr = vecs * static_cast<int>(lanes<float, A>);
  static constexpr std::int64_t kc = 256;
  static constexpr std::int64_t mc = 168 / mr * mr;
  static constexpr std::int64_t nc = 128 / nr * nr;
};

}  // namespace inlay::inline v0::kernels
