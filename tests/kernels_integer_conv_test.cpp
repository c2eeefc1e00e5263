#include "kernels_support.hpp"

#include <catch2/catch.hpp>

#include <cstring>

using namespace inlay::kernels;
using inlay_test::integers;
using inlay_test::Random;
using inlay_test::usable_integer_tables;

namespace {

std::vector<std::uint8_t> bytes(Random& random, std::int64_t n) {
  std::vector<std::uint8_t> result(static_cast<std::size_t>(n));
  for (std::uint8_t& byte : result) byte = static_cast<std::uint8_t>(random.integer(0, 255));
  return result;
}

std::int64_t value(std::uint8_t code, bool is_signed) {
  return is_signed ? static_cast<std::int8_t>(code) : code;
}

ConvShape image(std::int64_t channels, std::int64_t filters, std::int64_t groups, std::int64_t size,
                std::int64_t kernel, std::int64_t stride = 1, std::int64_t pad = 0,
                std::int64_t dilation = 1) {
  ConvShape s;
  s.batch = 2;
  s.channels = channels, s.filters = filters, s.groups = groups;
  s.in = {1, size + 1, size};
  s.kernel = {1, kernel, kernel};
  s.stride = {1, stride, stride};
  s.dilation = {1, dilation, dilation};
  s.pad = {0, pad, pad};
  const auto out = [&](std::int64_t in) {
    return (in + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
  };
  s.out = {1, out(s.in.h), out(s.in.w)};
  return s;
}

/// A convolution's operands and its exact sums.
struct Operands {
  std::vector<std::uint8_t> x, w;
  std::vector<std::int32_t> bias, w_zeros;
  std::vector<float> scales;
  IntegerConvProblem problem;
  std::vector<std::int64_t> sums;  ///< [batch, out, filters]

  Operands(const ConvShape& s, bool plain, Random& random) {
    const auto flip = [&] { return !plain && random.integer(0, 1) == 1; };
    x = bytes(random, s.batch * s.in.count() * s.channels);
    w = bytes(random, s.filters * s.kernel.count() * s.group_channels());
    bias = integers(random, s.filters, -100'000, 100'000);
    problem.shape = s;
    problem.input = x.data();
    problem.x_is_signed = flip(), problem.w_is_signed = !flip(), problem.y_is_signed = flip();
    problem.x_zero = static_cast<std::int32_t>(problem.x_is_signed ? random.integer(-128, 127)
                                                                   : random.integer(0, 255));
    const int low = problem.w_is_signed ? -128 : 0;
    w_zeros = integers(random, s.filters, low, low + 255);
    if (flip()) problem.w_zeros = {w_zeros.data(), random.integer(0, 1)};
    if (plain || flip()) problem.bias = bias.data();
    for (std::int64_t f = 0; f < s.filters; ++f) {
      scales.push_back(std::ldexp(1.0f, -static_cast<int>(random.integer(6, 14))));
    }
    problem.scales = {scales.data(), random.integer(0, 1)};
    problem.y_zero = static_cast<std::int32_t>(problem.y_is_signed ? random.integer(-128, 127)
                                                                   : random.integer(0, 255));
    add_up();
  }

  void add_up() {
    const ConvShape& s = problem.shape;
    for (std::int64_t n = 0; n < s.batch; ++n) {
      for (std::int64_t o = 0; o < s.out.count(); ++o) {
        for (std::int64_t f = 0; f < s.filters; ++f) sums.push_back(sum(n, o, f));
      }
    }
  }

  std::int64_t sum(std::int64_t n, std::int64_t o, std::int64_t f) const {
    const ConvShape& s = problem.shape;
    const std::int64_t group = f / s.group_filters(), channels = s.group_channels();
    const std::int64_t oz = o / (s.out.h * s.out.w), oy = o / s.out.w % s.out.h, ox = o % s.out.w;
    std::int64_t total = problem.bias != nullptr ? problem.bias[f] : 0;
    for (std::int64_t t = 0; t < s.kernel.count(); ++t) {
      const std::int64_t tz = t / (s.kernel.h * s.kernel.w), ty = t / s.kernel.w % s.kernel.h;
      const std::int64_t z = oz * s.stride.d - s.pad.d + tz * s.dilation.d;
      const std::int64_t y = oy * s.stride.h - s.pad.h + ty * s.dilation.h;
      const std::int64_t at = ox * s.stride.w - s.pad.w + t % s.kernel.w * s.dilation.w;
      if (z < 0 || z >= s.in.d || y < 0 || y >= s.in.h || at < 0 || at >= s.in.w) continue;
      const std::int64_t pixel = ((n * s.in.d + z) * s.in.h + y) * s.in.w + at;
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto code = x[static_cast<std::size_t>(pixel * s.channels + group * channels + c)];
        const auto weight = w[static_cast<std::size_t>((f * s.kernel.count() + t) * channels + c)];
        total += (value(code, problem.x_is_signed) - problem.x_zero) *
                 (value(weight, problem.w_is_signed) - problem.w_zeros.get(f, 0));
      }
    }
    return total;
  }
};

/// The output with some guards behind it, by the tasks in order or backwards.
template <class T>
std::vector<T> run(const inlay::cpu::IntegerConvKernels& conv, const Operands& operands,
                   bool backwards) {
  IntegerConvProblem problem = operands.problem;
  const ConvShape& s = problem.shape;
  std::vector<std::int8_t> packed(static_cast<std::size_t>(conv.packed_size(s)));
  std::vector<std::int32_t> sums(static_cast<std::size_t>(s.filters));
  conv.pack(s, operands.w.data(), problem.w_is_signed, packed.data(), sums.data());
  problem.weights = packed.data();
  problem.sums = sums.data();
  problem.output = sizeof(T) == 1 ? IntegerOutput::codes : IntegerOutput::integers;
  std::vector<T> y(operands.sums.size() + 9, T{77});
  problem.y = y.data();
  const IntegerConvPlan plan = conv.plan(s, backwards ? 16 : 1);
  std::vector<DotWord> scratch(plan.scratch_words, 0xdeadbeef);
  for (std::int64_t i = 0; i < plan.task_count; ++i) {
    conv.task(problem, plan, backwards ? plan.task_count - 1 - i : i, scratch.data());
  }
  return y;
}

template <class T, class Wanted>
void check(const inlay::cpu::IntegerConvKernels& conv, const Operands& operands,
           const Wanted& wanted) {
  const std::vector<T> y = run<T>(conv, operands, false);
  REQUIRE(y == run<T>(conv, operands, true));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto want = i < operands.sums.size() ? wanted(operands.sums[i], i) : 77;
    if (static_cast<double>(y[i]) != static_cast<double>(want)) {
      CAPTURE(i, +y[i], want);
      FAIL("wrong element");
    }
  }
}

