#include "kernels_support.hpp"

#include <catch2/catch.hpp>
#include <inlay/kernels/nbits_pack.hpp>

using namespace inlay::kernels;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

/// Weights as MatMulNBits has them, rows to multiply, and the products in double.
struct NbitsCase {
  std::int64_t m;
  NbitsShape shape;
  std::int64_t block;  ///< as given
  std::vector<std::uint8_t> codes, packed_zeros;
  std::vector<float> scales, float_zeros, bias, a;
  std::vector<double> product, magnitude;  ///< of C; sums of what may be rounded

  NbitsCase(std::int64_t rows, const NbitsShape& given, bool has_bias, std::uint32_t seed)
      : m(rows), shape(given), block(given.block) {
    shape.block = std::min(block, max_nbits_block);
    Random random(seed);
    const std::int64_t n = shape.n, k = shape.k, blocks = ceil_div(k, block);
    const auto bytes = [&](std::int64_t count) {
      std::vector<std::uint8_t> result(size_of(count));
      for (std::uint8_t& byte : result) byte = static_cast<std::uint8_t>(random.integer(0, 255));
      return result;
    };
    codes = bytes(n * blocks * block * shape.bits / 8);
    packed_zeros = bytes(n * ceil_div(blocks * shape.bits, std::int64_t{8}));
    scales = random.floats(n * blocks);
    float_zeros = random.floats(n * blocks);
    for (float& zero : float_zeros) zero *= 10;
    if (has_bias) bias = random.floats(n);
    a = random.floats(m * k);
    for (std::int64_t i = 0; i < m * k; i += 7) a[size_of(i)] *= 100;  // outliers
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) multiply(i, j, blocks);
    }
  }

  NbitsSource source() const {
    NbitsSource from;
    from.codes = codes.data();
    from.scales = scales.data();
    if (shape.zeros == NbitsZeros::bytes) from.packed_zeros = packed_zeros.data();
    if (shape.zeros == NbitsZeros::floats) from.float_zeros = float_zeros.data();
    from.block = block;
    return from;
  }

 private:
  int code(const std::uint8_t* of_column, std::int64_t i) const {
    const std::int64_t bit = i * shape.bits;
    return of_column[bit / 8] >> bit % 8 & ((1 << shape.bits) - 1);
  }
  void multiply(std::int64_t i, std::int64_t j, std::int64_t blocks) {
    const std::uint8_t* column = codes.data() + j * blocks * block * shape.bits / 8;
    const std::uint8_t* zeros =
        packed_zeros.data() + j * ceil_div(blocks * shape.bits, std::int64_t{8});
    double sum = bias.empty() ? 0 : bias[size_of(j)], total = std::fabs(sum), largest = 0;
    for (std::int64_t p = 0; p < shape.k; ++p) {
      const std::int64_t b = p / block;
      double zero = 1 << (shape.bits - 1);
      if (shape.zeros == NbitsZeros::bytes) zero = code(zeros, b);
      if (shape.zeros == NbitsZeros::floats) zero = float_zeros[size_of(j * blocks + b)];
      const double x = a[size_of(i * shape.k + p)], scale = scales[size_of(j * blocks + b)];
      sum += x * (code(column, p) - zero) * scale;
      if (p % shape.block == 0) {
        largest = 0;
        for (std::int64_t q = p; q < std::min(p + shape.block, shape.k); ++q) {
          largest = std::fmax(largest, std::fabs(a[size_of(i * shape.k + q)]));
        }
      }
      total += largest * (code(column, p) + std::fabs(zero)) * std::fabs(scale);
    }
    product.push_back(sum);
    magnitude.push_back(total);
  }
};

enum class Way { few_rows, many_rows };

/// C with two guard columns.
std::vector<float> multiply(const inlay::cpu::NbitsKernels& nbits, const NbitsCase& c, Way way,
                            bool backwards) {
  std::vector<std::uint8_t> packed(size_of(c.shape.packed_bytes(nbits.nr)));
  nbits_pack(c.shape, c.source(), nbits.nr, packed.data());
  NbitsProblem problem;
  problem.shape = c.shape;
  problem.m = c.m;
  problem.packed = packed.data();
  if (!c.bias.empty()) problem.bias = c.bias.data();
  problem.ldc = c.shape.n + 2;
  std::vector<float> result(size_of(c.m * problem.ldc + 1), 77.0f);
  problem.c = result.data();
  const std::int64_t k = c.shape.k;
  if (way == Way::few_rows) {
    const std::int64_t words = nbits_row_words(c.shape);
    std::vector<std::uint32_t> rows(size_of(c.m * words + 1));
    for (std::int64_t i = 0; i < c.m; ++i) {
      REQUIRE(nbits.prepare_row(c.shape, c.a.data() + i * k, rows.data() + i * words));
    }
    problem.rows = rows.data();
    const std::int64_t panels = ceil_div(c.shape.n, nbits.nr);
    if (!backwards) nbits.gemv(problem, 0, panels);
    for (std::int64_t i = panels - 1; backwards && i >= 0; --i) nbits.gemv(problem, i, 1);
    return result;
  }
  std::vector<float> a(size_of(nbits.packed_a_size(c.m, k) + 1));
  nbits.pack_a({c.a.data(), k, 1}, c.m, k, a.data());
  problem.packed_a = a.data();
  const GemmGrid grid = nbits.gemm_grid(c.m, c.shape.n, k, backwards ? 16 : 1);
  std::vector<float> scratch(grid.scratch_floats, inlay_test::quiet_nan);
  for (std::int64_t i = 0; i < grid.task_count(); ++i) {
    nbits.gemm_task(problem, grid, backwards ? grid.task_count() - 1 - i : i, scratch.data());
  }
  return result;
}

