// Measures what one core of this machine can do, to compare kernels with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "backends/cpu/isa/peak_table.hpp"

namespace inlay::inline v0::cpu {

/// The best f32 multiply-add rate of one core, in GFLOP/s (2 operations each): the fastest of
/// several runs, `seconds` in all. Anything else that runs on the core lowers it.
inline double measure_fma_gflops(const PeakKernels& peak, double seconds = 0.1) {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t iterations = 100'000;
  const auto elapsed = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  const double gflop = static_cast<double>(iterations * peak.fma_flops) * 1e-9;
  double best = 0;
  [[maybe_unused]] volatile float sink = 0;
  for (const auto start = Clock::now(); elapsed(start) < seconds;) {
    const auto begin = Clock::now();
    sink = peak.fma(iterations, 0.999f, 0.001f);
    best = std::max(best, gflop / elapsed(begin));
  }
  return best;
}

}  // namespace inlay::inline v0::cpu
