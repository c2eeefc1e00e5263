// Convolutions of 8-bit codes of common networks on one thread: GOP/s and the share of the measured
// peak.
#include <vector>

#include "conv_layers.hpp"
#include "support.hpp"

namespace inlay_bench {
namespace {

void integer_conv(benchmark::State& state, const KernelTable& table, Layer layer) {
  const ConvShape s = shape_of(layer);
  const auto& conv = table.integer.conv;
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  const std::int64_t weight_count = s.filters * s.kernel.count() * s.group_channels();
  const std::vector<std::uint8_t> x(size(s.channels * s.in.count()), 3), w(size(weight_count), 2);
  std::vector<std::uint8_t> y(size(s.filters * s.out.count()));
  std::vector<std::int8_t> packed(size(conv.packed_size(s)));
  std::vector<std::int32_t> sums(size(s.filters));
  conv.pack(s, w.data(), true, packed.data(), sums.data());
  const float scale = 1e-3f;
  IntegerConvProblem problem;
  problem.shape = s;
  problem.input = x.data();
  problem.x_zero = 5;
  problem.weights = packed.data();
  problem.sums = sums.data();
  problem.scales = {&scale, 0};
  problem.y = y.data();
  const IntegerConvPlan plan = conv.plan(s, 1);
  std::vector<DotWord> scratch(plan.scratch_words);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < plan.task_count; ++i) {
      conv.task(problem, plan, i, scratch.data());
    }
    benchmark::ClobberMemory();
  }
  report_ops(state, table, 2.0 * static_cast<double>(weight_count * s.out.count()));
}

const bool registered = [] {
  for_each_integer_table([](const KernelTable& table) {
    for (const Layer& layer : kLayers) {
      if (layer.transpose) continue;
      const std::string name = "integer_conv/" + std::string(table.name) + "/" + layer.name;
      benchmark::RegisterBenchmark(name.c_str(), integer_conv, table, layer);
    }
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