void check(const inlay::cpu::KernelTable& table, const NbitsCase& c) {
  for (const Way way : {Way::few_rows, Way::many_rows}) {
    INFO(table.name << ": m " << c.m << " n " << c.shape.n << " k " << c.shape.k << " block "
                    << c.block << " bits " << c.shape.bits << " zeros "
                    << static_cast<int>(c.shape.zeros) << " way " << static_cast<int>(way));
    const std::vector<float> got = multiply(table.nbits, c, way, false);
    REQUIRE(got == multiply(table.nbits, c, way, true));
    for (std::int64_t i = 0; i < c.m; ++i) {
      for (std::int64_t j = 0; j < c.shape.n + 2; ++j) {
        const float value = got[size_of(i * (c.shape.n + 2) + j)];
        if (j >= c.shape.n) {
          REQUIRE(value == 77.0f);
          continue;
        }
        const std::size_t at = size_of(i * c.shape.n + j);
        const double error = std::fabs(value - c.product[at]);
        if (!(error <= std::ldexp(c.magnitude[at], -22))) {
          CAPTURE(i, j, value, c.product[at]);
          FAIL("wrong element");
        }
      }
    }
  }
}

NbitsShape random_shape(Random& random, std::int64_t n, std::int64_t k) {
  NbitsShape shape;
  shape.n = n, shape.k = k;
  shape.block = std::int64_t{16} << random.integer(0, 4);
  shape.bits = random.integer(0, 1) == 0 ? 4 : 8;
  shape.zeros = static_cast<NbitsZeros>(random.integer(0, 2));
  return shape;
}

}  // namespace

TEST_CASE("products with weights of few bits on every shape of tail", "[kernels][nbits]") {
  Random random(1);
  std::uint32_t seed = 0;
  for (const auto* table : usable_tables()) {
    const std::int64_t nr = table->nbits.nr;
    for (const std::int64_t m : {0, 1, 2, 5, 70}) {
      for (const std::int64_t n : {std::int64_t{1}, nr - 1, nr, 3 * nr + 5}) {
        for (const std::int64_t k : {1, 15, 16, 33, 128, 301}) {
          check(*table,
                NbitsCase(m, random_shape(random, n, k), random.integer(0, 1) == 1, ++seed));
        }
      }
    }
  }
}

TEST_CASE("weights of few bits: every block, number of bits and kind of zero point",
          "[kernels][nbits]") {
  for (const auto* table : usable_tables()) {
    for (const std::int64_t block : {16, 32, 64, 128, 256, 1024}) {
      for (const int bits : {4, 8}) {
        for (const auto zeros : {NbitsZeros::middle, NbitsZeros::bytes, NbitsZeros::floats}) {
          const NbitsShape shape{.n = 37, .k = 555, .block = block, .bits = bits, .zeros = zeros};
          for (const std::int64_t m : {1, 9}) check(*table, NbitsCase(m, shape, true, 5));
        }
      }
    }
  }
}

TEST_CASE("weights of few bits: rows of any magnitude", "[kernels][nbits]") {
  for (const auto* table : usable_tables()) {
    for (const float magnitude : {0.0f, 1e-37f, 1e-30f, 1.0f, 1.992f, 1.9921875f, 1.999f, 1e30f}) {
      for (const int bits : {4, 8}) {
        NbitsShape shape{.n = 20, .k = 40, .block = 16, .bits = bits};
        NbitsCase c(1, shape, false, 3);
        for (std::size_t i = 0; i < c.a.size(); ++i) c.a[i] = i % 3 == 0 ? magnitude : -magnitude;
        INFO(table->name << ": magnitude " << magnitude << " bits " << bits);
        const std::vector<float> few = multiply(table->nbits, c, Way::few_rows, false);
        const std::vector<float> many = multiply(table->nbits, c, Way::many_rows, false);
        for (std::size_t j = 0; j < 20; ++j) {
          // Below 2^-104 integers have fewer bits.
          const double slack = std::ldexp(40.0 * (1 << bits) * 2, -22) *
                               std::fmax(static_cast<double>(magnitude), 1e-32);
          REQUIRE(std::fabs(static_cast<double>(few[j]) - static_cast<double>(many[j])) <= slack);
        }
      }
    }
  }
}

TEST_CASE("weights of few bits: small integers are exact", "[kernels][nbits]") {
  for (const auto* table : usable_tables()) {
    for (const int bits : {4, 8}) {
      const NbitsShape shape{.n = 50, .k = 200, .block = 32, .bits = bits};
      NbitsCase c(3, shape, false, 4);
      Random random(6);
      for (float& x : c.a) x = static_cast<float>(random.integer(-1000, 1000));
      for (float& scale : c.scales) scale = 0.5f;
      REQUIRE(multiply(table->nbits, c, Way::few_rows, false) ==
              multiply(table->nbits, c, Way::many_rows, false));
    }
  }
}

TEST_CASE("rows with infinities and NaN are not for nbits_gemv", "[kernels][nbits]") {
  for (const auto* table : usable_tables()) {
    for (const int bits : {4, 8}) {
      const NbitsShape shape{.n = 1, .k = 40, .block = 16, .bits = bits};
      std::vector<std::uint32_t> words(size_of(nbits_row_words(shape)));
      for (const float odd : {inlay_test::inf, -inlay_test::inf, inlay_test::quiet_nan}) {
        std::vector<float> row(40, 1.0f);
        REQUIRE(table->nbits.prepare_row(shape, row.data(), words.data()));
        row[37] = odd;
        REQUIRE(!table->nbits.prepare_row(shape, row.data(), words.data()));
      }
    }
  }
}
