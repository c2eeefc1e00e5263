#include "backends/cpu/measure_peak.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "backends/cpu/isa.hpp"
#include "inlay/error.hpp"

namespace inlay::inline v0::cpu {

double measure_peak(Executor& executor, std::string_view isa) {
  using Clock = std::chrono::steady_clock;
  constexpr int rounds = 8;
  constexpr std::int64_t iterations = 2'000'000;

  const KernelTable* table = isa.empty() ? best_kernels() : find_kernels(isa);
  if (table == nullptr) {
    throw Error(ErrorCode::not_found, "no kernels for instruction set '" + std::string(isa) + "'");
  }
  const int threads = executor.concurrency();
  std::vector<float> results(static_cast<std::size_t>(threads));
  const auto run = [&](std::int64_t index, int) {
    results[static_cast<std::size_t>(index)] = table->peak.fma(iterations, 0.5f, 0.25f);
  };
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    executor.parallel_for(threads, run);
    const std::chrono::duration<double> time = Clock::now() - start;
    best = std::max(
        best, static_cast<double>(table->peak.fma_flops * iterations * threads) / time.count());
  }
  return best;
}

}  // namespace inlay::inline v0::cpu
