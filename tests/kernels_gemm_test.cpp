#include "kernels_support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cfloat>
#include <limits>

using namespace inlay::kernels;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

enum class Layout { rows, columns, strided };

MatrixView view_of(const std::vector<float>& data, Layout layout, std::int64_t rows,
                   std::int64_t cols) {
  switch (layout) {
    case Layout::rows:
      return {data.data(), cols + 3, 1};
    case Layout::columns:
      return {data.data(), 1, rows + 5};
    case Layout::strided:
      return {data.data(), 2 * cols + 1, 2};
  }
  return {};
}

struct Case {
  std::int64_t m, n, k;
  Layout a = Layout::rows, b = Layout::rows;
  bool pack_a = false, pack_b = false;
  bool in_place_residual = false;
  GemmEpilogue epilogue{};
  bool row_bias = false, col_bias = false, residual = false;
};

// Runs the tasks of a case, in order or backwards, and gives C with its guard columns.
std::vector<float> run(const inlay::cpu::GemmKernels& gemm, const Case& c, const GemmProblem& base,
                       std::vector<float> out, bool backwards) {
  GemmProblem problem = base;
  std::vector<float> a, b;
  if (c.pack_a) {
    a.resize(static_cast<std::size_t>(gemm.packed_a_size(c.m, c.k)));
    gemm.pack_a(problem.a, c.m, c.k, a.data());
    problem.packed_a = a.data();
  }
  if (c.pack_b) {
    b.resize(static_cast<std::size_t>(gemm.packed_b_size(c.k, c.n)));
    gemm.pack_b(problem.b, c.k, c.n, b.data());
    problem.packed_b = b.data();
  }
  problem.c = out.data();
  if (c.in_place_residual) problem.epilogue.residual = out.data();
  const GemmGrid grid = gemm.grid(c.m, c.n, c.k, c.pack_a, c.pack_b, backwards ? 16 : 1);
  std::vector<float> scratch(grid.scratch_floats, std::numeric_limits<float>::quiet_NaN());
  for (std::int64_t i = 0; i < grid.task_count(); ++i) {
    gemm.task(problem, grid, backwards ? grid.task_count() - 1 - i : i, scratch.data());
  }
  return out;
}

void check(const inlay::cpu::KernelTable& table, const Case& c, std::uint32_t seed) {
  INFO(table.name << ": m " << c.m << " n " << c.n << " k " << c.k << " layouts "
                  << static_cast<int>(c.a) << static_cast<int>(c.b) << " packed " << c.pack_a
                  << c.pack_b << " activation " << static_cast<int>(c.epilogue.activation.kind));
  Random random(seed);
  const std::int64_t ldc = c.n + 2;
  const auto a = random.floats((c.m + 8) * (2 * c.k + 8) + 64);
  const auto b = random.floats((c.k + 8) * (2 * c.n + 8) + 64);
  const auto row_bias = random.floats(c.m), col_bias = random.floats(c.n);
  const auto residual = random.floats(c.m * ldc);
  const std::vector<float> before = random.floats(c.m * ldc);

  GemmProblem problem;
  problem.m = c.m, problem.n = c.n, problem.k = c.k;
  problem.a = view_of(a, c.a, c.m, c.k);
  problem.b = view_of(b, c.b, c.k, c.n);
  problem.ldc = ldc;
  problem.epilogue = c.epilogue;
  if (c.row_bias) problem.epilogue.row_bias = row_bias.data();
  if (c.col_bias) problem.epilogue.col_bias = col_bias.data();
  problem.epilogue.residual_stride = ldc;
  if (c.residual) problem.epilogue.residual = residual.data();

  const auto out = run(table.gemm, c, problem, before, false);
  REQUIRE(out == run(table.gemm, c, problem, before, true));

  for (std::int64_t i = 0; i < c.m; ++i) {
    for (std::int64_t j = 0; j < ldc; ++j) {
      const float got = out[static_cast<std::size_t>(i * ldc + j)];
      if (j >= c.n) {
        REQUIRE(got == before[static_cast<std::size_t>(i * ldc + j)]);  // not ours to write
        continue;
      }
      double sum = 0, size = 1;
      for (std::int64_t p = 0; p < c.k; ++p) {
        const double product = static_cast<double>(*problem.a.at(i, p)) * *problem.b.at(p, j);
        sum += product;
        size += std::fabs(product);
      }
      double addend = 0;
      if (c.row_bias) addend += row_bias[static_cast<std::size_t>(i)];
      if (c.col_bias) addend += col_bias[static_cast<std::size_t>(j)];
      if (c.residual) addend += residual[static_cast<std::size_t>(i * ldc + j)];
      if (c.in_place_residual) addend += before[static_cast<std::size_t>(i * ldc + j)];
      const double want = inlay_test::plain_activation(
          c.epilogue.activation, c.epilogue.alpha * sum + c.epilogue.beta * addend);
      const double tolerance = FLT_EPSILON * (8 + std::sqrt(static_cast<double>(c.k))) * size;
      if (std::fabs(got - want) > tolerance) {
        CAPTURE(i, j, got, want, tolerance);
        FAIL("wrong element");
      }
    }
  }
}

}  // namespace

