#include "kernels_support.hpp"

#include <catch2/catch.hpp>

#include <cstring>

using namespace inlay::kernels;
using inlay_test::integers;
using inlay_test::Random;
using inlay_test::usable_integer_tables;

namespace {

enum class Values { any, extreme };

std::vector<std::uint8_t> codes(Random& random, std::int64_t n, Values values) {
  std::vector<std::uint8_t> result(static_cast<std::size_t>(n));
  constexpr std::uint8_t extremes[] = {0x00, 0xff, 0x7f, 0x80};  // of both kinds of bytes
  for (std::uint8_t& code : result) {
    code = values == Values::any ? static_cast<std::uint8_t>(random.integer(0, 255))
                                 : extremes[random.integer(0, 3)];
  }
  return result;
}

std::int64_t value(const CodeView& view, std::int64_t i, std::int64_t j) {
  const std::uint8_t code = *view.at(i, j);
  return view.is_signed ? static_cast<std::int8_t>(code) : code;
}

struct Case {
  std::int64_t m, n, k;
  bool a_is_signed = false, b_is_signed = true, b_is_transposed = false;
  Values values = Values::any;
  bool bias = false;
  std::int64_t a_zero_step = 0, b_zero_step = 0;
  bool a_zeros = false, b_zeros = false;
};

/// The operands of a case and what its product is.
struct Operands {
  std::vector<std::uint8_t> a, b;
  std::vector<std::int32_t> bias, a_zeros, b_zeros;
  IntegerGemmProblem problem;
  CodeView b_view;
  std::vector<std::int64_t> product;  ///< [m, n]

  Operands(const Case& c, std::uint32_t seed) {
    Random random(seed);
    a = codes(random, c.m * (c.k + 3) + 1, c.values);
    b = codes(random, (c.k + 2) * (c.n + 2), c.values);
    bias = integers(random, c.n, -100'000, 100'000);
    a_zeros = integers(random, c.m + 1, c.a_is_signed ? -128 : 0, c.a_is_signed ? 127 : 255);
    b_zeros = integers(random, c.n + 1, c.b_is_signed ? -128 : 0, c.b_is_signed ? 127 : 255);
    problem.m = c.m, problem.n = c.n, problem.k = c.k;
    problem.a = {a.data() + 1, c.k + 3, 1, c.a_is_signed};
    b_view = c.b_is_transposed ? CodeView{b.data(), 1, c.k + 2, c.b_is_signed}
                               : CodeView{b.data(), c.n + 2, 1, c.b_is_signed};
    problem.b_is_signed = c.b_is_signed;
    if (c.bias) problem.bias = bias.data();
    if (c.a_zeros) problem.a_zeros = {a_zeros.data(), c.a_zero_step};
    if (c.b_zeros) problem.b_zeros = {b_zeros.data(), c.b_zero_step};
    for (std::int64_t i = 0; i < c.m; ++i) {
      for (std::int64_t j = 0; j < c.n; ++j) {
        std::int64_t sum = c.bias ? bias[static_cast<std::size_t>(j)] : 0;
        for (std::int64_t p = 0; p < c.k; ++p) {
          sum += (value(problem.a, i, p) - problem.a_zeros.get(i, 0)) *
                 (value(b_view, p, j) - problem.b_zeros.get(j, 0));
        }
        product.push_back(sum);
      }
    }
  }
};

/// C with two guard columns, computed by the tasks of the problem in order or backwards.
template <class T>
std::vector<T> run(const inlay::cpu::IntegerGemmKernels& gemm, const Operands& operands,
                   bool backwards) {
  IntegerGemmProblem problem = operands.problem;
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  std::vector<std::int8_t> packed(size(gemm.packed_b_size(problem.k, problem.n)));
  std::vector<std::int32_t> sums(size(problem.n));
  gemm.pack_b(operands.b_view, problem.k, problem.n, packed.data(), sums.data());
  problem.packed_b = packed.data();
  problem.b_sums = sums.data();
  problem.ldc = problem.n + 2;
  std::vector<T> c(size(problem.m * problem.ldc), T{77});
  problem.c = c.data();
  const GemmGrid grid = gemm.grid(problem.m, problem.n, problem.k, backwards ? 16 : 1);
  std::vector<DotWord> scratch(grid.scratch_floats, 0xdeadbeef);
  for (std::int64_t i = 0; i < grid.task_count(); ++i) {
    gemm.task(problem, grid, backwards ? grid.task_count() - 1 - i : i, scratch.data());
  }
  return c;
}

/// Runs both ways and calls check(got, i, j) for every element of C.
template <class T, class Check>
void run_and_check(const inlay::cpu::IntegerGemmKernels& gemm, const Operands& operands,
                   const Check& check) {
  const std::vector<T> c = run<T>(gemm, operands, false);
  REQUIRE(c == run<T>(gemm, operands, true));
  const std::int64_t m = operands.problem.m, n = operands.problem.n;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n + 2; ++j) {
      const T got = c[static_cast<std::size_t>(i * (n + 2) + j)];
      if (j < n ? !check(got, i, j) : got != T{77}) {
        CAPTURE(i, j, +got, operands.product[static_cast<std::size_t>(i * n + (j < n ? j : 0))]);
        FAIL("wrong element");
      }
    }
  }
}

