#include "kernels_support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cfloat>
#include <limits>

using namespace inlay::kernels;
using inlay_test::quiet_nan;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

enum class Kind { conv, transpose };

// Sums in double what ONNX Conv and ConvTranspose define, with the sum of magnitudes beside it.
struct PlainSums {
  std::vector<double> sum, size;
};

// Calls f(output pixel, input pixel) for tap t of each dimension's pair, where both are inside.
template <class F>
void for_each_meeting(Kind kind, std::int64_t in, std::int64_t out, std::int64_t stride,
                      std::int64_t dilation, std::int64_t pad, std::int64_t tap, const F& f) {
  // Conv meets where in = out * stride + tap * dilation - pad; ConvTranspose with in, out swapped.
  const std::int64_t many = kind == Kind::conv ? out : in, other = kind == Kind::conv ? in : out;
  for (std::int64_t i = 0; i < many; ++i) {
    const std::int64_t at = i * stride + tap * dilation - pad;
    if (at < 0 || at >= other) continue;
    kind == Kind::conv ? f(i, at) : f(at, i);
  }
}

PlainSums plain_sums(Kind kind, const ConvShape& s, const std::vector<float>& input,
                     const std::vector<float>& weights) {
  const auto n = static_cast<std::size_t>(s.batch * s.filters * s.out.count());
  PlainSums sums{std::vector<double>(n, 0.0), std::vector<double>(n, 1.0)};
  const std::int64_t gc = s.group_channels(), gf = s.group_filters();
  for (std::int64_t b = 0; b < s.batch; ++b) {
    for (std::int64_t f = 0; f < s.filters; ++f) {
      for (std::int64_t c = 0; c < gc; ++c) {
        const std::int64_t channel = f / gf * gc + c;
        const std::int64_t filter = kind == Kind::conv ? f * gc + c : channel * gf + f % gf;
        for (std::int64_t t = 0; t < s.kernel.count(); ++t) {
          const double w = weights[static_cast<std::size_t>(filter * s.kernel.count() + t)];
          const std::int64_t tx = t % s.kernel.w, ty = t / s.kernel.w % s.kernel.h;
          const std::int64_t tz = t / (s.kernel.w * s.kernel.h);
          const auto row = [&](std::int64_t oz, std::int64_t iz) {
            for_each_meeting(
                kind, s.in.h, s.out.h, s.stride.h, s.dilation.h, s.pad.h, ty,
                [&](std::int64_t oy, std::int64_t iy) {
                  for_each_meeting(
                      kind, s.in.w, s.out.w, s.stride.w, s.dilation.w, s.pad.w, tx,
                      [&](std::int64_t ox, std::int64_t ix) {
                        const auto o = static_cast<std::size_t>(
                            (((b * s.filters + f) * s.out.d + oz) * s.out.h + oy) * s.out.w + ox);
                        const auto i = static_cast<std::size_t>(
                            (((b * s.channels + channel) * s.in.d + iz) * s.in.h + iy) * s.in.w +
                            ix);
                        sums.sum[o] += w * static_cast<double>(input[i]);
                        sums.size[o] += std::fabs(w * static_cast<double>(input[i]));
                      });
                });
          };
          for_each_meeting(kind, s.in.d, s.out.d, s.stride.d, s.dilation.d, s.pad.d, tz, row);
        }
      }
    }
  }
  return sums;
}

struct Options {
  bool bias = true;
  bool residual = false;  // read from the output, in place
  Activation activation{};
};

std::vector<float> run(const inlay::cpu::ConvKernels& conv, ConvProblem problem,
                       const std::vector<float>& weights, std::vector<float> out, bool residual,
                       bool backwards) {
  const ConvPlan plan = conv.plan(problem.shape);
  std::vector<float> packed(plan.packed_floats, std::numeric_limits<float>::quiet_NaN());
  conv.pack_weights(problem.shape, plan, weights.data(), packed.data());
  problem.weights = plan.packed_floats == 0 ? weights.data() : packed.data();
  problem.output = out.data();
  if (residual) problem.residual = out.data();
  std::vector<float> scratch(plan.scratch_floats, std::numeric_limits<float>::quiet_NaN());
  for (std::int64_t i = 0; i < plan.task_count; ++i) {
    conv.task(problem, plan, backwards ? plan.task_count - 1 - i : i, scratch.data());
  }
  return out;
}

