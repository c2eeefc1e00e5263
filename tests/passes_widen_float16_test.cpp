#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

TEST_CASE("widen_float16 rounds at the borders of a stretch only") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float16, Shape{2}));
  const ValueId c = graph.add_constant("c", Tensor::copy_of({float16(0.5f)}));
  const ValueId sum = graph.add_node("Add", {x, c}, "sum");
  graph.outputs = {graph.add_node("Tanh", {sum}, "y")};
  CHECK(after_passes(graph.clone(), {"widen_float16", "eliminate_dead"}) ==
        "  %x_float32: float32[2] = Cast<to=1>(%x)\n"
        "  %sum_float32: float32[2] = Add(%x_float32, %c_float32[0.5])\n"
        "  %y_float32: float32[2] = Tanh(%sum_float32)\n"
        "  %y: float16[2] = Cast<to=10>(%y_float32)\n");
  check_same_answers(graph, 2e-3);
}

TEST_CASE("widen_float16 leaves other dtypes and operators alone") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float16, Shape{4}));
  const ValueId y = graph.add_input("y", Type::tensor(DType::float32, Shape{4}));
  graph.outputs = {graph.add_node("IsNaN", {x}, "n"), graph.add_node("Relu", {y}, "r")};
  const std::string before = after_passes(graph.clone(), {});
  CHECK(after_passes(graph.clone(), {"widen_float16"}) == before);
}