void check_integers(const inlay::cpu::KernelTable& table, const Case& c, std::uint32_t seed) {
  INFO(table.name << ": m " << c.m << " n " << c.n << " k " << c.k << " signed " << c.a_is_signed
                  << c.b_is_signed << " zeros " << c.a_zeros << c.b_zeros);
  const Operands operands(c, seed);
  run_and_check<std::int32_t>(
      table.integer.gemm, operands, [&](std::int32_t got, std::int64_t i, std::int64_t j) {
        return got == operands.product[static_cast<std::size_t>(i * c.n + j)];
      });
}

Case random_case(Random& random, std::int64_t m, std::int64_t n, std::int64_t k) {
  const auto flip = [&] { return random.integer(0, 1) == 1; };
  Case c{m, n, k};
  c.a_is_signed = flip(), c.b_is_signed = flip(), c.b_is_transposed = flip();
  c.values = flip() ? Values::any : Values::extreme;
  c.bias = flip();
  c.a_zeros = flip(), c.b_zeros = flip();
  c.a_zero_step = random.integer(0, 1), c.b_zero_step = random.integer(0, 1);
  return c;
}

}  // namespace

TEST_CASE("integer gemm is exact on every shape of tail", "[kernels][igemm]") {
  Random random(1);
  for (const auto* table : usable_integer_tables()) {
    const std::int64_t mr = table->gemm.mr, nr = table->integer.gemm.nr;
    for (std::int64_t m : {std::int64_t{1}, std::int64_t{2}, mr - 1, mr, mr + 1, 2 * mr + 3}) {
      for (std::int64_t n : {std::int64_t{1}, std::int64_t{3}, nr / 2, nr - 1, nr, 2 * nr + 1}) {
        for (std::int64_t k : {0, 1, 2, 3, 4, 15, 16, 17, 67}) {
          check_integers(*table, random_case(random, m, n, k),
                         static_cast<std::uint32_t>(m * 10000 + n * 100 + k));
        }
      }
    }
  }
}

TEST_CASE("integer gemm sums what does not fit in 16 bits", "[kernels][igemm]") {
  for (const auto* table : usable_integer_tables()) {
    Case c{5, 40, 4096};
    c.values = Values::extreme;
    for (const bool a_is_signed : {false, true}) {
      for (const bool b_is_signed : {false, true}) {
        c.a_is_signed = a_is_signed, c.b_is_signed = b_is_signed;
        check_integers(*table, c, 3);
      }
    }
  }
}

