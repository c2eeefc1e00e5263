#include "kernels_support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cfloat>

using namespace inlay::kernels;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

/// B of which a share of the blocks is zero, packed, with rows to multiply.
struct SparseCase {
  std::int64_t m, n, k;
  std::vector<float> a, b, row_bias, col_bias, residual;
  std::vector<std::int32_t> starts;
  std::vector<std::uint16_t> rows;
  std::vector<float> weights;
  GemmEpilogue epilogue;

  SparseCase(std::int64_t m_, std::int64_t n_, std::int64_t k_, double share, std::uint32_t seed)
      : m(m_), n(n_), k(k_) {
    Random random(seed);
    a = random.floats(m * k);
    b = random.floats(k * n);
    row_bias = random.floats(m), col_bias = random.floats(n), residual = random.floats(m * n);
    const auto zeros = static_cast<std::int64_t>(share * 1000);
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t j = 0; j < n; j += 4) {
        if (random.integer(0, 999) >= zeros) continue;
        std::fill_n(b.begin() + p * n + j, std::min<std::int64_t>(4, n - j), 0.0f);
      }
    }
  }

  /// `transposed`: packed from a copy of B with columns in a piece.
  SparseMatrix pack(bool transposed = false) {
    std::vector<float> columns(b.size());
    MatrixView view{b.data(), n, 1};
    if (transposed) {
      for (std::int64_t p = 0; p < k; ++p) {
        for (std::int64_t j = 0; j < n; ++j) columns[size_of(j * k + p)] = b[size_of(p * n + j)];
      }
      view = {columns.data(), 1, k};
    }
    SparseMatrix matrix;
    matrix.k = k, matrix.n = n;
    matrix.blocks = count_blocks(view, k, n, k * n);
    starts.assign(size_of(matrix.start_count()), -1);
    rows.assign(size_of(matrix.blocks), 0);
    weights.assign(size_of(4 * matrix.blocks), inlay_test::quiet_nan);
    pack_sparse(view, k, n, {starts.data(), rows.data(), weights.data()});
    matrix.starts = starts.data(), matrix.rows = rows.data(), matrix.weights = weights.data();
    return matrix;
  }

  double sum(std::int64_t i, std::int64_t j, double& size) const {
    double total = 0;
    for (std::int64_t p = 0; p < k; ++p) {
      const double product =
          static_cast<double>(a[size_of(i * k + p)]) * static_cast<double>(b[size_of(p * n + j)]);
      total += product;
      size += std::fabs(product);
    }
    return total;
  }
};

enum class Way { row_by_row, panels };

/// C with two guard columns.
std::vector<float> multiply(const inlay::cpu::KernelTable& table, SparseCase& c, Way way,
                            bool backwards) {
  SparseProblem problem;
  problem.b = c.pack(backwards);
  REQUIRE(is_valid(problem.b));
  problem.m = c.m;
  problem.ldc = c.n + 2;
  problem.epilogue = c.epilogue;
  std::vector<float> out(size_of(c.m * problem.ldc + 1), 77.0f);
  problem.c = out.data();
  if (way == Way::row_by_row) {
    problem.a = c.a.data();
    problem.lda = c.k;
    const std::int64_t groups = problem.b.groups();
    if (!backwards) table.sparse.gemv(problem, 0, groups);
    for (std::int64_t i = groups - 1; backwards && i >= 0; --i) table.sparse.gemv(problem, i, 1);
    return out;
  }
  std::vector<float> packed(size_of(table.gemm.packed_b_size(c.k, c.m)));
  table.gemm.pack_b(MatrixView{c.a.data(), c.k, 1}.transposed(), c.k, c.m, packed.data());
  problem.packed_a = packed.data();
  const GemmGrid grid = sparse_grid(problem, table.gemm.nr, backwards ? 16 : 1);
  std::vector<float> scratch(grid.scratch_floats, inlay_test::quiet_nan);
  for (std::int64_t i = 0; i < grid.task_count(); ++i) {
    table.sparse.task(problem, grid, backwards ? grid.task_count() - 1 - i : i, scratch.data());
  }
  return out;
}

