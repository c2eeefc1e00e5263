#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

ValueId constant(Graph& graph, const std::string& name, const Shape& shape, double low = -1,
                 double high = 1) {
  std::mt19937 engine(static_cast<unsigned>(graph.values.size()));
  return graph.add_constant(name, random_tensor<float>(engine, shape, low, high));
}

ValueId conv(Graph& graph, ValueId x, bool with_bias) {
  std::vector<ValueId> inputs = {x, constant(graph, "w", {4, 2, 3, 3})};
  if (with_bias) inputs.push_back(constant(graph, "b", {4}));
  return graph.add_node("Conv", std::move(inputs), "c");
}

ValueId batch_norm(Graph& graph, ValueId x, std::int64_t channels) {
  return graph.add_node(
      "BatchNormalization",
      {x, constant(graph, "gamma", {channels}), constant(graph, "beta", {channels}),
       constant(graph, "mean", {channels}), constant(graph, "variance", {channels}, 0.5, 2)},
      "bn");
}

}  // namespace

TEST_CASE("fuse_affine puts BatchNormalization into Conv") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 2, 5, 5}));
  const bool with_bias = GENERATE(false, true);
  graph.outputs = {batch_norm(graph, conv(graph, x, with_bias), 4)};
  const std::string text = after_passes(graph.clone(), {"fuse_affine"});
  CHECK(text.starts_with("  %bn: float32[1, 4, 3, 3] = Conv(%x, %bn.weights{…}, %bn.bias["));
  check_same_answers(graph);
}

TEST_CASE("fuse_affine puts per-channel arithmetic into Conv") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 2, 5, 5}));
  ValueId y = conv(graph, x, false);
  y = graph.add_node("Mul", {y, constant(graph, "m", {1, 4, 1, 1})}, "y1");
  y = graph.add_node("Add", {constant(graph, "a", {4, 1, 1}), y}, "y2");
  y = graph.add_node("Div", {y, constant(graph, "d", {}, 1, 2)}, "y3");
  y = graph.add_node("Sub", {constant(graph, "s", {1}), y}, "y4");
  graph.outputs = {y};
  Graph optimized = graph.clone();
  run_passes_named(optimized, {"fuse_affine", "eliminate_dead"});
  CHECK(optimized.nodes.size() == 1);
  CHECK(optimized.nodes[0].is("Conv"));
  check_same_answers(graph);
}

TEST_CASE("fuse_affine puts a bias into MatMul and Gemm") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{3, 5}));
  Attributes attributes;
  attributes.set("transB", std::int64_t{1});
  attributes.set("alpha", 0.5f);
  attributes.set("beta", 2.0f);
  ValueId y = graph.add_node("MatMul", {x, constant(graph, "w", {5, 6})}, "y1");
  y = graph.add_node("Add", {y, constant(graph, "b", {6})}, "y2");
  y = graph.add_node("Relu", {y}, "y3");
  y = graph.add_node("Gemm", {y, constant(graph, "v", {4, 6}), constant(graph, "c", {1, 4})}, "y4",
                     attributes);
  y = batch_norm(graph, y, 4);
  graph.outputs = {graph.add_node("Gelu", {y}, "y5")};
  const std::string text =
      after_passes(graph.clone(), {"fuse_gemm", "fuse_affine", "fuse_activation"});
  CHECK(text.starts_with(
      "  %y3: float32[3, 6] = inlay:FusedMatMul<activation=\"Relu\">(%x, %w{…}, "));
  CHECK(text.find("  %y5: float32[3, 4] = inlay:FusedMatMul<activation=\"Gelu\">(%y3, "
                  "%bn.weights{…}, %bn.bias[") != std::string::npos);
  check_same_answers(graph);
}

TEST_CASE("fuse_affine leaves what varies along other axes") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 2, 5, 5}));
  const ValueId c = conv(graph, x, true);
  SECTION("width") {
    graph.outputs = {graph.add_node("Mul", {c, constant(graph, "m", {1, 1, 1, 3})}, "y")};
  }
  SECTION("another batch") {
    graph.outputs = {graph.add_node("Mul", {c, constant(graph, "m", {2, 4, 1, 1})}, "y")};
  }
  SECTION("another rank") {
    graph.outputs = {graph.add_node("Mul", {c, constant(graph, "m", {1, 1, 4, 1, 1})}, "y")};
  }
  SECTION("a value that is not constant") {
    const ValueId m = graph.add_input("m", Type::tensor(DType::float32, Shape{1, 4, 1, 1}));
    graph.outputs = {graph.add_node("Mul", {c, m}, "y")};
  }
  SECTION("a division by the result") {
    graph.outputs = {graph.add_node("Div", {constant(graph, "m", {1}), c}, "y")};
  }
  SECTION("a result that others need") {
    const ValueId y = graph.add_node("Mul", {c, constant(graph, "m", {1, 4, 1, 1})}, "y");
    graph.outputs = {y, c};
  }
  const std::size_t before = graph.nodes.size();
  run_passes_named(graph, {"fuse_affine", "eliminate_dead"});
  CHECK(graph.nodes.size() == before);
}

TEST_CASE("fuse_gemm leaves a matrix that is not constant or transposed data") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{5, 3}));
  Attributes attributes;
  attributes.set("transA", std::int64_t{1});
  graph.outputs = {graph.add_node("Gemm", {x, constant(graph, "w", {5, 6})}, "y", attributes),
                   graph.add_node("Gemm",
                                  {graph.add_input("p", Type::tensor(DType::float32, Shape{2, 4})),
                                   graph.add_input("q", Type::tensor(DType::float32, Shape{4, 2}))},
                                  "z")};
  run_passes_named(graph, {"fuse_gemm"});
  CHECK(count_nodes(graph, "Gemm") == 2);
}

TEST_CASE("fuse_pad puts zeros around a picture into Conv") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 2, 5, 5}));
  const ValueId pads =
      graph.add_constant("pads", Tensor::copy_of<std::int64_t>({0, 0, 1, 2, 0, 0, 3, 0}));
  SECTION("zeros") {
    const ValueId padded = graph.add_node("Pad", {x, pads}, "p");
    graph.outputs = {conv(graph, padded, false)};
    CHECK(after_passes(graph.clone(), {"fuse_pad"}) ==
          "  %c: float32[1, 4, 7, 5] = Conv<pads=[1, 2, 3, 0]>(%x, %w{…})\n");
    check_same_answers(graph);
  }
  SECTION("not another number") {
    const ValueId one = graph.add_constant("one", Tensor::scalar(1.0f));
    graph.outputs = {conv(graph, graph.add_node("Pad", {x, pads, one}, "p"), false)};
    run_passes_named(graph, {"fuse_pad"});
    CHECK(count_nodes(graph, "Pad") == 1);
  }
}
