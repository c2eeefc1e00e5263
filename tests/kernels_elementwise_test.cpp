// Unary and binary kernels against their definitions in double precision.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels_support.hpp"

using inlay::cpu::KernelTable;
using inlay::kernels::BinaryOp;
using inlay::kernels::BroadcastRows;
using inlay::kernels::UnaryOp;
using inlay_test::inf;
using inlay_test::quiet_nan;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

double unit_clamp(double x) { return std::fmin(std::fmax(x, 0.0), 1.0); }
double softplus(double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

double definition(UnaryOp op, double x, double alpha, double beta) {
  switch (op) {
    case UnaryOp::abs:
      return std::fabs(x);
    case UnaryOp::neg:
      return -x;
    case UnaryOp::relu:
      return x < 0 ? 0 : x;
    case UnaryOp::leaky_relu:
      return x < 0 ? alpha * x : x;
    case UnaryOp::thresholded_relu:
      return x > alpha ? x : 0;
    case UnaryOp::elu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case UnaryOp::celu:
      return x < 0 ? alpha * std::expm1(x / alpha) : x;
    case UnaryOp::selu:
      return beta * (x < 0 ? alpha * std::expm1(x) : x);
    case UnaryOp::clip:
      return x < alpha ? alpha : x > beta ? beta : x;
    case UnaryOp::hard_sigmoid:
      return std::isnan(x) ? x : unit_clamp(alpha * x + beta);
    case UnaryOp::hard_swish:
      return x * unit_clamp(x / 6 + 0.5);
    case UnaryOp::sigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryOp::swish:
      return x / (1 + std::exp(-alpha * x));
    case UnaryOp::tanh:
      return std::tanh(x);
    case UnaryOp::exp:
      return std::exp(x);
    case UnaryOp::log:
      return std::log(x);
    case UnaryOp::sqrt:
      return std::sqrt(x);
    case UnaryOp::reciprocal:
      return 1 / x;
    case UnaryOp::erf:
      return std::erf(x);
    case UnaryOp::gelu:
      return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    case UnaryOp::gelu_tanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    case UnaryOp::softplus:
      return softplus(x);
    case UnaryOp::softsign:
      return x / (1 + std::fabs(x));
    case UnaryOp::mish:
      return x * std::tanh(softplus(x));
    case UnaryOp::floor:
      return std::floor(x);
    case UnaryOp::ceil:
      return std::ceil(x);
    case UnaryOp::round:
      return std::nearbyint(x);
    case UnaryOp::sign:
      return x > 0 ? 1 : x < 0 ? -1 : x;
    case UnaryOp::sin:
      return std::sin(x);
    case UnaryOp::cos:
      return std::cos(x);
  }
  return 0;
}

double definition(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::add:
      return a + b;
    case BinaryOp::sub:
      return a - b;
    case BinaryOp::mul:
      return a * b;
    case BinaryOp::min:
      return std::isnan(a) || std::isnan(b) ? quiet_nan : std::fmin(a, b);
    case BinaryOp::max:
      return std::isnan(a) || std::isnan(b) ? quiet_nan : std::fmax(a, b);
    case BinaryOp::div:
      return a / b;
    case BinaryOp::pow:
      return std::pow(a, b);
    case BinaryOp::prelu:
      return a < 0 ? a * b : a;
    case BinaryOp::squared_difference:
      return (a - b) * (a - b);
  }
  return 0;
}

bool close(float got, double want) {
  if (std::isnan(want)) return std::isnan(got);
  if (std::isinf(want)) return static_cast<double>(got) == want;
  const double tolerance = 1e-6 * std::fmax(1.0, std::fabs(want));
  return std::fabs(static_cast<double>(got) - want) <= tolerance;
}

}  // namespace

TEST_CASE("unary kernels give their definition for every length") {
  Random random(1);
  const std::vector<float> edge = {0.0f,  -0.0f,  0.5f,      -0.5f,      1.5f,   -1.5f,  2.5f,
                                   30.0f, -30.0f, quiet_nan, 8388609.0f, 1e-30f, -1e-30f};
  for (const KernelTable* table : usable_tables()) {
    for (std::size_t op = 0; op < inlay::kernels::unary_op_count; ++op) {
      for (const std::size_t n : {0u, 1u, 3u, 4u, 7u, 8u, 13u, 16u, 17u, 67u}) {
        std::vector<float> x = random.floats(static_cast<std::int64_t>(n));
        for (std::size_t i = 0; i < n; ++i) x[i] = n == edge.size() ? edge[i] : x[i] * 9.0f;
        std::vector<float> y(n + 1, 42.0f);
        const float alpha = 0.3f, beta = 1.2f;
        table->elementwise.unary[op](x.data(), y.data(), n, alpha, beta);
        for (std::size_t i = 0; i < n; ++i) {
          const double want = definition(static_cast<UnaryOp>(op), static_cast<double>(x[i]),
                                         static_cast<double>(alpha), static_cast<double>(beta));
          INFO(table->name << " op " << op << " x " << x[i] << " got " << y[i] << " want " << want);
          REQUIRE(close(y[i], want));
        }
        REQUIRE(y[n] == 42.0f);
        std::vector<float> in_place = x;
        table->elementwise.unary[op](in_place.data(), in_place.data(), n, alpha, beta);
        for (std::size_t i = 0; i < n; ++i) {
          REQUIRE((in_place[i] == y[i] || (std::isnan(in_place[i]) && std::isnan(y[i]))));
        }
      }
    }
  }
}