// [planes, pixels] in blocks of channels, and back; the lanes of no channel become NaN.
std::vector<float> blocked(const inlay::cpu::BlockedKernels& kernels, std::int64_t batch,
                           std::int64_t channels, std::int64_t plane,
                           const std::vector<float>& plain) {
  const std::int64_t block = kernels.block, blocks = ceil_div(channels, block);
  std::vector<float> out(static_cast<std::size_t>(batch * blocks * block * plane), quiet_nan);
  for (std::int64_t i = 0; i < batch * blocks; ++i) {
    const std::int64_t channel = i % blocks * block, count = std::min(block, channels - channel);
    const std::int64_t half = plane / 2;
    float* to = out.data() + i * block * plane;
    const float* from = plain.data() + (i / blocks * channels + channel) * plane;
    kernels.block_channels(from, count, plane, 0, half, to);
    kernels.block_channels(from, count, plane, half, plane, to);
    for (std::int64_t p = 0; p < plane; ++p) {
      for (std::int64_t c = count; c < block; ++c) to[p * block + c] = quiet_nan;
    }
  }
  return out;
}

std::vector<float> unblocked(const inlay::cpu::BlockedKernels& kernels, std::int64_t batch,
                             std::int64_t channels, std::int64_t plane,
                             const std::vector<float>& from) {
  const std::int64_t block = kernels.block, blocks = ceil_div(channels, block);
  std::vector<float> out(static_cast<std::size_t>(batch * channels * plane), quiet_nan);
  for (std::int64_t i = 0; i < batch * blocks; ++i) {
    const std::int64_t channel = i % blocks * block, count = std::min(block, channels - channel);
    const std::int64_t third = plane / 3;
    float* to = out.data() + (i / blocks * channels + channel) * plane;
    const float* at = from.data() + i * block * plane;
    kernels.unblock_channels(at, count, plane, 0, third, to);
    kernels.unblock_channels(at, count, plane, third, plane, to);
  }
  return out;
}

// The same as run() on blocked channels, in more tasks when backwards; `problem` is in the plain
// layout.
std::vector<float> run_blocked(const inlay::cpu::BlockedKernels& kernels, ConvProblem problem,
                               const std::vector<float>& input, const std::vector<float>& weights,
                               const std::vector<float>& before, bool residual, BlockedForm form,
                               bool backwards) {
  const ConvShape& s = problem.shape;
  const bool planar = form == BlockedForm::planar;
  const BlockedConvPlan plan = kernels.plan(s, form, backwards ? 16 : 1);
  std::vector<float> packed(plan.packed_floats, quiet_nan);
  kernels.pack_weights(s, plan, weights.data(), packed.data());
  const auto in = planar ? input : blocked(kernels, s.batch, s.channels, s.in.count(), input);
  std::vector<float> out = blocked(kernels, s.batch, s.filters, s.out.count(), before);
  std::vector<float> bias(static_cast<std::size_t>(round_up(s.filters, kernels.block)), quiet_nan);
  if (problem.bias != nullptr) {
    std::copy_n(problem.bias, s.filters, bias.begin());
    problem.bias = bias.data();
  }
  problem.input = in.data();
  problem.weights = packed.data();
  problem.output = out.data();
  if (residual) problem.residual = out.data();
  std::vector<float> scratch(plan.scratch_floats, quiet_nan);
  for (std::int64_t i = 0; i < plan.task_count; ++i) {
    kernels.task(problem, plan, backwards ? plan.task_count - 1 - i : i, scratch.data());
  }
  return unblocked(kernels, s.batch, s.filters, s.out.count(), out);
}

