// Reductions, softmax and normalizations against plain loops in double precision.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels_support.hpp"

using inlay::cpu::KernelTable;
using inlay::kernels::GroupShape;
using inlay::kernels::ReduceOp;
using inlay::kernels::ReduceShape;
using inlay_test::inf;
using inlay_test::quiet_nan;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

double definition(ReduceOp op, const std::vector<double>& x) {
  double sum = 0, product = 1, squares = 0, absolute = 0, exponentials = 0;
  double largest = -inf, smallest = inf;
  for (const double v : x) {
    sum += v, product *= v, squares += v * v, absolute += std::fabs(v), exponentials += std::exp(v);
    largest = std::fmax(largest, v), smallest = std::fmin(smallest, v);
  }
  switch (op) {
    case ReduceOp::sum:
      return sum;
    case ReduceOp::mean:
      return sum / static_cast<double>(x.size());
    case ReduceOp::max:
      return largest;
    case ReduceOp::min:
      return smallest;
    case ReduceOp::prod:
      return product;
    case ReduceOp::sum_square:
      return squares;
    case ReduceOp::l1:
      return absolute;
    case ReduceOp::l2:
      return std::sqrt(squares);
    case ReduceOp::log_sum:
      return std::log(sum);
    case ReduceOp::log_sum_exp:
      return std::log(exponentials);
  }
  return 0;
}

std::vector<double> column(const std::vector<float>& x, const ReduceShape& s, std::size_t result) {
  std::vector<double> values;
  for (std::size_t r = 0; r < s.reduce; ++r) {
    const std::size_t at = (result / s.inner * s.reduce + r) * s.inner + result % s.inner;
    values.push_back(static_cast<double>(x[at]));
  }
  return values;
}

double mean_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}
double variance_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += (v - mean_of(x)) * (v - mean_of(x));
  return sum / static_cast<double>(x.size());
}

const ReduceShape shapes[] = {{1, 1, 1}, {3, 5, 1},  {2, 16, 1},  {2, 67, 1}, {1, 3000, 1},
                              {2, 3, 2}, {2, 7, 16}, {1, 70, 33}, {2, 9, 75}, {3, 130, 5}};

}  // namespace

TEST_CASE("reductions give their definition whatever the layout") {
  Random random(3);
  for (const KernelTable* table : usable_tables()) {
    for (std::size_t op = 0; op < inlay::kernels::reduce_op_count; ++op) {
      for (const ReduceShape& s : shapes) {
        std::vector<float> x =
            random.floats(static_cast<std::int64_t>(s.outer * s.reduce * s.inner));
        const bool positive = op == static_cast<std::size_t>(ReduceOp::log_sum);
        const bool near_one = op == static_cast<std::size_t>(ReduceOp::prod);
        for (float& v : x) v = positive ? v + 1.5f : near_one ? 1.0f + v * 0.01f : v * 3.0f;
        const std::size_t results = s.outer * s.inner;
        std::vector<float> y(results);
        table->reduce.reduce[op](x.data(), y.data(), s, 0, results);
        std::vector<float> split(results);
        for (std::size_t i = 0; i < results; i += 7) {
          table->reduce.reduce[op](x.data(), split.data(), s, i, std::min(i + 7, results));
        }
        INFO(table->name << " op " << op << " " << s.outer << "x" << s.reduce << "x" << s.inner);
        REQUIRE(split == y);
        for (std::size_t i = 0; i < results; ++i) {
          const std::vector<double> values = column(x, s, i);
          double scale = 1;
          for (const double v : values) scale += std::fabs(v);
          const double want = definition(static_cast<ReduceOp>(op), values);
          REQUIRE(std::fabs(static_cast<double>(y[i]) - want) <
                  1e-6 * std::fmax(scale, std::fabs(want)));
        }
      }
    }
  }
}

TEST_CASE("a long sum of equal values keeps six digits") {
  const std::vector<float> x(1 << 20, 0.1f);
  for (const KernelTable* table : usable_tables()) {
    float y = 0;
    table->reduce.reduce[static_cast<std::size_t>(ReduceOp::sum)](x.data(), &y, {1, x.size(), 1}, 0,
                                                                  1);
    INFO(table->name);
    CHECK(y == Approx(static_cast<double>(0.1f) * (1 << 20)).epsilon(1e-6));
  }
}

