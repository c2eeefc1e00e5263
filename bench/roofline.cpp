// The machine's ceilings: multiply-adds of floats and of bytes per second, and bytes per second
// from each cache level.
#include "support.hpp"

namespace inlay_bench {
namespace {

void fma(benchmark::State& state, const KernelTable& table) {
  constexpr std::int64_t iterations = 100'000;
  for (auto _ : state) benchmark::DoNotOptimize(table.peak.fma(iterations, 0.999f, 0.001f));
  report_flops(state, table, static_cast<double>(iterations * table.peak.fma_flops));
}

void dot(benchmark::State& state, const KernelTable& table) {
  constexpr std::int64_t iterations = 100'000;
  const auto& integer = table.integer;
  for (auto _ : state) benchmark::DoNotOptimize(integer.peak(iterations, 0x01010101));
  report_ops(state, table, static_cast<double>(iterations * integer.peak_ops));
}

void read(benchmark::State& state, const KernelTable& table, std::int64_t bytes) {
  const std::int64_t count = bytes / static_cast<std::int64_t>(sizeof(float));
  const Floats data(count);
  for (auto _ : state) benchmark::DoNotOptimize(table.peak.read(data.data(), count));
  state.SetBytesProcessed(state.iterations() * bytes);
}

const bool registered = [] {
  constexpr std::int64_t kib = 1024, mib = 1024 * kib;
  for_each_integer_table([](const KernelTable& table) {
    benchmark::RegisterBenchmark(("dot/" + std::string(table.name)).c_str(), dot, table);
  });
  for_each_table([](const KernelTable& table) {
    const std::string isa = table.name;
    benchmark::RegisterBenchmark(("fma/" + isa).c_str(), fma, table);
    for (const auto& [name, bytes] : {std::pair{"16KiB", 16 * kib},
                                      {"512KiB", 512 * kib},
                                      {"16MiB", 16 * mib},
                                      {"1GiB", 1024 * mib}}) {
      benchmark::RegisterBenchmark(("read/" + isa + "/" + name).c_str(), read, table, bytes);
    }
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