void check(Kind kind, const ConvShape& s, const Options& options = {}) {
  Random random(static_cast<std::uint32_t>(s.filters * 100 + s.in.w));
  const auto input = random.floats(s.batch * s.channels * s.in.count());
  const std::int64_t pairs =
      kind == Kind::conv ? s.filters * s.group_channels() : s.channels * s.group_filters();
  const auto weights = random.floats(pairs * s.kernel.count());
  const auto bias = random.floats(s.filters);
  const auto before = random.floats(s.batch * s.filters * s.out.count());
  const PlainSums plain = plain_sums(kind, s, input, weights);
  const auto compare = [&](const std::vector<float>& out, double factor = 16) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t filter =
          i / static_cast<std::size_t>(s.out.count()) % static_cast<std::size_t>(s.filters);
      double x = plain.sum[i];
      if (options.bias) x += static_cast<double>(bias[filter]);
      if (options.residual) x += static_cast<double>(before[i]);
      const double want = inlay_test::plain_activation(options.activation, x);
      const double got = static_cast<double>(out[i]);
      const double tolerance = static_cast<double>(FLT_EPSILON) * factor * plain.size[i];
      if (!(std::fabs(got - want) <= tolerance)) {
        CAPTURE(i, got, want, tolerance);
        FAIL("wrong element");
      }
    }
  };
  for (const auto* table : usable_tables()) {
    const auto& conv = kind == Kind::conv ? table->conv : table->conv_transpose;
    ConvProblem problem;
    problem.shape = s;
    problem.input = input.data();
    problem.bias = options.bias ? bias.data() : nullptr;
    problem.activation = options.activation;
    INFO(table->name << " method " << static_cast<int>(conv.plan(s).method) << ": batch " << s.batch
                     << " channels " << s.channels << " filters " << s.filters << " groups "
                     << s.groups << " in " << s.in.d << 'x' << s.in.h << 'x' << s.in.w << " kernel "
                     << s.kernel.d << 'x' << s.kernel.h << 'x' << s.kernel.w << " out " << s.out.d
                     << 'x' << s.out.h << 'x' << s.out.w << " stride " << s.stride.h << 'x'
                     << s.stride.w << " dilation " << s.dilation.h << 'x' << s.dilation.w << " pad "
                     << s.pad.h << 'x' << s.pad.w);
    const auto out = run(conv, problem, weights, before, options.residual, false);
    REQUIRE(out == run(conv, problem, weights, before, options.residual, true));
    compare(out);
    if (kind != Kind::conv) continue;
    for (const BlockedForm form :
         {BlockedForm::direct, BlockedForm::planar, BlockedForm::winograd}) {
      const std::int64_t block = table->blocked.block;
      if (form == BlockedForm::direct && !suits_blocked(s, block)) continue;
      if (form == BlockedForm::planar && !suits_planar(s, block)) continue;
      if (form == BlockedForm::winograd && !suits_winograd(s)) continue;
      INFO("blocked form " << static_cast<int>(form));
      const auto run_it = [&](bool backwards) {
        return run_blocked(table->blocked, problem, input, weights, before, options.residual, form,
                           backwards);
      };
      const auto result = run_it(false);
      REQUIRE(result == run_it(true));
      compare(result, form == BlockedForm::winograd ? 64 : 16);
    }
  }
}

// The output size that pads at both ends give.
std::int64_t conv_out(std::int64_t in, std::int64_t kernel, std::int64_t stride,
                      std::int64_t dilation, std::int64_t pads) {
  return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}
std::int64_t transpose_out(std::int64_t in, std::int64_t kernel, std::int64_t stride,
                           std::int64_t dilation, std::int64_t pads) {
  return (in - 1) * stride + (kernel - 1) * dilation + 1 - pads;
}

ConvShape shape_2d(std::int64_t channels, std::int64_t filters, std::int64_t groups,
                   std::int64_t height, std::int64_t width, std::int64_t kernel,
                   std::int64_t stride, std::int64_t pad) {
  ConvShape s;
  s.channels = channels, s.filters = filters, s.groups = groups;
  s.in = {1, height, width};
  s.kernel = {1, kernel, kernel};
  s.stride = {1, stride, stride};
  s.pad = {0, pad, pad};
  s.out = {1, conv_out(height, kernel, stride, 1, 2 * pad),
           conv_out(width, kernel, stride, 1, 2 * pad)};
  return s;
}

