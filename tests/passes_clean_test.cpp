// remove_noops, merge_reshapes, merge_transposes, replace_upsample, eliminate_dead,
// eliminate_common.
#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

ValueId integers(Graph& graph, std::initializer_list<std::int64_t> list) {
  return graph.add_constant("k" + std::to_string(graph.values.size()),
                            Tensor::copy_of<std::int64_t>(list));
}

ValueId transpose(Graph& graph, ValueId x, const std::string& name,
                  std::vector<std::int64_t> perm) {
  Attributes attributes;
  attributes.set("perm", std::move(perm));
  return graph.add_node("Transpose", {x}, name, attributes);
}

}  // namespace

TEST_CASE("remove_noops removes what changes nothing") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {Dim::named("N"), Dim(3)}));
  const ValueId zero = graph.add_constant("zero", Tensor::scalar(0.0f));
  const ValueId ones = graph.add_constant("ones", Tensor::copy_of<float>({1, 1, 1}));
  Attributes to_float;
  to_float.set("to", std::int64_t{1});
  ValueId y = graph.add_node("Relu", {x}, "r");
  y = graph.add_node("Identity", {y}, "y1");
  y = graph.add_node("Dropout", {y}, "y2");
  y = graph.add_node("Cast", {y}, "y3", to_float);
  y = transpose(graph, y, "y4", {0, 1});
  y = graph.add_node("Add", {zero, y}, "y5");
  y = graph.add_node("Div", {y, ones}, "y6");
  y = graph.add_node("Pad", {y, integers(graph, {0, 0, 0, 0})}, "y7");
  y = graph.add_node("Slice", {y, integers(graph, {0}), integers(graph, {3}), integers(graph, {1})},
                     "y8");
  y = graph.add_node("Expand", {y, integers(graph, {1, 3})}, "y9");
  graph.outputs = {graph.add_node("Concat", {y}, "y", [] {
    Attributes axis;
    axis.set("axis", std::int64_t{0});
    return axis;
  }())};
  CHECK(after_passes(graph.clone(), {"remove_noops"}) == "  %y: float32[N, 3] = Relu(%x)\n");
  check_same_answers(graph);
}

TEST_CASE("remove_noops leaves what changes something") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{3}));
  SECTION("a wider zero") {
    const ValueId zeros = graph.add_constant("zeros", Tensor::zeros(DType::float32, {2, 3}));
    graph.outputs = {graph.add_node("Add", {x, zeros}, "y")};
  }
  SECTION("one divided by x") {
    const ValueId one = graph.add_constant("one", Tensor::scalar(1.0f));
    graph.outputs = {graph.add_node("Div", {one, x}, "y")};
  }
  SECTION("a reversal") {
    graph.outputs = {graph.add_node("Slice",
                                    {x, integers(graph, {-1}), integers(graph, {-5}),
                                     integers(graph, {0}), integers(graph, {-1})},
                                    "y")};
  }
  SECTION("a shift") {
    graph.outputs = {graph.add_node("Pad", {x, integers(graph, {1, -1})}, "y")};
  }
  SECTION("a graph output that is a graph input") {
    graph.outputs = {graph.add_node("Identity", {x}, "y")};
  }
  run_passes_named(graph, {"remove_noops"});
  graph.compact();
  CHECK(graph.nodes.size() == 1);
  CHECK(graph.value(graph.outputs[0]).name == "y");
  check_same_answers(graph);
}

TEST_CASE("merge_reshapes makes one Reshape of a chain") {
  Graph graph = graph_with_opset();
  const ValueId x =
      graph.add_input("x", Type::tensor(DType::float32, {Dim::named("N"), Dim(2), Dim(6)}));
  ValueId y = graph.add_node("Reshape", {x, integers(graph, {-1, 12})}, "y1");
  y = graph.add_node("Unsqueeze", {y, integers(graph, {1})}, "y2");
  graph.outputs = {graph.add_node("Reshape", {y, integers(graph, {-1, 3, 4})}, "y")};
  CHECK(after_passes(graph.clone(), {"merge_reshapes", "eliminate_dead"}) ==
        "  %y: float32[N, 3, 4] = Reshape(%x, %k5[-1, 3, 4])\n");
  check_same_answers(graph);
}

TEST_CASE("merge_reshapes removes a chain that ends where it began") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 6}));
  ValueId y = graph.add_node("Reshape", {x, integers(graph, {3, 4})}, "y1");
  y = graph.add_node("Reshape", {y, integers(graph, {2, 6})}, "y2");
  graph.outputs = {graph.add_node("Exp", {y}, "y")};
  CHECK(after_passes(graph.clone(), {"merge_reshapes", "eliminate_dead"}) ==
        "  %y: float32[2, 6] = Exp(%x)\n");
  check_same_answers(graph);
}

TEST_CASE("merge_reshapes keeps zeros that copy a dim of the value before") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {Dim(), Dim(), Dim(6)}));
  ValueId y = graph.add_node("Flatten", {x}, "f");
  graph.outputs = {graph.add_node("Reshape", {y, integers(graph, {0, -1, 2})}, "y")};
  run_passes_named(graph, {"merge_reshapes"});
  CHECK(count_nodes(graph, "Flatten") == 1);
  check_same_answers(graph);
}

