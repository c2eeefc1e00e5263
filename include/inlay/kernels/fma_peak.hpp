// The processor's own ceiling: as many independent multiply-adds as its registers hold.
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// Independent chains that hide the latency of a multiply-add on two ports.
template <class A>
inline constexpr int fma_peak_chains = vector_registers<A> == 32 ? 24 : 12;

/// Floating-point operations in one iteration of fma_peak.
template <class A>
inline constexpr std::int64_t fma_peak_flops = 2 * fma_peak_chains<A>* lanes<float, A>;

/// Runs `iterations` rounds of independent f32 multiply-adds in registers; the caller times it.
/// The result depends on all of them, so that none can be left out.
template <class A>
INLAY_FLATTEN float fma_peak(std::int64_t iterations, float factor, float offset) {
  constexpr int chains = fma_peak_chains<A>;
  const Vec<float, A> x(factor);
  const Vec<float, A> y(offset);
  Vec<float, A> sums[chains];
  for (int c = 0; c < chains; ++c) sums[c] = Vec<float, A>(static_cast<float>(c));
  for (std::int64_t i = 0; i < iterations; ++i) {
    unroll<chains>([&](auto c) { sums[c] = fma<A>(sums[c], x, y); });
  }
  Vec<float, A> total = sums[0];
  for (int c = 1; c < chains; ++c) total += sums[c];
  return reduce_add<float, A>(total);
}

}  // namespace inlay::inline v0::kernels