void check(const inlay::cpu::KernelTable& table, SparseCase& c) {
  for (const Way way : {Way::row_by_row, Way::panels}) {
    INFO(table.name << ": m " << c.m << " n " << c.n << " k " << c.k << " way "
                    << static_cast<int>(way));
    const std::vector<float> got = multiply(table, c, way, false);
    REQUIRE(got == multiply(table, c, way, true));
    for (std::int64_t i = 0; i < c.m; ++i) {
      for (std::int64_t j = 0; j < c.n + 2; ++j) {
        const float value = got[size_of(i * (c.n + 2) + j)];
        if (j >= c.n) {
          REQUIRE(value == 77.0f);
          continue;
        }
        double size = 1, addend = 0;
        const double sum = c.sum(i, j, size);
        const GemmEpilogue& e = c.epilogue;
        if (e.row_bias != nullptr) addend += static_cast<double>(c.row_bias[size_of(i)]);
        if (e.col_bias != nullptr) addend += static_cast<double>(c.col_bias[size_of(j)]);
        if (e.residual != nullptr) addend += static_cast<double>(c.residual[size_of(i * c.n + j)]);
        const double want =
            inlay_test::plain_activation(e.activation, static_cast<double>(e.alpha) * sum +
                                                           static_cast<double>(e.beta) * addend);
        const double most = FLT_EPSILON * (8 + std::sqrt(static_cast<double>(c.k))) * size;
        if (!(std::fabs(static_cast<double>(value) - want) <= most)) {
          CAPTURE(i, j, value, want);
          FAIL("wrong element");
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("sparse products agree with plain loops on every shape of tail", "[kernels][sparse]") {
  std::uint32_t seed = 0;
  for (const auto* table : usable_tables()) {
    const std::int64_t nr = table->gemm.nr;
    for (const std::int64_t m : {std::int64_t{0}, std::int64_t{1}, nr - 1, nr, 2 * nr + 3}) {
      for (const std::int64_t n :
           {std::int64_t{0}, std::int64_t{1}, std::int64_t{6}, nr, 2 * nr + 5, std::int64_t{261}}) {
        for (const std::int64_t k : {1, 7, 40}) {
          SparseCase c(m, n, k, 0.6, ++seed);
          check(*table, c);
        }
      }
    }
  }
}

TEST_CASE("sparse products agree with plain loops across chunks and tiles", "[kernels][sparse]") {
  for (const auto* table : usable_tables()) {
    for (const double share : {0.0, 0.5, 0.95, 1.0}) {
      for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{3, 530, 1030}, {70, 300, 513}}) {
        SparseCase c(m, n, k, share, 9);
        check(*table, c);
      }
    }
  }
}

TEST_CASE("sparse products apply scales, biases, residual and every activation",
          "[kernels][sparse]") {
  for (const auto* table : usable_tables()) {
    for (const Activation& activation : inlay_test::all_activations()) {
      SparseCase c(19, 37, 12, 0.5, 5);
      c.epilogue.alpha = 0.5f;
      c.epilogue.beta = -1.5f;
      c.epilogue.activation = activation;
      c.epilogue.row_bias = c.row_bias.data();
      c.epilogue.col_bias = c.col_bias.data();
      c.epilogue.residual = c.residual.data();
      c.epilogue.residual_stride = c.n;
      check(*table, c);
    }
  }
}

TEST_CASE("sparse products do not look at what meets zeros alone", "[kernels][sparse]") {
  for (const auto* table : usable_tables()) {
    SparseCase c(3, 9, 30, 0.0, 2);
    std::fill_n(c.b.begin() + 17 * 9, 9, 0.0f);
    std::vector<float> plain[2];
    for (const bool is_odd : {false, true}) {
      for (std::int64_t i = 0; is_odd && i < 3; ++i) c.a[size_of(i * 30 + 17)] = inlay_test::inf;
      plain[0] = multiply(*table, c, Way::row_by_row, false);
      plain[1] = multiply(*table, c, Way::panels, false);
      for (const auto& out : plain) {
        CHECK(std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x); }));
      }
    }
  }
}

TEST_CASE("a matrix looks dense where it clearly is", "[kernels][sparse]") {
  for (const auto& [n, k] : {std::pair<std::int64_t, std::int64_t>{64, 64}, {510, 900}}) {
    for (const double zeros : {0.0, 0.3, 0.5, 0.9}) {
      const SparseCase c(1, n, k, zeros, 4);
      CAPTURE(n, k, zeros);
      CHECK(looks_dense({c.b.data(), n, 1}, k, n, 0.5) == (zeros < 0.4));
      CHECK(looks_dense({c.b.data(), n, 1}, k, n, 0.1) == (zeros < 0.8));
    }
  }
}

TEST_CASE("places that a sparse matrix has not are found", "[kernels][sparse]") {
  SparseCase c(1, 10, 700, 0.5, 3);
  const SparseMatrix good = c.pack();
  CHECK(good.blocks == count_blocks({c.b.data(), 10, 1}, 700, 10, 2100));
  CHECK(count_blocks({c.b.data(), 10, 1}, 700, 10, 5) > 5);
  const auto refused = [&](auto change) {
    SparseMatrix bad = c.pack();
    change(bad);
    return !is_valid(bad);
  };
  CHECK(is_valid(good));
  CHECK(refused([&](auto&) { c.rows[0] = 512; }));
  CHECK(refused([&](auto&) { c.rows.back() = 700 - 512; }));
  CHECK(refused([&](auto&) { c.starts[0] = -1; }));
  CHECK(refused([&](auto&) { c.starts[1] = c.starts[2] + 1; }));
  CHECK(refused([&](auto& bad) { bad.blocks += 1; }));
}