TEST_CASE("gemm agrees with plain loops on every shape of tail", "[kernels][gemm]") {
  Random random(1);
  for (const auto* table : usable_tables()) {
    const std::int64_t mr = table->gemm.mr, nr = table->gemm.nr;
    for (std::int64_t m : {std::int64_t{1}, std::int64_t{2}, mr - 1, mr, mr + 1, 2 * mr + 3}) {
      for (std::int64_t n : {std::int64_t{1}, std::int64_t{3}, nr / 2, nr - 1, nr, 2 * nr + 1}) {
        for (std::int64_t k : {0, 1, 5, 31}) {
          Case c{m, n, k};
          c.a = static_cast<Layout>(random.integer(0, 2));
          c.b = static_cast<Layout>(random.integer(0, 2));
          c.pack_a = random.integer(0, 1) == 1;
          c.pack_b = random.integer(0, 1) == 1;
          c.row_bias = random.integer(0, 1) == 1;
          check(*table, c, static_cast<std::uint32_t>(m * 10000 + n * 100 + k));
        }
      }
    }
  }
}

TEST_CASE("gemm agrees with plain loops across its blocks of k, rows and columns",
          "[kernels][gemm]") {
  for (const auto* table : usable_tables()) {
    for (int packed = 0; packed < 4; ++packed) {
      for (auto [m, n, k] : {std::array<std::int64_t, 3>{177, 45, 1025},
                             {37, 401, 600},
                             {5, 70, 900},
                             {1, 700, 600}}) {
        Case c{m, n, k};
        c.pack_a = (packed & 1) != 0;
        c.pack_b = (packed & 2) != 0;
        c.row_bias = c.col_bias = true;
        c.in_place_residual = true;
        c.epilogue.activation = {ActivationKind::relu};
        check(*table, c, 7);
      }
    }
  }
}

TEST_CASE("gemm reads operands in any layout", "[kernels][gemm]") {
  for (const auto* table : usable_tables()) {
    for (Layout a : {Layout::rows, Layout::columns, Layout::strided}) {
      for (Layout b : {Layout::rows, Layout::columns, Layout::strided}) {
        for (auto [m, n] :
             {std::pair<std::int64_t, std::int64_t>{50, 75}, {1, 300}, {300, 1}, {1, 1}, {3, 70}}) {
          Case c{m, n, 130, a, b};
          check(*table, c, 11);
          c.pack_a = c.pack_b = true;
          check(*table, c, 11);
        }
      }
    }
  }
}

TEST_CASE("gemm applies scales, biases, residual and every activation", "[kernels][gemm]") {
  Random random(3);
  for (const auto* table : usable_tables()) {
    for (const Activation& activation : inlay_test::all_activations()) {
      for (std::int64_t n : {1, 37, 64}) {
        Case c{19, n, 12};
        c.epilogue.alpha = 0.5f;
        c.epilogue.beta = -1.5f;
        c.epilogue.activation = activation;
        c.row_bias = random.integer(0, 1) == 1;
        c.col_bias = random.integer(0, 1) == 1;
        c.residual = random.integer(0, 1) == 1;
        check(*table, c, 5);
      }
    }
  }
}

TEST_CASE("gemm lets NaN through relu", "[kernels][gemm]") {
  for (const auto* table : usable_tables()) {
    const float a[] = {1.0f}, b[] = {std::numeric_limits<float>::quiet_NaN(), -1.0f};
    float c[2] = {};
    GemmProblem problem;
    problem.m = 1, problem.n = 2, problem.k = 1;
    problem.a = {a, 1, 1};
    problem.b = {b, 2, 1};
    problem.c = c;
    problem.ldc = 2;
    problem.epilogue.activation = {ActivationKind::relu};
    const GemmGrid grid = table->gemm.grid(1, 2, 1, false, false, 1);
    std::vector<float> scratch(grid.scratch_floats);
    for (std::int64_t i = 0; i < grid.task_count(); ++i) {
      table->gemm.task(problem, grid, i, scratch.data());
    }
    CHECK(std::isnan(c[0]));
    CHECK(c[1] == 0.0f);
  }
}

TEST_CASE("an empty gemm has no tasks", "[kernels][gemm]") {
  for (const auto* table : usable_tables()) {
    CHECK(table->gemm.grid(0, 5, 5, false, false, 1).task_count() == 0);
    CHECK(table->gemm.grid(5, 0, 5, false, true, 1).task_count() == 0);
    CHECK(table->gemm.grid(5, 5, 0, false, false, 1).task_count() == 1);
  }
}
