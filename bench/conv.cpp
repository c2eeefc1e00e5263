// f32 convolutions of common networks on one thread: GFLOP/s and the share of the measured peak.
#include "support.hpp"

namespace inlay_bench {
namespace {

using namespace inlay::kernels;

struct Layer {
  const char* name;
  std::int64_t channels, filters, groups, size, kernel, stride, pad;
  bool transpose = false;
};

constexpr Layer kLayers[] = {
    {"stem7x7", 3, 64, 1, 224, 7, 2, 3},
    {"stem3x3", 3, 32, 1, 224, 3, 2, 1},
    {"3x3/56", 64, 64, 1, 56, 3, 1, 1},
    {"3x3/28", 128, 128, 1, 28, 3, 1, 1},
    {"3x3/14", 256, 256, 1, 14, 3, 1, 1},
    {"3x3/7", 512, 512, 1, 7, 3, 1, 1},
    {"3x3s2/56", 64, 128, 1, 56, 3, 2, 1},
    {"1x1/56", 64, 256, 1, 56, 1, 1, 0},
    {"1x1/14", 1024, 256, 1, 14, 1, 1, 0},
    {"1x1/7", 512, 2048, 1, 7, 1, 1, 0},
    {"1x1s2/56", 256, 512, 1, 56, 1, 2, 0},
    {"grouped3x3/56", 128, 128, 32, 56, 3, 1, 1},
    {"depthwise3x3/112", 32, 32, 32, 112, 3, 1, 1},
    {"depthwise3x3s2/112", 96, 96, 96, 112, 3, 2, 1},
    {"depthwise3x3/14", 384, 384, 384, 14, 3, 1, 1},
    {"depthwise3x3/7", 960, 960, 960, 7, 3, 1, 1},
    {"depthwise5x5/14", 672, 672, 672, 14, 5, 1, 2},
    {"transpose4x4s2/28", 64, 32, 1, 28, 4, 2, 1, true},
    {"transpose2x2s2/56", 128, 64, 1, 56, 2, 2, 0, true},
};

ConvShape shape_of(const Layer& l) {
  ConvShape s;
  s.channels = l.channels, s.filters = l.filters, s.groups = l.groups;
  s.in = {1, l.size, l.size};
  s.kernel = {1, l.kernel, l.kernel};
  s.stride = {1, l.stride, l.stride};
  s.pad = {0, l.pad, l.pad};
  const std::int64_t out = l.transpose ? (l.size - 1) * l.stride + l.kernel - 2 * l.pad
                                       : (l.size + 2 * l.pad - l.kernel) / l.stride + 1;
  s.out = {1, out, out};
  return s;
}

template <class Kernels, class Plan>
void time_tasks(benchmark::State& state, const Kernels& kernels, const ConvProblem& problem,
                const Plan& plan, const Floats& scratch) {
  for (auto _ : state) {
    for (std::int64_t i = 0; i < plan.task_count; ++i) {
      kernels.task(problem, plan, i, scratch.data());
    }
    benchmark::ClobberMemory();
  }
}

void conv(benchmark::State& state, const KernelTable& table, Layer layer) {
  const ConvShape s = shape_of(layer);
  const auto& kernels = layer.transpose ? table.conv_transpose : table.conv;
  const ConvPlan plan = kernels.plan(s);
  const Floats input(s.channels * s.in.count()), output(s.filters * s.out.count());
  const Floats weights(s.channels * s.group_filters() * s.kernel.count());
  const Floats packed(static_cast<std::int64_t>(plan.packed_floats));
  const Floats scratch(static_cast<std::int64_t>(plan.scratch_floats));
  kernels.pack_weights(s, plan, weights.data(), packed.data());
  ConvProblem problem;
  problem.shape = s;
  problem.input = input.data();
  problem.weights = plan.packed_floats == 0 ? weights.data() : packed.data();
  problem.activation = {ActivationKind::relu};
  problem.output = output.data();
  time_tasks(state, kernels, problem, plan, scratch);
  const std::int64_t pixels = (layer.transpose ? s.in : s.out).count();
  report_flops(
      state, table,
      2.0 * static_cast<double>(s.channels * s.group_filters() * s.kernel.count() * pixels));
}

void blocked_conv(benchmark::State& state, const KernelTable& table, Layer layer,
                  BlockedForm form) {
  const ConvShape s = shape_of(layer);
  const auto& kernels = table.blocked;
  const bool planar = form == BlockedForm::planar;
  const BlockedConvPlan plan = kernels.plan(s, form);
  const auto whole = [&](std::int64_t channels) { return round_up(channels, kernels.block); };
  const Floats input((planar ? s.channels : whole(s.channels)) * s.in.count());
  const Floats output(whole(s.filters) * s.out.count());
  const Floats weights(s.filters * s.group_channels() * s.kernel.count());
  const Floats packed(static_cast<std::int64_t>(plan.packed_floats));
  const Floats scratch(static_cast<std::int64_t>(plan.scratch_floats));
  kernels.pack_weights(s, plan, weights.data(), packed.data());
  ConvProblem problem;
  problem.shape = s;
  problem.input = input.data();
  problem.weights = packed.data();
  problem.activation = {ActivationKind::relu};
  problem.output = output.data();
  time_tasks(state, kernels, problem, plan, scratch);
  report_flops(
      state, table,
      2.0 * static_cast<double>(s.channels * s.group_filters() * s.kernel.count() * s.out.count()));
}

const bool registered = [] {
  for_each_table([](const KernelTable& table) {
    for (const Layer& layer : kLayers) {
      const std::string name = "conv/" + std::string(table.name) + "/" + layer.name;
      benchmark::RegisterBenchmark(name.c_str(), conv, table, layer);
      const ConvShape s = shape_of(layer);
      if (layer.transpose) continue;
      const auto with = [&](const char* suffix, BlockedForm form) {
        benchmark::RegisterBenchmark((name + suffix).c_str(), blocked_conv, table, layer, form);
      };
      if (suits_planar(s, table.blocked.block)) {
        with("/planar", BlockedForm::planar);
      } else if (suits_blocked(s, table.blocked.block)) {
        with("/blocked", BlockedForm::direct);
      }
      if (suits_winograd(s)) with("/winograd", BlockedForm::winograd);
    }
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
