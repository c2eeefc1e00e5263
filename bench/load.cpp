// From a graph to a model: passes and compilation. Time per node must not grow with the graph.
#include <benchmark/benchmark.h>

#include <string>

#include "inlay/inlay.hpp"

namespace inlay_bench {
namespace {

using namespace inlay;

Tensor filled(const Shape& shape, float value) {
  Tensor tensor(DType::float32, shape);
  for (float& x : tensor.as_mutable<float>()) x = value;
  return tensor;
}

Tensor list(std::initializer_list<std::int64_t> values) { return Tensor::copy_of(values); }

std::string name(const char* base, std::int64_t i) { return base + std::to_string(i); }

/// A graph of opset 17 with one input x.
struct Builder {
  Graph graph;
  ValueId x;

  explicit Builder(std::vector<Dim> dims) {
    graph.opsets[""] = 17;
    x = graph.add_input("x", Type::tensor(DType::float32, std::move(dims)));
  }
  ValueId add(const char* op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph.add_node(op, std::move(inputs), name("v", std::ssize(graph.values)),
                          std::move(attributes));
  }
  ValueId constant(Tensor tensor) {
    return graph.add_constant(name("c", std::ssize(graph.values)), std::move(tensor));
  }
  Graph ending_in(ValueId y) {
    graph.outputs = {y};
    return std::move(graph);
  }
};

Graph chain(std::int64_t nodes) {
  Builder b({1, 4, 2, 2});
  ValueId y = b.x;
  for (std::int64_t i = 0; i < nodes / 3; ++i) {
    y = b.add("Add", {y, b.constant(filled({1, 4, 1, 1}, 0.1f * static_cast<float>(i)))});
    y = b.add("Relu", {y});
    y = b.add("Conv", {y, b.constant(filled({4, 4, 1, 1}, 0.2f))});
  }
  return b.ending_in(y);
}

/// Branches from one value, which many nodes read, to one node, which reads many values.
Graph wide(std::int64_t nodes) {
  Builder b({1, 8});
  std::vector<ValueId> ends;
  for (std::int64_t i = 0; i < nodes / 2; ++i) {
    Attributes alpha;
    alpha.set("alpha", static_cast<float>(i) / static_cast<float>(nodes));
    ends.push_back(b.add("Sigmoid", {b.add("LeakyRelu", {b.x}, alpha)}));
  }
  Attributes axis;
  axis.set("axis", std::int64_t{0});
  return b.ending_in(b.add("Concat", std::move(ends), axis));
}

Graph many_outputs(std::int64_t nodes) {
  Builder b({1, 8});
  for (std::int64_t i = 0; i < nodes / 2; ++i) {
    Attributes alpha;
    alpha.set("alpha", static_cast<float>(i) / static_cast<float>(nodes));
    b.graph.outputs.push_back(b.add("Sigmoid", {b.add("LeakyRelu", {b.x}, alpha)}));
  }
  return std::move(b.graph);
}

/// Transposes and reshapes, which cancel, with constants of their own.
Graph moves(std::int64_t nodes) {
  Builder b({2, 3, 4});
  ValueId y = b.x;
  for (std::int64_t i = 0; i < nodes / 4; ++i) {
    Attributes perm;
    perm.set("perm", std::vector<std::int64_t>{1, 0, 2});
    y = b.add("Transpose", {y}, perm);
    y = b.add("Reshape", {y, b.constant(list({4, 6}))});
    y = b.add("Reshape", {y, b.constant(list({2, 3, 4}))});
    y = b.add("Relu", {y});
  }
  return b.ending_in(y);
}

/// A long chain of arithmetic on a shape that is not known.
Graph shapes(std::int64_t nodes) {
  Builder b({Dim::named("N"), Dim::named("M")});
  const ValueId one = b.constant(list({1}));
  ValueId y = b.add("Shape", {b.x});
  for (std::int64_t i = 0; i < nodes - 2; ++i) y = b.add(i % 2 == 0 ? "Add" : "Mul", {y, one});
  Attributes to;
  to.set("to", std::int64_t{1});
  return b.ending_in(b.add("Cast", {y}, to));
}

void load(benchmark::State& state, Graph (*make)(std::int64_t)) {
  const Graph graph = make(state.range(0));
  for (auto _ : state) {
    const Model model = Model::from_graph(graph.clone());
    benchmark::DoNotOptimize(model.graph().nodes.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(5'000)->Arg(50'000)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(load, chain, chain)->Apply(sizes);
BENCHMARK_CAPTURE(load, wide, wide)->Apply(sizes);
BENCHMARK_CAPTURE(load, many_outputs, many_outputs)->Apply(sizes);
BENCHMARK_CAPTURE(load, moves, moves)->Apply(sizes);
BENCHMARK_CAPTURE(load, shapes, shapes)->Apply(sizes);

}  // namespace
}  // namespace inlay_bench
