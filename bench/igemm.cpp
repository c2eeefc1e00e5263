// GEMM on 8-bit codes on one thread: GOP/s and the share of the measured peak.
#include <vector>

#include "support.hpp"

namespace inlay_bench {
namespace {

using namespace inlay::kernels;

struct Size {
  std::int64_t m, n, k;
};

void igemm(benchmark::State& state, const KernelTable& table, Size s, IntegerOutput output) {
  const auto& gemm = table.integer.gemm;
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  const std::vector<std::uint8_t> a(size(s.m * s.k), 3), b(size(s.k * s.n), 2);
  std::vector<std::int8_t> packed(size(gemm.packed_b_size(s.k, s.n)));
  std::vector<std::int32_t> sums(size(s.n));
  gemm.pack_b({b.data(), s.n, 1, true}, s.k, s.n, packed.data(), sums.data());
  const float factor = 1e-4f;
  const Floats c(s.m * s.n);
  IntegerGemmProblem problem;
  problem.m = s.m, problem.n = s.n, problem.k = s.k;
  problem.a = {a.data(), s.k, 1};
  problem.packed_b = packed.data();
  problem.b_sums = sums.data();
  problem.output = output;
  problem.col_scales = {&factor, 0};
  problem.c = c.data();
  problem.ldc = s.n;
  const GemmGrid grid = gemm.grid(s.m, s.n, s.k, 1);
  std::vector<DotWord> scratch(grid.scratch_floats);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < grid.task_count(); ++i) {
      gemm.task(problem, grid, i, scratch.data());
    }
    benchmark::ClobberMemory();
  }
  report_ops(state, table, 2.0 * static_cast<double>(s.m * s.n * s.k));
}

const bool registered = [] {
  for_each_integer_table([](const KernelTable& table) {
    for (const Size& s : {Size{1024, 1024, 1024},
                          {3136, 64, 256},
                          {128, 768, 768},
                          {128, 3072, 768},
                          {128, 768, 3072},
                          {16, 1024, 1024},
                          {1, 4096, 4096}}) {
      for (const auto& [name, output] : {std::pair{"integers", IntegerOutput::integers},
                                         {"floats", IntegerOutput::floats},
                                         {"codes", IntegerOutput::codes}}) {
        const std::string full = "igemm/" + std::string(table.name) + "/" + std::to_string(s.m) +
                                 "x" + std::to_string(s.n) + "x" + std::to_string(s.k) + "/" + name;
        benchmark::RegisterBenchmark(full.c_str(), igemm, table, s, output);
      }
    }
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
