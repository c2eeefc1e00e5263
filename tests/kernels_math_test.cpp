// The elementary functions against double precision, over a dense sample of all floats.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels_support.hpp"

using inlay::cpu::KernelTable;
using inlay::kernels::BinaryOp;
using inlay::kernels::UnaryOp;
using inlay_test::inf;
using inlay_test::quiet_nan;
using inlay_test::usable_tables;

namespace {

constexpr double largest = std::numeric_limits<float>::max();

double unit_in_last_place(double x) {
  int exponent = 0;
  std::frexp(std::fmin(std::fabs(x), largest), &exponent);
  return std::ldexp(1.0, std::max(exponent - 1, -126) - 23);
}

// Distance in units of the last place; infinite where one of the two is NaN. Infinity stands for
// 2^128, the neighbour of the largest float.
double distance(float got, double want) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : inf;
  const auto finite = [](double x) { return std::isinf(x) ? std::copysign(0x1p128, x) : x; };
  const double limited =
      std::isinf(static_cast<float>(want)) ? finite(std::copysign(inf, want)) : want;
  return std::fabs(finite(static_cast<double>(got)) - limited) / unit_in_last_place(want);
}

std::vector<float> dense_sample() {
  std::vector<float> sample = {0.0f, -0.0f, inf, -inf, quiet_nan, 1e-45f, -1e-45f, 1.0f, -1.0f};
  for (std::uint64_t bits = 0; bits <= 0xffffffffu; bits += 6007) {
    sample.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  return sample;
}

struct Function {
  const char* name;
  UnaryOp op;
  double (*definition)(double);
  double bound;
};

const Function functions[] = {
    {"exp", UnaryOp::exp, [](double x) { return std::exp(x); }, 1.1},
    {"log", UnaryOp::log, [](double x) { return std::log(x); }, 1.0},
    {"tanh", UnaryOp::tanh, [](double x) { return std::tanh(x); }, 6.2},
    {"sigmoid", UnaryOp::sigmoid, [](double x) { return x < -87.33f ? 0 : 1 / (1 + std::exp(-x)); },
     2.5},
    {"erf", UnaryOp::erf, [](double x) { return std::erf(x); }, 7.0},
    {"sin", UnaryOp::sin, [](double x) { return std::sin(x); }, 2.0},
    {"cos", UnaryOp::cos, [](double x) { return std::cos(x); }, 2.0},
};

std::vector<float> apply(const KernelTable& table, UnaryOp op, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  table.elementwise.unary[static_cast<std::size_t>(op)](x.data(), y.data(), x.size(), 0.0f, 0.0f);
  return y;
}

}  // namespace

TEST_CASE("elementary functions stay within their error bounds") {
  const std::vector<float> x = dense_sample();
  for (const KernelTable* table : usable_tables()) {
    for (const Function& f : functions) {
      const std::vector<float> y = apply(*table, f.op, x);
      double worst = 0;
      float at = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = distance(y[i], f.definition(static_cast<double>(x[i])));
        if (error > worst) worst = error, at = x[i];
      }
      INFO(table->name << " " << f.name << " worst at " << at);
      CHECK(worst < f.bound);
    }
  }
}

TEST_CASE("a lane gives the same bits in a full register and in a tail") {
  inlay_test::Random random(7);
  std::vector<float> x = random.floats(67);
  for (float& value : x) value *= 20.0f;
  for (const KernelTable* table : usable_tables()) {
    for (const Function& f : functions) {
      const std::vector<float> whole = apply(*table, f.op, x);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::vector<float> alone = apply(*table, f.op, {x[i]});
        INFO(table->name << " " << f.name << " of " << x[i]);
        REQUIRE(std::bit_cast<std::uint32_t>(alone[0]) == std::bit_cast<std::uint32_t>(whole[i]));
      }
    }
  }
}

TEST_CASE("pow stays within its error bound and has C's special cases") {
  std::vector<float> a, b;
  const float special[] = {0.0f,         -0.0f,      1.0f,  -1.0f,  2.0f,        -2.0f,
                           3.0f,         -3.0f,      0.5f,  -0.5f,  inf,         -inf,
                           quiet_nan,    1e-45f,     1e38f, -1e38f, 16777217.0f, 16777215.0f,
                           -16777215.0f, 8388609.0f, 1e-39f};
  for (const float base : special) {
    for (const float exponent : special) a.push_back(base), b.push_back(exponent);
  }
  inlay_test::Random random(11);
  for (int i = 0; i < 200000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random.integer(1, 0x7f7fffff));
    const float base = i % 2 == 0 ? std::bit_cast<float>(bits)
                                  : static_cast<float>(random.integer(1, 4000)) / 1000.0f;
    const double span = static_cast<double>(random.integer(-155000, 135000)) / 1000.0;
    a.push_back(base), b.push_back(static_cast<float>(span / std::log2(base)));
    a.push_back(-base), b.push_back(static_cast<float>(random.integer(-9, 9)));
  }
  std::vector<float> y(a.size());
  for (const KernelTable* table : usable_tables()) {
    table->elementwise.binary[static_cast<std::size_t>(BinaryOp::pow)](
        a.data(), b.data(), y.data(), {1, a.size(), 0, 0, false, false});
    double worst = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double want = std::pow(static_cast<double>(a[i]), static_cast<double>(b[i]));
      const double error = distance(y[i], want);
      if (error > worst) worst = error, at = i;
      if (want == 0) REQUIRE(std::signbit(y[i]) == std::signbit(want));
    }
    INFO(table->name << " pow(" << a[at] << ", " << b[at] << ") = " << y[at]);
    CHECK(worst < 7.0);
  }
}
