// What the tests of passes share: run some passes, list the nodes, compare answers with and
// without.
#pragma once

#include <catch2/catch.hpp>

#include "inlay/pass.hpp"
#include "support.hpp"

namespace inlay::test {

inline Graph graph_with_opset(int version = 20) {
  Graph graph;
  graph.opsets[""] = version;
  return graph;
}

inline const Pass& pass_named(std::string_view name) {
  for (const Pass& pass : standard_passes()) {
    if (pass.name == name) return pass;
  }
  throw Error(ErrorCode::not_found, "no such pass: " + std::string(name));
}

/// Infers types, runs the passes, and checks the graph after each.
inline void run_passes_named(Graph& graph, const std::vector<std::string_view>& names) {
  std::vector<Pass> passes = {pass_named("infer_types")};
  for (const std::string_view name : names) passes.push_back(pass_named(name));
  const auto registry = Registry::standard();
  run_passes(graph, {*registry, registry->find_backend("cpu")}, passes,
             [](const Pass&, const Graph& after) { after.verify(); });
}

/// The graph's listing, one node per line, without the frame around it.
inline std::string listing(const Graph& graph) {
  const std::string text = graph.print();
  const std::size_t first = text.find('\n') + 1;
  return text.substr(first, text.rfind("}\n") - first);
}

/// The listing after the passes; the one before is shown when a check of the test fails.
inline std::string after_passes(Graph graph, const std::vector<std::string_view>& names) {
  UNSCOPED_INFO("before:\n" << graph.print());
  run_passes_named(graph, names);
  graph.compact();
  return listing(graph);
}

inline std::size_t count_nodes(const Graph& graph, std::string_view op) {
  std::size_t count = 0;
  for (const Node& node : graph.nodes) count += node.op == op ? 1 : 0;
  return count;
}

/// Runs the graph on random inputs, with all passes and with none but the essential ones.
inline void check_same_answers(const Graph& graph, double tolerance = 1e-5) {
  std::mt19937 engine(7);
  std::vector<Value> inputs;
  for (const ValueId id : graph.inputs) {
    Shape shape;
    for (const Dim& dim : graph.value(id).type.dims) shape.push_back(dim.known() ? dim.value : 3);
    if (graph.value(id).type.dtype == DType::float16) {
      inputs.emplace_back(random_tensor<float16>(engine, shape));
    } else {
      inputs.emplace_back(random_tensor<float>(engine, shape));
    }
  }
  const auto answers = [&](bool optimize) {
    ModelOptions options;
    options.optimize = optimize;
    options.backends = {"reference"};
    options.after_pass = [](const Pass&, const Graph& after) { after.verify(); };
    Session session(Model::from_graph(graph.clone(), options));
    return session.run(std::span<const Value>(inputs));
  };
  const Outputs plain = answers(false);
  const Outputs optimized = answers(true);
  REQUIRE(plain.size() == optimized.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    REQUIRE(plain[i].dtype() == optimized[i].dtype());
    REQUIRE(plain[i].shape() == optimized[i].shape());
    const auto compare = [&](auto zero) {
      const auto a = plain[i].as<decltype(zero)>();
      const auto b = optimized[i].as<decltype(zero)>();
      for (std::size_t k = 0; k < a.size(); ++k) {
        CAPTURE(i, k);
        REQUIRE(static_cast<double>(b[k]) ==
                Approx(static_cast<double>(a[k])).epsilon(tolerance).margin(tolerance));
      }
    };
    if (plain[i].dtype() == DType::float16) {
      compare(float16());
    } else if (plain[i].dtype() == DType::int64) {
      compare(std::int64_t());
    } else {
      compare(float());
    }
  }
}

}  // namespace inlay::test