// Random kernel, stride, dilation and uneven pads, in up to `dims` dimensions.
ConvShape random_shape(Kind kind, Random& random, int dims) {
  ConvShape s;
  s.batch = random.integer(1, 2);
  for (int i = 0; i < dims; ++i) {
    const std::int64_t kernel = random.integer(1, 4), stride = random.integer(1, 3);
    const std::int64_t dilation = random.integer(1, 3);
    const std::int64_t span = (kernel - 1) * dilation + 1;
    const std::int64_t pad = random.integer(0, span - 1), pad_end = random.integer(0, span - 1);
    const std::int64_t in = random.integer(1, dims == 3 ? 8 : 40) + span;
    const auto out_of = kind == Kind::conv ? &conv_out : &transpose_out;
    const std::int64_t out =
        std::max<std::int64_t>(1, out_of(in, kernel, stride, dilation, pad + pad_end));
    const auto set = [&](Extent3& e, std::int64_t value) {
      (i == 0 ? e.w : i == 1 ? e.h : e.d) = value;
    };
    set(s.in, in), set(s.out, out), set(s.kernel, kernel), set(s.stride, stride);
    set(s.dilation, dilation), set(s.pad, pad);
  }
  return s;
}

}  // namespace

TEST_CASE("convolutions of common networks agree with plain loops", "[kernels][conv]") {
  check(Kind::conv, shape_2d(3, 20, 1, 33, 35, 7, 2, 3));
  check(Kind::conv, shape_2d(24, 40, 1, 14, 14, 3, 1, 1), {true, true, {ActivationKind::relu}});
  check(Kind::conv, shape_2d(24, 40, 1, 15, 15, 3, 2, 1));
  check(Kind::conv, shape_2d(70, 33, 1, 9, 11, 1, 1, 0),
        {true, true, {ActivationKind::silu, 1.0f}});
  check(Kind::conv, shape_2d(20, 33, 1, 9, 11, 1, 2, 0));
  check(Kind::conv, shape_2d(64, 33, 1, 1, 1, 1, 1, 0), {true, true, {ActivationKind::relu}});
  check(Kind::conv, shape_2d(16, 10, 2, 7, 7, 7, 1, 0));
  check(Kind::conv, shape_2d(16, 32, 4, 12, 12, 3, 1, 1));
  check(Kind::conv, shape_2d(64, 32, 2, 12, 12, 3, 1, 1), {true, true, {ActivationKind::relu}});
  check(Kind::conv, shape_2d(600, 130, 1, 7, 7, 1, 1, 0));
  check(Kind::conv, shape_2d(16, 16, 1, 130, 130, 3, 1, 1));
  check(Kind::conv, shape_2d(40, 70, 1, 17, 22, 3, 1, 1),
        {true, true, {ActivationKind::silu, 1.0f}});
  check(Kind::conv, shape_2d(300, 33, 1, 30, 14, 3, 1, 0));
}

TEST_CASE("convolutions with more than one block of k agree with plain loops", "[kernels][conv]") {
  const Options options{true, true, {ActivationKind::relu}};
  check(Kind::conv, shape_2d(100, 30, 1, 13, 13, 3, 1, 1), options);
  check(Kind::conv, shape_2d(100, 30, 1, 13, 13, 3, 2, 1), options);
  check(Kind::conv, shape_2d(3, 20, 1, 30, 30, 15, 1, 7), options);
  check(Kind::conv, shape_2d(450, 20, 1, 5, 5, 1, 2, 0), options);
  check(Kind::conv, shape_2d(100, 20, 1, 3, 3, 3, 1, 1), options);
}

TEST_CASE("convolutions of narrow pictures and many channels agree with plain loops",
          "[kernels][conv]") {
  const Options options{true, true, {ActivationKind::relu}};
  for (const std::int64_t width : {2, 3, 4, 7}) {
    check(Kind::conv, shape_2d(40, 70, 1, 7, width, 3, 1, 1), options);
    check(Kind::conv, shape_2d(36, 50, 1, 6, width, 1, 1, 0), options);
  }
  check(Kind::conv, shape_2d(1000, 33, 1, 8, 8, 3, 1, 1), options);
  Random random(7);
  for (int i = 0; i < 40; ++i) {
    ConvShape s = random_shape(Kind::conv, random, 2);
    s.channels = random.integer(7, 80), s.filters = random.integer(7, 80);
    check(Kind::conv, s, {i % 2 == 0, i % 3 == 0, {ActivationKind::silu, 1.0f}});
  }
}