TEST_CASE("integer gemm is exact across its blocks of rows and columns", "[kernels][igemm]") {
  Random random(2);
  for (const auto* table : usable_integer_tables()) {
    for (auto [m, n, k] : {std::array<std::int64_t, 3>{177, 45, 700},
                           {37, 401, 300},
                           {60, 130, 9000},
                           {1, 700, 600}}) {
      check_integers(*table, random_case(random, m, n, k), 7);
    }
  }
}

TEST_CASE("integer gemm writes codes, rounded to even and within their range", "[kernels][igemm]") {
  Random random(4);
  for (const auto* table : usable_integer_tables()) {
    for (int i = 0; i < 40; ++i) {
      const Case c =
          random_case(random, random.integer(1, 40), random.integer(1, 80), random.integer(0, 70));
      Operands operands(c, static_cast<std::uint32_t>(i));
      INFO(table->name << ": m " << c.m << " n " << c.n << " k " << c.k);
      std::vector<float> factors(static_cast<std::size_t>(c.n));
      for (float& f : factors) f = std::ldexp(1.0f, static_cast<int>(random.integer(-14, -1)));
      IntegerGemmProblem& problem = operands.problem;
      problem.output = IntegerOutput::codes;
      problem.col_scales = {factors.data(), random.integer(0, 1)};
      problem.c_is_signed = random.integer(0, 1) == 1;
      problem.zero = static_cast<std::int32_t>(problem.c_is_signed ? random.integer(-128, 127)
                                                                   : random.integer(0, 255));
      const auto wanted = [&](std::int64_t row, std::int64_t col, double low, double high) {
        const auto sum =
            static_cast<double>(operands.product[static_cast<std::size_t>(row * c.n + col)]);
        const double scaled = std::nearbyint(sum * problem.col_scales.get(col, 1.0f));
        return std::fmin(std::fmax(scaled + problem.zero, low), high);
      };
      if (problem.c_is_signed) {
        run_and_check<std::int8_t>(table->integer.gemm, operands,
                                   [&](std::int8_t got, std::int64_t row, std::int64_t col) {
                                     return got == wanted(row, col, -128, 127);
                                   });
      } else {
        run_and_check<std::uint8_t>(table->integer.gemm, operands,
                                    [&](std::uint8_t got, std::int64_t row, std::int64_t col) {
                                      return got == wanted(row, col, 0, 255);
                                    });
      }
    }
  }
}

TEST_CASE("integer gemm writes floats through the epilogue of gemm", "[kernels][igemm]") {
  Random random(5);
  for (const auto* table : usable_integer_tables()) {
    for (const Activation& activation : inlay_test::all_activations()) {
      const Case c =
          random_case(random, random.integer(1, 40), random.integer(1, 80), random.integer(0, 70));
      Operands operands(c, 9);
      INFO(table->name << ": m " << c.m << " n " << c.n << " k " << c.k);
      const auto rows = random.floats(c.m), cols = random.floats(c.n);
      const auto bias = random.floats(c.n), residual = random.floats(c.m * c.n);
      IntegerGemmProblem& problem = operands.problem;
      problem.output = IntegerOutput::floats;
      problem.row_scales = {rows.data(), 1};
      problem.col_scales = {cols.data(), 1};
      problem.epilogue.col_bias = bias.data();
      problem.epilogue.residual = residual.data();
      problem.epilogue.residual_stride = c.n;
      problem.epilogue.activation = activation;
      run_and_check<float>(
          table->integer.gemm, operands, [&](float got, std::int64_t i, std::int64_t j) {
            const auto at = static_cast<std::size_t>(i * c.n + j);
            const double term = static_cast<double>(operands.product[at]) *
                                rows[static_cast<std::size_t>(i)] *
                                cols[static_cast<std::size_t>(j)];
            const double addend =
                static_cast<double>(bias[static_cast<std::size_t>(j)]) + residual[at];
            const double want = inlay_test::plain_activation(activation, term + addend);
            return std::fabs(got - want) <= 1e-6 * (4 + std::fabs(term));
          });
    }
  }
}
