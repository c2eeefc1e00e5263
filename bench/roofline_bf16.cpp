// The ceiling of the dot-product instruction on bfloat16, 512 bits wide.
#if defined(__x86_64__) && defined(__GNUC__)
#include <benchmark/benchmark.h>
#include <immintrin.h>

#include <cstdint>

namespace inlay_bench {
namespace {

constexpr int chains = 12;  // hide the latency of an instruction on two ports
constexpr std::int64_t iterations = 100'000;

// Each chain by name: compilers keep an array in memory where they unroll late.
#define INLAY_EACH_CHAIN(DO) \
  DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)

__attribute__((target("avx512f,avx512bf16"))) void bf16_peak() {
  const __m512 half = _mm512_set1_ps(0.5f);
  const __m512bh x = _mm512_cvtne2ps_pbh(half, half);
#define INLAY_BEGIN(c) __m512 sum##c = _mm512_set1_ps(c);
#define INLAY_STEP(c) sum##c = _mm512_dpbf16_ps(sum##c, x, x);
#define INLAY_END(c) benchmark::DoNotOptimize(sum##c);
  INLAY_EACH_CHAIN(INLAY_BEGIN)
  for (std::int64_t i = 0; i < iterations; ++i) {
    INLAY_EACH_CHAIN(INLAY_STEP)
  }
  INLAY_EACH_CHAIN(INLAY_END)
}

void bf16(benchmark::State& state) {
  constexpr int products = 32;  // of each instruction, and as many additions
  for (auto _ : state) bf16_peak();
  const double operations = 2.0 * products * chains * static_cast<double>(iterations);
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  if (__builtin_cpu_supports("avx512bf16")) {
    benchmark::RegisterBenchmark("dot/bf16", bf16);
  }
  return true;
}();

}  // namespace
}  // namespace inlay_bench
#endif