void check(const inlay::cpu::KernelTable& table, const ConvShape& s, Random& random) {
  for (const bool plain : {true, false, false, false}) {
    const Operands operands(s, plain, random);
    const IntegerConvProblem& problem = operands.problem;
    INFO(table.name << ": channels " << s.channels << " filters " << s.filters << " groups "
                    << s.groups << " kernel " << s.kernel.w << " stride " << s.stride.w << " pad "
                    << s.pad.w << " width " << s.in.w << " signed x, w, y " << problem.x_is_signed
                    << problem.w_is_signed << problem.y_is_signed);
    const auto& conv = table.integer.conv;
    check<std::int32_t>(conv, operands, [](std::int64_t sum, std::size_t) { return sum; });
    const auto code = [&](double low, double high) {
      return [&, low, high](std::int64_t sum, std::size_t i) {
        const auto filter = static_cast<std::int64_t>(i) % s.filters;
        const double scaled =
            std::nearbyint(static_cast<double>(sum) * problem.scales.get(filter, 1.0f));
        return std::fmin(std::fmax(scaled + problem.y_zero, low), high);
      };
    };
    if (problem.y_is_signed) {
      check<std::int8_t>(conv, operands, code(-128, 127));
    } else {
      check<std::uint8_t>(conv, operands, code(0, 255));
    }
  }
}

}  // namespace

TEST_CASE("integer convolutions are exact", "[kernels][igemm]") {
  Random random(1);
  for (const auto* table : usable_integer_tables()) {
    check(*table, image(3, 8, 1, 9, 3, 2, 1), random);
    check(*table, image(16, 33, 1, 7, 3, 1, 1), random);
    check(*table, image(20, 17, 1, 6, 1), random);
    check(*table, image(18, 5, 1, 6, 1), random);
    check(*table, image(16, 16, 1, 7, 1, 2), random);
    check(*table, image(5, 7, 1, 9, 3, 1, 2, 2), random);
    check(*table, image(12, 8, 4, 6, 3, 1, 1), random);
    check(*table, image(12, 24, 2, 6, 1), random);
    check(*table, image(8, 16, 8, 6, 3, 1, 1), random);
    check(*table, image(4, 4, 1, 3, 5, 1, 2), random);
    check(*table, image(300, 40, 1, 3, 3, 1, 1), random);
    check(*table, image(1, 1, 1, 1, 1), random);
  }
}

TEST_CASE("integer convolutions work in three dimensions", "[kernels][igemm]") {
  Random random(2);
  for (const auto* table : usable_integer_tables()) {
    for (const std::int64_t groups : {std::int64_t{1}, std::int64_t{6}}) {
      ConvShape s = image(6, 6, groups, 5, 3, 1, 1);
      s.in.d = 4, s.kernel.d = 2, s.stride.d = 2, s.pad.d = 1, s.out.d = 3;
      check(*table, s, random);
    }
  }
}

TEST_CASE("integer depthwise convolutions are exact", "[kernels][igemm]") {
  Random random(3);
  for (const auto* table : usable_integer_tables()) {
    for (const std::int64_t channels : {2, 8, 15, 16, 24, 32, 33, 64, 65, 96, 144, 200}) {
      check(*table, image(channels, channels, channels, 6, 3, 1, 1), random);
    }
    check(*table, image(40, 40, 40, 9, 3, 2, 1), random);
    check(*table, image(40, 40, 40, 9, 5, 1, 2), random);
    check(*table, image(17, 17, 17, 11, 3, 1, 2, 2), random);
    check(*table, image(70, 70, 70, 4, 1), random);
    check(*table, image(70, 70, 70, 3, 2, 1, 0), random);
  }
}

TEST_CASE("integer convolutions of nothing write nothing", "[kernels][igemm]") {
  Random random(4);
  for (const auto* table : usable_integer_tables()) {
    ConvShape s = image(4, 4, 1, 4, 3, 1, 1);
    s.batch = 0;
    check(*table, s, random);
    s.channels = s.filters = s.groups = 8;
    check(*table, s, random);
  }
}