TEST_CASE("extrema of a row with NaN are NaN, wherever it is") {
  for (const KernelTable* table : usable_tables()) {
    for (const ReduceOp op : {ReduceOp::max, ReduceOp::min}) {
      for (std::size_t at = 0; at < 90; ++at) {
        std::vector<float> x(90, 1.0f);
        x[at] = quiet_nan;
        float y = 0;
        std::vector<float> columns(45);
        const auto kernel = table->reduce.reduce[static_cast<std::size_t>(op)];
        kernel(x.data(), &y, {1, 90, 1}, 0, 1);
        kernel(x.data(), columns.data(), {1, 2, 45}, 0, 45);
        INFO(table->name << " NaN at " << at);
        REQUIRE(std::isnan(y));
        for (std::size_t i = 0; i < 45; ++i) REQUIRE(std::isnan(columns[i]) == (i == at % 45));
      }
    }
  }
}

TEST_CASE("reductions over nothing give the identity, and log-sum-exp bears infinities") {
  for (const KernelTable* table : usable_tables()) {
    const auto run = [&](ReduceOp op, const std::vector<float>& x) {
      float y = 42;
      table->reduce.reduce[static_cast<std::size_t>(op)](x.data(), &y, {1, x.size(), 1}, 0, 1);
      return y;
    };
    INFO(table->name);
    CHECK(run(ReduceOp::sum, {}) == 0.0f);
    CHECK(run(ReduceOp::prod, {}) == 1.0f);
    CHECK(run(ReduceOp::max, {}) == -inf);
    CHECK(run(ReduceOp::min, {}) == inf);
    CHECK(std::isnan(run(ReduceOp::mean, {})));
    CHECK(run(ReduceOp::log_sum_exp, {-inf, -inf}) == -inf);
    CHECK(run(ReduceOp::log_sum_exp, {inf, 1.0f}) == inf);
    CHECK(run(ReduceOp::log_sum_exp, {1000.0f, 1000.0f}) == Approx(1000.0 + std::log(2.0)));
  }
}

