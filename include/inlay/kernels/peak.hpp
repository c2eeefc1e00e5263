// The processor's own ceilings: multiply-adds in registers, and reads from wherever data lies.
#pragma once

#include <inlay/kernels/byte_dot.hpp>

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
  return kernels::reduce_add<float, A>(total);
}

/// The same for dot_peak, where products of 16 bits are summed without waiting for each other.
template <class A>
inline constexpr int dot_peak_chains = has_vnni<A> ? fma_peak_chains<A> : 6;

/// Integer operations in one iteration of dot_peak.
template <class A>
inline constexpr std::int64_t dot_peak_ops = 2 * dot_peak_chains<A>* dot_depth<A>* lanes<float, A>;

/// Runs `iterations` rounds of independent sums of products of bytes in registers, each row times a
/// column that changes.
template <class A>
INLAY_FLATTEN std::int32_t dot_peak(std::int64_t iterations, std::int32_t row) {
  using Sum = Vec<std::int32_t, A>;
  constexpr int chains = dot_peak_chains<A>, different = has_vnni<A> ? 1 : chains;
  Sum sums[chains], rows[different];
  unroll<chains>([&](auto c) { sums[c] = Sum(row + c); });
  unroll<different>([&](auto c) { rows[c] = Sum(row - c); });
  Sum column = rows[0];
  for (std::int64_t i = 0; i < iterations; ++i) {
    unroll<chains>([&](auto c) { sums[c] = dot<A>(sums[c], rows[c % different], column); });
    column += rows[0];
  }
  unroll<chains - 1>([&](auto c) { sums[0] += sums[c + 1]; });
  return sums[0].get(0);
}

/// The sum of `count` floats, read once from front to back as fast as loads allow; the caller times
/// it. `count` is a multiple of 128.
template <class A>
INLAY_FLATTEN float read_sum(const float* data, std::int64_t count) {
  constexpr int size = static_cast<int>(lanes<float, A>);
  constexpr int chains = 8;
  Vec<float, A> sums[chains];
  unroll<chains>([&](auto c) { sums[c] = Vec<float, A>(0.0f); });
  for (std::int64_t i = 0; i < count; i += chains * size) {
    unroll<chains>([&](auto c) { sums[c] += load<float, A>(data + i + c * size); });
  }
  for (int c = 1; c < chains; ++c) sums[0] += sums[c];
  return kernels::reduce_add<float, A>(sums[0]);
}

}  // namespace inlay::inline v0::kernels
