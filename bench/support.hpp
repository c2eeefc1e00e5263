// What the kernel benchmarks share. All run on one thread, once per instruction set of the machine.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "backends/cpu/isa.hpp"
#include "backends/cpu/measure_peak.hpp"

namespace inlay_bench {

using inlay::cpu::KernelTable;

template <class F>
void for_each_table(const F& f) {
  for (inlay::cpu::Isa isa : inlay::cpu::built_isas()) {
    if (const KernelTable* table = inlay::cpu::find_kernels(inlay::cpu::isa_name(isa))) f(*table);
  }
}

/// That of the best instruction set.
inline const KernelTable& best_table() {
  const KernelTable* best = nullptr;
  for_each_table([&](const KernelTable& table) {
    if (best == nullptr) best = &table;
  });
  return *best;
}

/// Floats on a cache line boundary, all of one small value.
class Floats {
 public:
  explicit Floats(std::int64_t count) {
    const auto bytes = (static_cast<std::size_t>(count) * sizeof(float) + 127) / 64 * 64;
    data_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
    for (std::size_t i = 0; i < bytes / sizeof(float); ++i) data_.get()[i] = 0.01f;
  }
  float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float[], Free> data_;
};

/// The measured multiply-add peak of one core, once per table.
inline double peak_gflops(const KernelTable& table) {
  static std::map<const KernelTable*, double> peaks;
  double& peak = peaks[&table];
  if (peak == 0) peak = inlay::cpu::measure_peak(*inlay::inline_executor(), table.name) * 1e-9;
  return peak;
}

/// Reports GFLOP/s and the share of the measured peak, for `flops` per iteration. Call it after the
/// loop.
inline void report_flops(benchmark::State& state, const KernelTable& table, double flops) {
  using benchmark::Counter;
  const double gflop = flops * 1e-9;
  state.counters["GFLOP/s"] = Counter(gflop, Counter::kIsIterationInvariantRate);
  state.counters["peak%"] =
      Counter(100 * gflop / peak_gflops(table), Counter::kIsIterationInvariantRate);
}

}  // namespace inlay_bench