TEST_CASE("merge_transposes merges, cancels and rewrites") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3, 4, 5}));
  SECTION("two become one") {
    graph.outputs = {transpose(graph, transpose(graph, x, "t", {0, 2, 3, 1}), "y", {0, 2, 1, 3})};
    CHECK(after_passes(graph.clone(), {"merge_transposes"}) ==
          "  %y: float32[2, 5, 4, 3] = Transpose<perm=[0, 3, 2, 1]>(%x)\n");
  }
  SECTION("two that cancel go") {
    const ValueId t = transpose(graph, x, "t", {0, 2, 3, 1});
    graph.outputs = {graph.add_node("Relu", {transpose(graph, t, "u", {0, 3, 1, 2})}, "y")};
    CHECK(after_passes(graph.clone(), {"merge_transposes"}) ==
          "  %y: float32[2, 3, 4, 5] = Relu(%x)\n");
  }
  SECTION("those around element-wise nodes go") {
    const ValueId z = graph.add_input("z", Type::tensor(DType::float32, Shape{2, 3, 4, 5}));
    const ValueId bias = graph.add_constant("bias", Tensor::copy_of<float>({1, 2, 3}));
    const ValueId t = transpose(graph, x, "t", {0, 2, 3, 1});
    const ValueId sum = graph.add_node("Add", {t, bias}, "sum");
    const ValueId product =
        graph.add_node("Mul", {sum, transpose(graph, z, "u", {0, 2, 3, 1})}, "product");
    graph.outputs = {transpose(graph, product, "y", {0, 3, 1, 2})};
    CHECK(after_passes(graph.clone(), {"merge_transposes"}) ==
          "  %sum: float32[2, 3, 4, 5] = Add(%x, %bias.transposed[1, 2, 3])\n"
          "  %y: float32[2, 3, 4, 5] = Mul(%sum, %z)\n");
  }
  check_same_answers(graph);
}

TEST_CASE("merge_transposes writes a move of single axes as Reshape") {
  Graph graph = graph_with_opset();
  const ValueId x =
      graph.add_input("x", Type::tensor(DType::float32, {Dim(1), Dim::named("N"), Dim(4)}));
  graph.outputs = {transpose(graph, x, "y", {1, 0, 2})};
  CHECK(after_passes(graph.clone(), {"merge_transposes"}) ==
        "  %y: float32[N, 1, 4] = Reshape(%x, %y.shape[-1, 1, 4])\n");
  check_same_answers(graph);
}

TEST_CASE("merge_transposes leaves one that nothing cancels") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3, 4, 5}));
  const ValueId t = transpose(graph, x, "t", {0, 2, 3, 1});
  const ValueId relu = graph.add_node("Relu", {t}, "r");
  graph.outputs = {transpose(graph, relu, "y", {0, 3, 1, 2})};
  SECTION("since others need the value between") { graph.outputs.push_back(relu); }
  SECTION("since it is no inverse") { graph.outputs = {transpose(graph, relu, "z", {0, 3, 2, 1})}; }
  run_passes_named(graph, {"merge_transposes", "eliminate_dead"});
  CHECK(count_nodes(graph, "Transpose") == 2);
  check_same_answers(graph);
}

TEST_CASE("replace_upsample writes Resize") {
  Graph graph = graph_with_opset(9);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 1, 2, 3}));
  const ValueId scales = graph.add_constant("scales", Tensor::copy_of<float>({1, 1, 2, 3}));
  graph.outputs = {graph.add_node("Upsample", {x, scales}, "y")};
  CHECK(after_passes(graph.clone(), {"replace_upsample", "infer_types"}) ==
        "  %y: float32[1, 1, 4, 9] = Resize<coordinate_transformation_mode=\"asymmetric\", "
        "mode=\"nearest\", nearest_mode=\"floor\">(%x, _, %scales[1, 1, 2, 3])\n");
  check_same_answers(graph);
}

TEST_CASE("eliminate_dead drops nodes and optional outputs that nobody needs") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 1, 4, 4}));
  Node pool{.op = "MaxPool", .version = 12};
  pool.attributes.set("kernel_shape", std::vector<std::int64_t>{2, 2});
  pool.inputs = {x};
  pool.outputs = {graph.add_value("y"), graph.add_value("indices")};
  graph.outputs = {pool.outputs[0]};
  graph.add_node(pool);
  graph.add_node("Exp", {graph.add_node("Relu", {x}, "dead")}, "deader");
  CHECK(after_passes(graph, {"eliminate_dead"}) ==
        "  %y: float32[1, 1, 3, 3] = MaxPool<kernel_shape=[2, 2]>(%x)\n");
}

TEST_CASE("eliminate_common computes equal nodes once") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2}));
  const ValueId two = graph.add_constant("two", Tensor::scalar(2.0f));
  const ValueId zwei = graph.add_constant("zwei", Tensor::scalar(2.0f));
  const ValueId a = graph.add_node("Exp", {graph.add_node("Mul", {x, two}, "a1")}, "a2");
  const ValueId b = graph.add_node("Exp", {graph.add_node("Mul", {x, zwei}, "b1")}, "b2");
  graph.outputs = {graph.add_node("Add", {a, b}, "y")};
  CHECK(after_passes(graph.clone(), {"eliminate_common", "eliminate_dead"}) ==
        "  %a1: float32[2] = Mul(%x, %two[2])\n"
        "  %a2: float32[2] = Exp(%a1)\n"
        "  %y: float32[2] = Add(%a2, %a2)\n");
  check_same_answers(graph);
}

TEST_CASE("eliminate_common keeps nodes that differ or are random") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2}));
  ValueId a = no_id, b = no_id;
  SECTION("random") {
    a = graph.add_node("RandomNormalLike", {x}, "a");
    b = graph.add_node("RandomNormalLike", {x}, "b");
  }
  SECTION("another attribute") {
    Attributes alpha;
    alpha.set("alpha", 0.5f);
    a = graph.add_node("LeakyRelu", {x}, "a");
    b = graph.add_node("LeakyRelu", {x}, "b", alpha);
  }
  graph.outputs = {graph.add_node("Sub", {a, b}, "y")};
  run_passes_named(graph, {"eliminate_common", "eliminate_dead"});
  CHECK(graph.nodes.size() == 3);
}
