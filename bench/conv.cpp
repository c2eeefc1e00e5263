// f32 convolutions of common networks on one thread: GFLOP/s and the share of the measured peak.
#include "conv_layers.hpp"
#include "support.hpp"

namespace inlay_bench {
namespace {

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
  const BlockedConvPlan plan = kernels.plan(s, form, 1);
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
