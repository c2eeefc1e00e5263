// What the kernel benchmarks share. All run on one thread, once per instruction set of the machine.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/cpu/isa.hpp"
#include "backends/cpu/measure_peak.hpp"

namespace inlay_bench {

using inlay::cpu::KernelTable;

template <class F>
void for_each_integer_table(const F& f) {
  for (inlay::cpu::Isa isa : inlay::cpu::built_isas()) {
    if (const KernelTable* table = inlay::cpu::find_kernels(inlay::cpu::isa_name(isa))) f(*table);
  }
}

/// For each that has f32 kernels of its own.
template <class F>
void for_each_table(const F& f) {
  for_each_integer_table([&](const KernelTable& table) {
    if (std::string(table.name) == table.floats) f(table);
  });
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

/// The measured peak of integer operations of one core, once per table.
inline double peak_gops(const KernelTable& table) {
  constexpr std::int64_t iterations = 1'000'000;
  constexpr int rounds = 8;
  static std::map<const KernelTable*, double> peaks;
  double& peak = peaks[&table];
  if (peak > 0) return peak;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(table.integer.peak(iterations, 0x01010101));
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    const auto operations = static_cast<double>(iterations * table.integer.peak_ops);
    peak = std::max(peak, operations / time.count() * 1e-9);
  }
  return peak;
}

/// More than caches hold.
inline constexpr std::int64_t memory_bytes = std::int64_t{256} << 20;

/// What `threads` threads read from memory, in 10^9 bytes per second, once for each number.
inline double read_rate(const KernelTable& table, int threads) {
  static std::map<std::pair<std::string, int>, double> rates;
  double& rate = rates[{table.name, threads}];
  if (rate > 0) return rate;
  constexpr int rounds = 12;
  const std::int64_t count = memory_bytes / 4, share = count / threads / 128 * 128;
  const Floats data(count);
  for (int round = 0; round < rounds; ++round) {
    const std::clock_t start = std::clock();  // as benchmarks count: what others take is left out
    std::vector<std::thread> others;
    for (int i = 0; i < threads; ++i) {
      others.emplace_back(
          [&, i] { benchmark::DoNotOptimize(table.peak.read(data.data() + i * share, share)); });
    }
    for (std::thread& other : others) other.join();
    const double time = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / threads;
    rate = std::max(rate, static_cast<double>(4 * share * threads) / time * 1e-9);
  }
  return rate;
}

/// Reports the rate of `operations` per iteration under `name`, and its share of `peak`, both in
/// 10^9 per second. Call it after the loop.
inline void report_rate(benchmark::State& state, const char* name, double operations, double peak) {
  using benchmark::Counter;
  const double giga = operations * 1e-9;
  state.counters[name] = Counter(giga, Counter::kIsIterationInvariantRate);
  state.counters["peak%"] = Counter(100 * giga / peak, Counter::kIsIterationInvariantRate);
}

inline void report_flops(benchmark::State& state, const KernelTable& table, double flops) {
  report_rate(state, "GFLOP/s", flops, peak_gflops(table));
}

inline void report_ops(benchmark::State& state, const KernelTable& table, double operations) {
  report_rate(state, "GOP/s", operations, peak_gops(table));
}

}  // namespace inlay_bench