TEST_CASE("convolutions to a few pixels agree with plain loops", "[kernels][conv]") {
  for (const std::int64_t filters : {28, 29, 57, 100}) {
    for (std::int64_t pixels = 1; pixels <= 9; ++pixels) {
      ConvShape s = shape_2d(3, filters, 1, 1, pixels, 1, 1, 0);
      s.kernel.w = 3, s.pad.w = 1, s.batch = 2;
      check(Kind::conv, s, {true, pixels % 2 == 0, {ActivationKind::relu}});
    }
    check(Kind::conv, shape_2d(150, 2 * filters, 2, 2, 3, 3, 1, 1),
          {true, true, {ActivationKind::silu, 1.0f}});
    check(Kind::conv, shape_2d(5, filters, 1, 5, 4, 3, 2, 1), {false});
    ConvShape s = shape_2d(1, filters, 1, 1, 640, 1, 1, 0);
    s.kernel.w = 256, s.stride.w = 128, s.out.w = 4;
    check(Kind::conv, s);
    s = shape_2d(3, filters, 1, 2, 1, 1, 1, 0);
    s.in.d = 3, s.kernel.d = 2, s.out = {2, 2, 1};
    check(Kind::conv, s);
  }
}

TEST_CASE("convolutions of one channel's frames agree with plain loops", "[kernels][conv]") {
  for (const std::int64_t stride : {1, 2, 7, 160}) {
    for (const std::int64_t dilation : {1, 3}) {
      for (const std::int64_t frames : {13, 33, 70}) {
        ConvShape s = shape_2d(2, 2 * 31, 2, 1, 1, 1, 1, 0);
        s.batch = 2;
        s.kernel.w = 300, s.stride.w = stride, s.dilation.w = dilation, s.out.w = frames;
        s.in.w = (frames - 1) * stride + 299 * dilation + 1;
        check(Kind::conv, s, {true, true, {ActivationKind::relu}});
        s.in.w -= 1;  // the last frame reaches into the padding behind the row
        check(Kind::conv, s);
      }
    }
  }
}

TEST_CASE("depthwise convolutions agree with plain loops", "[kernels][conv]") {
  for (std::int64_t kernel : {1, 3, 5, 9}) {
    for (std::int64_t stride : {1, 2, 3}) {
      for (std::int64_t size : {9, 14, 33, 112}) {
        if (size == 112 && kernel == 9) continue;
        check(Kind::conv, shape_2d(3, 3, 3, size, size + 1, kernel, stride, kernel / 2),
              {true, true, {ActivationKind::hard_swish}});
      }
    }
  }
  check(Kind::conv, shape_2d(4, 12, 4, 20, 20, 3, 1, 1));
  check(Kind::conv, shape_2d(2, 2, 2, 200, 150, 3, 1, 0));
}

TEST_CASE("convolutions of random shapes agree with plain loops", "[kernels][conv]") {
  Random random(5);
  for (int i = 0; i < 90; ++i) {
    ConvShape s = random_shape(Kind::conv, random, 1 + i % 3);
    s.groups = random.integer(1, 3);
    s.channels = s.groups * random.integer(1, 6);
    s.filters = s.groups * random.integer(1, 20);
    check(
        Kind::conv, s,
        {i % 2 == 0, i % 4 == 0, inlay_test::all_activations()[static_cast<std::size_t>(i) % 14]});
  }
}

TEST_CASE("transposed convolutions of random shapes agree with plain loops", "[kernels][conv]") {
  Random random(6);
  for (int i = 0; i < 90; ++i) {
    ConvShape s = random_shape(Kind::transpose, random, 1 + i % 3);
    s.groups = random.integer(1, 3);
    s.channels = s.groups * random.integer(1, 6);
    s.filters = s.groups * random.integer(1, 20);
    check(Kind::transpose, s,
          {i % 2 == 0, false, inlay_test::all_activations()[static_cast<std::size_t>(i) % 14]});
  }
}

TEST_CASE("a convolution with an empty output has no tasks", "[kernels][conv]") {
  ConvShape s = shape_2d(3, 4, 1, 8, 8, 3, 1, 1);
  s.batch = 0;
  for (const auto* table : usable_tables()) {
    CHECK(table->conv.plan(s).task_count == 0);
    CHECK(table->conv_transpose.plan(s).task_count == 0);
    CHECK(table->blocked.plan(s, BlockedForm::direct, 1).task_count == 0);
    CHECK(table->blocked.plan(s, BlockedForm::planar, 1).task_count == 0);
  }
}
