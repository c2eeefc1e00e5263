// What a node costs beside its arithmetic: chains of tiny nodes, on one thread.
#include <benchmark/benchmark.h>

#include <string>

#include "inlay/inlay.hpp"

namespace inlay_bench {
namespace {

using namespace inlay;

constexpr std::int64_t chain_length = 1000;

/// `chain_length` nodes one after the other on four floats; link(graph, x, name) adds one.
template <class Link>
void chain(benchmark::State& state, const Link& link) {
  Graph graph;
  graph.opsets[""] = 21;
  const Type type = Type::tensor(DType::float32, Shape{4});
  const ValueId x = graph.add_input("x", type), other = graph.add_input("other", type);
  ValueId y = x;
  for (std::int64_t i = 0; i < chain_length; ++i) {
    y = link(graph, y, other, "v" + std::to_string(i));
  }
  graph.outputs = {y};
  ModelOptions options;
  options.optimize = false;
  Session session(Model::from_graph(std::move(graph), options), {.threads = 1});
  const Tensor values = Tensor::zeros(DType::float32, {4});
  BoundRun run = session.bind({{"x", values}, {"other", values}});
  run.run();
  for (auto _ : state) run.run();
  state.counters["per node"] = benchmark::Counter(
      static_cast<double>(chain_length),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void add(benchmark::State& state) {
  chain(state, [](Graph& graph, ValueId x, ValueId other, std::string name) {
    return graph.add_node("Add", {x, other}, std::move(name));
  });
}

void relu(benchmark::State& state) {
  chain(state, [](Graph& graph, ValueId x, ValueId, std::string name) {
    return graph.add_node("Relu", {x}, std::move(name));
  });
}

void concat_and_slice(benchmark::State& state) {
  chain(state, [](Graph& graph, ValueId x, ValueId other, std::string name) {
    if (name.back() % 2 == 0) {
      Attributes axis;
      axis.set("axis", std::int64_t{0});
      return graph.add_node("Concat", {x, other}, std::move(name), std::move(axis));
    }
    const ValueId starts = graph.add_constant(name + "s", Tensor::copy_of<std::int64_t>({2}));
    const ValueId ends = graph.add_constant(name + "e", Tensor::copy_of<std::int64_t>({6}));
    return graph.add_node("Slice", {x, starts, ends}, std::move(name));
  });
}

BENCHMARK(add);
BENCHMARK(relu);
BENCHMARK(concat_and_slice);

}  // namespace
}  // namespace inlay_bench
