// Products of few rows with weights of 4 and 8 bits that come from memory: GB/s and the share of
// what as many threads read at best. Products of many rows: GFLOP/s.
#include <vector>

#include <inlay/kernels/nbits_pack.hpp>

#include "support.hpp"

namespace inlay_bench {
namespace {

using namespace inlay::kernels;

constexpr std::int64_t side = 4096;

std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

/// Weights of side x side, packed, as often as fills memory_bytes.
struct Weights {
  NbitsShape shape;
  std::int64_t bytes, copies;
  std::vector<std::uint8_t> packed;

  Weights(const KernelTable& table, NbitsShape given, std::int64_t least_bytes)
      : shape(given), bytes(given.packed_bytes(table.nbits.nr)) {
    const std::vector<std::uint8_t> codes(size_of(side * side * shape.bits / 8), 0x5B);
    const std::vector<float> scales(size_of(side * shape.blocks()), 0.01f);
    const std::vector<std::uint8_t> zeros(size_of(side * shape.blocks()), 3);
    NbitsSource from;
    from.codes = codes.data();
    from.scales = scales.data();
    from.packed_zeros = zeros.data();
    from.block = shape.block;
    copies = std::max<std::int64_t>(1, least_bytes / bytes);
    packed.resize(size_of(copies * bytes));
    for (std::int64_t i = 0; i < copies; ++i) {
      nbits_pack(shape, from, table.nbits.nr, packed.data() + i * bytes);
    }
  }
};

void gemv(benchmark::State& state, const KernelTable& table, NbitsShape shape, std::int64_t m) {
  static std::unique_ptr<const Weights> weights;  // of all threads, as is the next
  static double peak;
  const int threads = state.threads();
  if (state.thread_index() == 0) {
    weights.reset();
    weights = std::make_unique<const Weights>(table, shape, memory_bytes);
    peak = read_rate(table, threads);
  }
  std::vector<float> x(size_of(side), 0.01f), y(size_of(m * side));
  const std::int64_t words = nbits_row_words(shape);
  std::vector<std::uint32_t> rows(size_of(m * words));
  NbitsProblem problem;
  problem.shape = shape;
  problem.m = m;
  problem.rows = rows.data();
  problem.c = y.data();
  problem.ldc = side;
  std::int64_t next = 0;
  for (auto _ : state) {
    const std::int64_t copy =
        (next++ + state.thread_index() * weights->copies / threads) % weights->copies;
    problem.packed = weights->packed.data() + copy * weights->bytes;
    for (std::int64_t i = 0; i < m; ++i) {
      table.nbits.prepare_row(shape, x.data(), rows.data() + i * words);
    }
    table.nbits.gemv(problem, 0, ceil_div(side, table.nbits.nr));
    benchmark::ClobberMemory();
  }
  report_rate(state, "GB/s", static_cast<double>(shape.packed_bytes(table.nbits.nr)), peak);
}

void gemm(benchmark::State& state, const KernelTable& table, NbitsShape shape, std::int64_t m) {
  const Weights weights(table, shape, 0);
  const auto& nbits = table.nbits;
  const Floats a(m * side), packed_a(nbits.packed_a_size(m, side)), c(m * side);
  NbitsProblem problem;
  problem.shape = shape;
  problem.m = m;
  problem.packed = weights.packed.data();
  problem.packed_a = packed_a.data();
  problem.c = c.data();
  problem.ldc = side;
  const GemmGrid grid = nbits.gemm_grid(m, side, side, 1);
  const Floats scratch(static_cast<std::int64_t>(grid.scratch_floats));
  for (auto _ : state) {
    nbits.pack_a({a.data(), side, 1}, m, side, packed_a.data());
    for (std::int64_t i = 0; i < grid.task_count(); ++i) {
      nbits.gemm_task(problem, grid, i, scratch.data());
    }
    benchmark::ClobberMemory();
  }
  report_flops(state, table, 2.0 * static_cast<double>(m * side * side));
}

const bool registered = [] {
  for_each_table([](const KernelTable& table) {
    for (const auto& [bits, block, zeros] : {std::tuple{4, 32, NbitsZeros::middle},
                                             {4, 32, NbitsZeros::bytes},
                                             {4, 128, NbitsZeros::middle},
                                             {8, 32, NbitsZeros::middle},
                                             {8, 128, NbitsZeros::middle}}) {
      const NbitsShape shape{.n = side, .k = side, .block = block, .bits = bits, .zeros = zeros};
      const std::string form = std::string(table.name) + "/int" + std::to_string(bits) + "/" +
                               std::to_string(block) +
                               (zeros == NbitsZeros::bytes ? "/zeros" : "") + "/";
      for (const std::int64_t m : {1, 2, 4, 8}) {
        const std::string name = "nbits_gemv/" + form + std::to_string(m);
        benchmark::RegisterBenchmark(name.c_str(), gemv, table, shape, m)->ThreadRange(1, 2);
      }
      for (const std::int64_t m : {8, 16, 64, 256}) {
        const std::string name = "nbits_gemm/" + form + std::to_string(m);
        benchmark::RegisterBenchmark(name.c_str(), gemm, table, shape, m);
      }
    }
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
