// Products of few rows with weights that come from memory, in 32 and in 16 bits: GB/s and the share
// of what is read at best. Products of many rows: GFLOP/s.
#include <inlay/kernels/gemm_half.hpp>

#include "support.hpp"

namespace inlay_bench {
namespace {

using namespace inlay::kernels;
using inlay::bfloat16;
using inlay::float16;

constexpr std::int64_t side = 4096;

void set_b(GemmProblem& problem, const float* packed) { problem.packed_b = packed; }
void set_b(GemmProblem& problem, const bfloat16* packed) { problem.packed_b_bf16 = packed; }
void set_b(GemmProblem& problem, const float16* packed) { problem.packed_b_f16 = packed; }

template <class T>
void product(benchmark::State& state, const KernelTable& table, std::int64_t m) {
  const auto& gemm = table.gemm;
  const std::int64_t size = gemm.packed_b_size(side, side);
  const auto bytes = static_cast<std::int64_t>(sizeof(T)) * size;
  const bool is_few = m <= half_few_rows;
  const std::int64_t copies = is_few ? std::max<std::int64_t>(1, memory_bytes / bytes) : 1;
  const std::vector<T> weights(static_cast<std::size_t>(copies * size), T(0.01f));
  const Floats a(m * side), packed_a(gemm.packed_a_size(m, side)), c(m * side);
  GemmProblem problem;
  problem.m = m, problem.n = problem.k = problem.ldc = side;
  problem.a = {a.data(), side, 1};
  if (!is_few) problem.packed_a = packed_a.data();
  problem.c = c.data();
  const bool b_is_packed = sizeof(T) == 4 || is_few;
  const GemmGrid grid = gemm.grid(m, side, side, !is_few, b_is_packed, 1);
  const Floats scratch(static_cast<std::int64_t>(grid.scratch_floats));
  std::int64_t next = 0;
  for (auto _ : state) {
    set_b(problem, weights.data() + next++ % copies * size);
    if (!is_few) gemm.pack_a(problem.a, m, side, packed_a.data());
    for (std::int64_t i = 0; i < grid.task_count(); ++i) {
      gemm.task(problem, grid, i, scratch.data());
    }
    benchmark::ClobberMemory();
  }
  if (is_few) {
    report_rate(state, "GB/s", static_cast<double>(bytes), read_rate(table, 1));
  } else {
    report_flops(state, table, 2.0 * static_cast<double>(m * side * side));
  }
}

const bool registered = [] {
  for_each_table([](const KernelTable& table) {
    for (const std::int64_t m : {1, 2, 3, 8, 64, 256}) {
      const auto add = [&](const char* form, auto f) {
        const std::string name =
            "product/" + std::string(table.name) + "/" + form + "/" + std::to_string(m);
        benchmark::RegisterBenchmark(name.c_str(), f, table, m);
      };
      add("f32", product<float>);
      add("bf16", product<bfloat16>);
      add("f16", product<float16>);
    }
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
