#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

struct ConvGraph {
  Graph graph = graph_with_opset();
  ValueId x, conv;

  explicit ConvGraph(DType dtype = DType::float32) {
    std::mt19937 engine(1);
    x = graph.add_input("x", Type::tensor(dtype, Shape{1, 2, 5, 5}));
    Attributes attributes;
    attributes.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
    const Shape shape{3, 2, 3, 3};
    const Tensor w = dtype == DType::float16 ? random_tensor<float16>(engine, shape)
                                             : random_tensor<float>(engine, shape);
    conv = graph.add_node("Conv", {x, graph.add_constant("w", w)}, "c", attributes);
  }
};

const std::vector<std::string_view> passes = {"fuse_activation_formulas", "fuse_residual",
                                              "fuse_activation"};

}  // namespace

TEST_CASE("fuse_activation applies an activation within Conv") {
  ConvGraph t;
  t.graph.outputs = {t.graph.add_node("Relu", {t.conv}, "y")};
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %y: float32[1, 3, 5, 5] = com.microsoft:FusedConv<activation=\"Relu\", "
        "pads=[1, 1, 1, 1]>(%x, %w{…})\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_activation takes the bounds of Clip") {
  ConvGraph t;
  const ValueId low = t.graph.add_constant("low", Tensor::scalar(0.0f));
  const ValueId high = t.graph.add_constant("high", Tensor::scalar(0.5f));
  t.graph.outputs = {t.graph.add_node("Clip", {t.conv, low, high}, "y")};
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %y: float32[1, 3, 5, 5] = com.microsoft:FusedConv<activation=\"Clip\", "
        "activation_params=[0, 0.5], pads=[1, 1, 1, 1]>(%x, %w{…})\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_activation finds x * sigmoid(x)") {
  ConvGraph t;
  const ValueId gate = t.graph.add_node("Sigmoid", {t.conv}, "gate");
  t.graph.outputs = {t.graph.add_node("Mul", {gate, t.conv}, "y")};
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %y: float32[1, 3, 5, 5] = com.microsoft:FusedConv<activation=\"Silu\", "
        "pads=[1, 1, 1, 1]>(%x, %w{…})\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_residual adds a value of the same shape before the activation") {
  ConvGraph t;
  const ValueId other = t.graph.add_input("other", Type::tensor(DType::float32, Shape{1, 3, 5, 5}));
  const ValueId sum = t.graph.add_node("Add", {other, t.conv}, "sum");
  t.graph.outputs = {t.graph.add_node("Tanh", {sum}, "y")};
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %y: float32[1, 3, 5, 5] = com.microsoft:FusedConv<activation=\"Tanh\", "
        "pads=[1, 1, 1, 1]>(%x, %w{…}, _, %other)\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_residual takes the later of two convolutions") {
  ConvGraph t;
  std::mt19937 engine(2);
  const ValueId w = t.graph.add_constant("v", random_tensor<float>(engine, {3, 3, 1, 1}));
  const ValueId relu = t.graph.add_node("Relu", {t.conv}, "r");
  const ValueId second = t.graph.add_node("Conv", {relu, w}, "d");
  t.graph.outputs = {t.graph.add_node("Add", {second, relu}, "y")};
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %r: float32[1, 3, 5, 5] = com.microsoft:FusedConv<activation=\"Relu\", "
        "pads=[1, 1, 1, 1]>(%x, %w{…})\n"
        "  %y: float32[1, 3, 5, 5] = com.microsoft:FusedConv(%r, %v{…}, _, %r)\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_activation leaves a result that others need") {
  ConvGraph t;
  const ValueId y = t.graph.add_node("Relu", {t.conv}, "y");
  SECTION("as a graph output") { t.graph.outputs = {y, t.conv}; }
  SECTION("as an operand") { t.graph.outputs = {y, t.graph.add_node("Sigmoid", {t.conv}, "z")}; }
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "Conv") == 1);
  CHECK(count_nodes(t.graph, "Relu") == 1);
}

TEST_CASE("fuse_residual leaves an operand that is broadcast") {
  ConvGraph t;
  const ValueId other = t.graph.add_input("other", Type::tensor(DType::float32, Shape{1, 3, 1, 1}));
  t.graph.outputs = {t.graph.add_node("Add", {t.conv, other}, "y")};
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "Conv") == 1);
  CHECK(count_nodes(t.graph, "Add") == 1);
}

TEST_CASE("fuse_activation leaves a Clip whose bounds are not constant") {
  ConvGraph t;
  const ValueId high = t.graph.add_input("high", Type::tensor(DType::float32, Shape{}));
  t.graph.outputs = {t.graph.add_node("Clip", {t.conv, no_id, high}, "y")};
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "Conv") == 1);
}

TEST_CASE("fuse_activation works in half precision") {
  ConvGraph t(DType::float16);
  t.graph.outputs = {t.graph.add_node("Relu", {t.conv}, "y")};
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "FusedConv") == 1);
}
