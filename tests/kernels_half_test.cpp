// Products with a B of 16 bits: the same as with those numbers in 32 bits, bit by bit.
#include <catch2/catch.hpp>

#include <array>

#include "kernels_support.hpp"

using namespace inlay::kernels;
using inlay::bfloat16;
using inlay::float16;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

template <class Half>
std::vector<float> rounded(std::vector<float> numbers) {
  for (float& x : numbers) x = Half(x);
  return numbers;
}

void set_b(GemmProblem& problem, const bfloat16* packed) { problem.packed_b_bf16 = packed; }
void set_b(GemmProblem& problem, const float16* packed) { problem.packed_b_f16 = packed; }

struct Case {
  std::int64_t m, n, k;
  bool pack_a = false;
};

std::vector<float> product(const inlay::cpu::GemmKernels& gemm, GemmProblem problem,
                           bool b_is_packed, std::int64_t wanted_tasks) {
  std::vector<float> c(static_cast<std::size_t>(problem.m * problem.ldc), 0.25f);
  problem.c = c.data();
  const GemmGrid grid = gemm.grid(problem.m, problem.n, problem.k, problem.packed_a != nullptr,
                                  b_is_packed, wanted_tasks);
  std::vector<float> scratch(grid.scratch_floats, inlay_test::quiet_nan);
  for (std::int64_t i = grid.task_count(); i-- > 0;) gemm.task(problem, grid, i, scratch.data());
  return c;
}

template <class Half>
void check(const inlay::cpu::KernelTable& table, const Case& shape) {
  const auto& gemm = table.gemm;
  const auto [m, n, k, pack_a] = shape;
  CAPTURE(table.name, m, n, k, pack_a);
  Random random(static_cast<std::uint32_t>(m + 100 * n + k));
  const std::vector<float> a = random.floats(m * k), bias = random.floats(n);
  const std::vector<float> b = rounded<Half>(random.floats(k * n));
  std::vector<float> packed(static_cast<std::size_t>(gemm.packed_b_size(k, n)));
  gemm.pack_b({b.data(), n, 1}, k, n, packed.data());
  std::vector<Half> halves;
  for (const float x : packed) halves.push_back(Half(x));
  std::vector<float> packed_a(static_cast<std::size_t>(gemm.packed_a_size(m, k)));
  gemm.pack_a({a.data(), k, 1}, m, k, packed_a.data());

  GemmProblem problem;
  problem.m = m, problem.n = n, problem.k = k;
  problem.a = {a.data(), k, 1};
  if (pack_a) problem.packed_a = packed_a.data();
  problem.ldc = n + 3;
  problem.epilogue.col_bias = bias.data();
  problem.epilogue.activation = {ActivationKind::silu, 1.0f};
  GemmProblem wide = problem;
  wide.packed_b = packed.data();
  const std::vector<float> want = product(gemm, wide, true, 1);
  set_b(problem, halves.data());
  const bool few = m <= half_few_rows && !pack_a;
  CHECK(product(gemm, problem, few, 1) == want);
  CHECK(product(gemm, problem, few, 16) == want);
}

}  // namespace

TEST_CASE("gemm with weights of 16 bits is that of the same weights in f32", "[kernels][gemm]") {
  for (const auto* table : usable_tables()) {
    for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1},
                                  {1, 700, 600},
                                  {2, 5, 31},
                                  {3, 130, 300},
                                  {4, 65, 257},
                                  {5, 401, 0},
                                  {17, 37, 1000},
                                  {200, 150, 270},
                                  {1, 9, 0}}) {
      for (const bool pack_a : {false, true}) {
        check<bfloat16>(*table, {m, n, k, pack_a});
        check<float16>(*table, {m, n, k, pack_a});
      }
    }
  }
}

TEMPLATE_TEST_CASE("every finite number of 16 bits is widened exactly", "[kernels][gemm]", bfloat16,
                   float16) {
  std::vector<float> numbers;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float x = TestType::from_bits(static_cast<std::uint16_t>(bits));
    if (std::isfinite(x) && x != 0) numbers.push_back(x);
  }
  const auto n = std::ssize(numbers);
  const float one = 1;
  for (const auto* table : usable_tables()) {
    CAPTURE(table->name);
    std::vector<float> packed(static_cast<std::size_t>(table->gemm.packed_b_size(1, n)));
    table->gemm.pack_b({numbers.data(), n, 1}, 1, n, packed.data());
    std::vector<TestType> halves;
    for (const float x : packed) halves.push_back(TestType(x));
    GemmProblem problem;
    problem.n = problem.ldc = n, problem.k = 1;
    problem.a = {&one, 0, 1};
    set_b(problem, halves.data());
    problem.m = 1;
    CHECK(product(table->gemm, problem, true, 1) == numbers);
    problem.m = 5;  // widened to scratch
    const std::vector<float> rows = product(table->gemm, problem, false, 1);
    for (std::ptrdiff_t row = 0; row < 5; ++row) {
      CHECK(std::equal(numbers.begin(), numbers.end(), rows.begin() + row * n));
    }
  }
}