TEST_CASE("softmax and log-softmax over rows and columns") {
  Random random(4);
  for (const KernelTable* table : usable_tables()) {
    for (const ReduceShape& s : shapes) {
      std::vector<float> x = random.floats(static_cast<std::int64_t>(s.outer * s.reduce * s.inner));
      for (float& v : x) v = v * 10.0f + 500.0f;
      const std::size_t columns = s.outer * s.inner;
      for (const bool logarithm : {false, true}) {
        std::vector<float> y(x.size());
        const auto& kernels = table->reduce;
        const auto by_column = logarithm ? kernels.log_softmax_columns : kernels.softmax_columns;
        by_column(x.data(), y.data(), s, 0, columns);
        std::vector<float> in_place = x;
        for (std::size_t i = 0; i < columns; i += 5) {
          by_column(in_place.data(), in_place.data(), s, i, std::min(i + 5, columns));
        }
        INFO(table->name << " " << s.outer << "x" << s.reduce << "x" << s.inner);
        REQUIRE(in_place == y);
        std::vector<float> rows(x.size());
        if (s.inner == 1) {
          (logarithm ? kernels.log_softmax_rows : kernels.softmax_rows)(x.data(), rows.data(),
                                                                        s.outer, s.reduce);
        }
        for (std::size_t c = 0; c < columns; ++c) {
          const std::vector<double> values = column(x, s, c);
          const double total = definition(ReduceOp::log_sum_exp, values);
          for (std::size_t r = 0; r < s.reduce; ++r) {
            const std::size_t at = (c / s.inner * s.reduce + r) * s.inner + c % s.inner;
            const double want = logarithm ? values[r] - total : std::exp(values[r] - total);
            REQUIRE(static_cast<double>(y[at]) == Approx(want).epsilon(3e-6).margin(3e-6));
            if (s.inner == 1) {
              REQUIRE(static_cast<double>(rows[at]) == Approx(want).epsilon(3e-6).margin(3e-6));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("layer and RMS normalization, also far from zero") {
  Random random(5);
  for (const KernelTable* table : usable_tables()) {
    for (const std::size_t n : {1u, 6u, 16u, 50u, 768u}) {
      for (const float offset : {0.0f, 1000.0f}) {
        const std::size_t rows = 3;
        std::vector<float> x = random.floats(static_cast<std::int64_t>(rows * n));
        for (float& v : x) v += offset;
        const std::vector<float> scale = random.floats(static_cast<std::int64_t>(n));
        const std::vector<float> bias = random.floats(static_cast<std::int64_t>(n));
        std::vector<float> y(x.size()), plain(x.size()), rms(x.size()), mean(rows), inverse(rows);
        table->reduce.layer_norm(x.data(), scale.data(), bias.data(), y.data(), rows, n, 1e-5f,
                                 mean.data(), inverse.data());
        table->reduce.layer_norm(x.data(), scale.data(), nullptr, plain.data(), rows, n, 1e-5f,
                                 nullptr, nullptr);
        table->reduce.rms_norm(x.data(), scale.data(), rms.data(), rows, n, 1e-5f);
        for (std::size_t r = 0; r < rows; ++r) {
          const std::vector<double> row = column(x, {rows, n, 1}, r);
          const double center = mean_of(row), deviation = std::sqrt(variance_of(row) + 1e-5);
          const double root = std::sqrt(variance_of(row) + center * center + 1e-5);
          // One rounding of the mean moves every result by that much over the deviation.
          const double margin = 1e-5 + 1e-7 * static_cast<double>(offset) / deviation;
          INFO(table->name << " n " << n << " offset " << offset);
          CHECK(static_cast<double>(mean[r]) == Approx(center).epsilon(1e-6).margin(1e-7));
          CHECK(static_cast<double>(inverse[r]) == Approx(1 / deviation).epsilon(1e-3));
          for (std::size_t i = 0; i < n; ++i) {
            const std::size_t at = r * n + i;
            const double scaled = (row[i] - center) / deviation * static_cast<double>(scale[i]);
            REQUIRE(static_cast<double>(plain[at]) == Approx(scaled).margin(margin));
            REQUIRE(static_cast<double>(y[at]) ==
                    Approx(scaled + static_cast<double>(bias[i])).margin(margin));
            REQUIRE(static_cast<double>(rms[at]) ==
                    Approx(row[i] / root * static_cast<double>(scale[i])).margin(1e-5));
          }
        }
      }
    }
  }
}

TEST_CASE("group, instance and batch normalization") {
  Random random(6);
  const std::size_t batch = 2, channels = 6;
  for (const KernelTable* table : usable_tables()) {
    for (const std::size_t spatial : {1u, 9u, 49u}) {
      const std::vector<float> x =
          random.floats(static_cast<std::int64_t>(batch * channels * spatial));
      const std::vector<float> scale = random.floats(channels), bias = random.floats(channels);
      INFO(table->name << " spatial " << spatial);
      for (const std::size_t groups : {1u, 3u, 6u}) {
        const GroupShape shape{groups, channels / groups, spatial};
        std::vector<float> y(x.size());
        for (std::size_t g = 0; g < batch * groups; ++g) {
          table->reduce.group_norm(x.data(), scale.data(), bias.data(), y.data(), shape, g, g + 1,
                                   1e-3f);
        }
        const std::size_t size = shape.channels_per_group * spatial;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const std::vector<double> group = column(x, {batch * groups, size, 1}, i / size);
          const std::size_t c = i / spatial % channels;
          const double want = (static_cast<double>(x[i]) - mean_of(group)) /
                                  std::sqrt(variance_of(group) + 1e-3) *
                                  static_cast<double>(scale[c]) +
                              static_cast<double>(bias[c]);
          REQUIRE(static_cast<double>(y[i]) == Approx(want).margin(2e-5));
        }
      }
      const std::vector<float> mean = random.floats(channels);
      std::vector<float> variance = random.floats(channels), factor(channels), shift(channels);
      for (float& v : variance) v = v * v + 0.1f;
      table->reduce.batch_norm_coefficients(scale.data(), bias.data(), mean.data(), variance.data(),
                                            1e-3f, channels, factor.data(), shift.data());
      std::vector<float> y(x.size());
      table->reduce.scale_shift(x.data(), factor.data(), shift.data(), y.data(), channels, spatial,
                                0, batch * channels);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t c = i / spatial % channels;
        const double want = static_cast<double>(scale[c]) *
                                (static_cast<double>(x[i]) - static_cast<double>(mean[c])) /
                                std::sqrt(static_cast<double>(variance[c]) + 1e-3) +
                            static_cast<double>(bias[c]);
        REQUIRE(static_cast<double>(y[i]) == Approx(want).margin(1e-5));
      }
    }
  }
}
