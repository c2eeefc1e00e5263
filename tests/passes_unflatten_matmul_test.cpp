#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

/// x [2, 3, 4] as a matrix, by weights [4, 5] with a bias, as `shape`.
Graph flattened(const std::vector<std::int64_t>& matrix, const std::vector<std::int64_t>& shape) {
  std::mt19937 engine(1);
  Graph graph = graph_with_opset(17);
  const auto target = [&](const std::string& name, const std::vector<std::int64_t>& dims) {
    return graph.add_constant(name, Tensor::copy_of(std::span<const std::int64_t>(dims),
                                                    {static_cast<std::int64_t>(dims.size())}));
  };
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3, 4}));
  const ValueId flat = graph.add_node("Reshape", {x, target("m", matrix)}, "flat");
  const ValueId w = graph.add_constant("w", random_tensor<float>(engine, {matrix.back(), 5}));
  const ValueId b = graph.add_constant("b", random_tensor<float>(engine, {5}));
  const ValueId y = graph.add_node("Gemm", {flat, w, b}, "y");
  const ValueId z = graph.add_node("Reshape", {y, target("s", shape)}, "z");
  graph.outputs = {graph.add_node("Relu", {z}, "r")};
  return graph;
}

const std::vector<std::string_view> passes = {"fuse_gemm", "unflatten_matmul", "fuse_activation",
                                              "eliminate_dead"};

}  // namespace

TEST_CASE("unflatten_matmul drops the Reshapes around a product") {
  const Graph graph = flattened({-1, 4}, {2, 3, 5});
  const std::string text = after_passes(graph.clone(), passes);
  CHECK(
      text.starts_with("  %r: float32[2, 3, 5] = inlay:FusedMatMul<activation=\"Relu\">(%x, %w{"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  check_same_answers(graph);
}

TEST_CASE("unflatten_matmul moves a Reshape to before the product") {
  const Graph graph = flattened({-1, 4}, {3, 2, 5});
  const std::string text = after_passes(graph.clone(), passes);
  CHECK(text.starts_with("  %flat.rows: float32[3, 2, 4] = Reshape(%x, %flat.shape[3, 2, 4])\n"));
  CHECK(text.find("inlay:FusedMatMul<activation=\"Relu\">(%flat.rows, %w{") != text.npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  check_same_answers(graph);
}

TEST_CASE("unflatten_matmul leaves Reshapes that do more") {
  Graph graph = flattened({-1, 4}, {2, 15});
  SECTION("of rows that become longer") {}
  SECTION("to a matrix") { graph = flattened({-1, 4}, {6, 5}); }
  check_same_answers(graph);
  run_passes_named(graph, passes);
  CHECK(count_nodes(graph, "Reshape") == 2);
}
