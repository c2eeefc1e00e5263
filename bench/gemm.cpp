// f32 GEMM on one thread: GFLOP/s and the share of the measured multiply-add peak.
#include "support.hpp"

namespace inlay_bench {
namespace {

using namespace inlay::kernels;

struct Size {
  std::int64_t m, n, k;
};

struct Packing {
  const char* name;
  bool a, b;   ///< which operands are packed
  bool timed;  ///< within the time measured
};

void gemm(benchmark::State& state, const KernelTable& table, Size s, Packing packing) {
  const Floats a(s.m * s.k), b(s.k * s.n), c(s.m * s.n);
  const Floats packed_a(table.gemm.packed_a_size(s.m, s.k));
  const Floats packed_b(table.gemm.packed_b_size(s.k, s.n));
  GemmProblem problem;
  problem.m = s.m, problem.n = s.n, problem.k = s.k;
  problem.a = {a.data(), s.k, 1};
  problem.b = {b.data(), s.n, 1};
  if (packing.a) problem.packed_a = packed_a.data();
  if (packing.b) problem.packed_b = packed_b.data();
  problem.c = c.data();
  problem.ldc = s.n;
  const auto pack = [&] {
    if (packing.a) table.gemm.pack_a(problem.a, s.m, s.k, packed_a.data());
    if (packing.b) table.gemm.pack_b(problem.b, s.k, s.n, packed_b.data());
  };
  pack();
  const GemmGrid grid = table.gemm.grid(s.m, s.n, s.k, packing.a, packing.b, 1);
  const Floats scratch(static_cast<std::int64_t>(grid.scratch_floats));
  for (auto _ : state) {
    if (packing.timed) pack();
    for (std::int64_t i = 0; i < grid.task_count(); ++i) {
      table.gemm.task(problem, grid, i, scratch.data());
    }
    benchmark::ClobberMemory();
  }
  report_flops(state, table, 2.0 * static_cast<double>(s.m * s.n * s.k));
}

const bool registered = [] {
  for_each_table([](const KernelTable& table) {
    for (const Size& s : {Size{1024, 1024, 1024},
                          {4096, 4096, 4096},
                          {256, 3072, 768},
                          {64, 3136, 576},
                          {128, 64, 128},
                          {16, 1024, 1024},
                          {1, 1024, 1024},
                          {1024, 1, 1024}}) {
      for (const Packing& packing : {Packing{"in_tasks", false, false, false},
                                     {"a_before", true, false, false},
                                     {"b_before", false, true, false},
                                     {"both_before", true, true, false},
                                     {"both_timed", true, true, true}}) {
        const std::string name = "gemm/" + std::string(table.name) + "/" + std::to_string(s.m) +
                                 "x" + std::to_string(s.n) + "x" + std::to_string(s.k) + "/" +
                                 packing.name;
        benchmark::RegisterBenchmark(name.c_str(), gemm, table, s, packing);
      }
    }
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