TEST_CASE("rounding keeps halves even, signs and large numbers") {
  const std::vector<float> x = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 8388607.5f, 16777217.0f, inf, -inf};
  const std::vector<float> want = {0.0f,       2.0f,        2.0f, -0.0f, -2.0f,
                                   8388608.0f, 16777216.0f, inf,  -inf};
  for (const KernelTable* table : usable_tables()) {
    std::vector<float> y(x.size());
    table->elementwise.unary[static_cast<std::size_t>(UnaryOp::round)](x.data(), y.data(), x.size(),
                                                                       0, 0);
    INFO(table->name);
    CHECK(y == want);
  }
}

TEST_CASE("binary kernels broadcast rows and scalars") {
  Random random(2);
  for (const KernelTable* table : usable_tables()) {
    for (std::size_t op = 0; op < inlay::kernels::binary_op_count; ++op) {
      for (const std::size_t columns : {1u, 5u, 8u, 16u, 37u}) {
        for (int flags = 0; flags < 16; ++flags) {
          const std::size_t rows = 3;
          const bool a_scalar = (flags & 1) != 0, b_scalar = (flags & 2) != 0;
          const BroadcastRows shape{rows,
                                    columns,
                                    (flags & 4) != 0 ? 0
                                    : a_scalar       ? 1
                                                     : columns,
                                    (flags & 8) != 0 ? 0
                                    : b_scalar       ? 1
                                                     : columns,
                                    a_scalar,
                                    b_scalar};
          std::vector<float> a = random.floats(static_cast<std::int64_t>(rows * columns));
          std::vector<float> b = random.floats(static_cast<std::int64_t>(rows * columns));
          if (op == static_cast<std::size_t>(BinaryOp::pow)) {
            for (float& v : a) v = std::fabs(v) + 0.1f;
            if (columns == 5) b[0] = 2.0f, b[1] = 3.0f;
          }
          if (columns == 8) a[0] = quiet_nan, b[0] = -quiet_nan;
          std::vector<float> y(rows * columns + 1, 42.0f);
          table->elementwise.binary[op](a.data(), b.data(), y.data(), shape);
          for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t c = 0; c < columns; ++c) {
              const float u = a[r * shape.a_row_stride + (a_scalar ? 0 : c)];
              const float v = b[r * shape.b_row_stride + (b_scalar ? 0 : c)];
              INFO(table->name << " op " << op << " flags " << flags << ": " << u << ", " << v);
              REQUIRE(close(y[r * columns + c],
                            definition(static_cast<BinaryOp>(op), static_cast<double>(u),
                                       static_cast<double>(v))));
            }
          }
          REQUIRE(y.back() == 42.0f);
        }
      }
    }
  }
}

TEST_CASE("integer kernels wrap around") {
  const std::vector<std::int32_t> a = {INT32_MAX, INT32_MIN, 7, -3, 1 << 20, 0, 5, 9, -9};
  const std::vector<std::int32_t> b = {1, 1, -5, -3, 1 << 20, 0, 6, -1, INT32_MIN};
  const auto wrap = [](std::int64_t x) { return static_cast<std::int32_t>(x); };
  for (const KernelTable* table : usable_tables()) {
    for (std::size_t op = 0; op < inlay::kernels::integer_binary_op_count; ++op) {
      for (int flags = 0; flags < 4; ++flags) {
        const bool a_scalar = (flags & 1) != 0, b_scalar = (flags & 2) != 0;
        std::vector<std::int32_t> y(a.size());
        const std::vector<std::int64_t> wide_a(a.begin(), a.end()), wide_b(b.begin(), b.end());
        std::vector<std::int64_t> wide(a.size());
        const BroadcastRows shape{1, a.size(), 0, 0, a_scalar, b_scalar};
        table->elementwise.binary_int32[op](a.data(), b.data(), y.data(), shape);
        table->elementwise.binary_int64[op](wide_a.data(), wide_b.data(), wide.data(), shape);
        for (std::size_t i = 0; i < a.size(); ++i) {
          const std::int64_t u = a[a_scalar ? 0 : i], v = b[b_scalar ? 0 : i];
          const std::int64_t want[] = {u + v, u - v, u * v, std::min(u, v), std::max(u, v)};
          INFO(table->name << " op " << op << ": " << u << ", " << v);
          REQUIRE(y[i] == wrap(want[op]));
          REQUIRE(wide[i] == want[op]);
        }
      }
    }
  }
}
