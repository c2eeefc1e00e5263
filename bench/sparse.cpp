// Products with weights of which a share of the blocks of four columns is zero: the time of the
// dense kernel by that of the sparse one, which take turns; the least of each counts.
#include <inlay/kernels/sparse_problem.hpp>

#include <random>
#include <vector>

#include "support.hpp"

namespace inlay_bench {
namespace {

using namespace inlay::kernels;

struct Size {
  std::int64_t m, k, n;
};

std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

struct Weights {
  std::vector<float> dense;
  std::vector<std::int32_t> starts;
  std::vector<std::uint16_t> rows;
  std::vector<float> blocks;
  SparseMatrix matrix;

  Weights(Size s, double share) : dense(size_of(s.k * s.n), 0.01f) {
    std::mt19937 engine(1);
    for (std::int64_t p = 0; p < s.k; ++p) {
      for (std::int64_t j = 0; j < s.n; j += 4) {
        if (engine() % 1000 >= share * 1000) continue;
        std::fill_n(dense.begin() + p * s.n + j, std::min<std::int64_t>(4, s.n - j), 0.0f);
      }
    }
    const MatrixView view{dense.data(), s.n, 1};
    matrix.k = s.k, matrix.n = s.n;
    matrix.blocks = count_blocks(view, s.k, s.n, s.k * s.n);
    starts.resize(size_of(matrix.start_count()));
    rows.resize(size_of(matrix.blocks));
    blocks.resize(size_of(4 * matrix.blocks));
    pack_sparse(view, s.k, s.n, {starts.data(), rows.data(), blocks.data()});
    matrix.starts = starts.data(), matrix.rows = rows.data(), matrix.weights = blocks.data();
  }
};

template <class F>
double seconds(const F& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  benchmark::ClobberMemory();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Both pack A within the time, as MatMul does.
void sparse(benchmark::State& state, const KernelTable& table, Size s, double share) {
  const Weights weights(s, share);
  const Floats a(s.m * s.k), c(s.m * s.n);
  const Floats packed_b(table.gemm.packed_b_size(s.k, s.n));
  const Floats rows(
      std::max(table.gemm.packed_a_size(s.m, s.k), table.gemm.packed_b_size(s.k, s.m)));
  table.gemm.pack_b({weights.dense.data(), s.n, 1}, s.k, s.n, packed_b.data());
  GemmProblem dense;
  dense.m = s.m, dense.n = s.n, dense.k = s.k;
  dense.a = {a.data(), s.k, 1};
  dense.packed_b = packed_b.data();
  dense.c = c.data();
  dense.ldc = s.n;
  const bool packs_a = s.m > table.gemm.mr;
  if (packs_a) dense.packed_a = rows.data();
  const GemmGrid grid = table.gemm.grid(s.m, s.n, s.k, packs_a, true, 1);
  const Floats scratch(static_cast<std::int64_t>(grid.scratch_floats));
  SparseProblem problem;
  problem.b = weights.matrix;
  problem.m = s.m;
  problem.a = a.data();
  problem.lda = s.k;
  problem.packed_a = rows.data();
  problem.c = c.data();
  problem.ldc = s.n;
  const GemmGrid tiles = sparse_grid(problem, table.gemm.nr, 1);
  const Floats sums(static_cast<std::int64_t>(tiles.scratch_floats));
  double dense_time = 1e9, sparse_time = 1e9;
  for (auto _ : state) {
    dense_time = std::min(dense_time, seconds([&] {
                            if (packs_a) table.gemm.pack_a(dense.a, s.m, s.k, rows.data());
                            for (std::int64_t i = 0; i < grid.task_count(); ++i) {
                              table.gemm.task(dense, grid, i, scratch.data());
                            }
                          }));
    sparse_time = std::min(sparse_time, seconds([&] {
                             if (s.m <= sparse_few_rows)
                               return table.sparse.gemv(problem, 0, problem.b.groups());
                             table.gemm.pack_b(dense.a.transposed(), s.k, s.m, rows.data());
                             for (std::int64_t i = 0; i < tiles.task_count(); ++i) {
                               table.sparse.task(problem, tiles, i, sums.data());
                             }
                           }));
  }
  state.counters["dense us"] = dense_time * 1e6;
  state.counters["sparse us"] = sparse_time * 1e6;
  state.counters["dense/sparse"] = dense_time / sparse_time;
}

const bool registered = [] {
  for_each_table([](const KernelTable& table) {
    for (const Size& s : {Size{1, 4096, 4096},
                          {1, 768, 3072},
                          {1, 512, 512},
                          {1, 128, 128},
                          {2, 768, 3072},
                          {3, 768, 3072},
                          {6, 768, 3072},
                          {6, 4096, 4096},
                          {32, 512, 512},
                          {128, 128, 128},
                          {128, 768, 3072},
                          {128, 3072, 768},
                          {512, 1024, 1024}}) {
      for (const int percent : {25, 50, 60, 70, 80, 90, 95}) {
        const std::string name = "sparse/" + std::string(table.name) + "/" + std::to_string(s.m) +
                                 "x" + std::to_string(s.k) + "x" + std::to_string(s.n) + "/" +
                                 std::to_string(percent);
        benchmark::RegisterBenchmark(name.c_str(), sparse, table, s, percent / 100.0);
      }
    }
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
