// infer_types, fold_constants, inline_branches.
#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

ValueId integers(Graph& graph, std::initializer_list<std::int64_t> list) {
  return graph.add_constant("k" + std::to_string(graph.values.size()),
                            Tensor::copy_of<std::int64_t>(list));
}

/// A graph of one node that adds `number` to a value of the enclosing graph.
std::shared_ptr<Graph> add_to_capture(ValueId outer, float number, const std::string& name) {
  auto graph = std::make_shared<Graph>();
  const ValueId inner = graph->add_value("inner");
  graph->captures = {{outer, inner}};
  const ValueId constant = graph->add_constant("number", Tensor::scalar(number));
  const ValueId output = graph->add_value(name);
  graph->add_node({.op = "Add", .version = 14, .inputs = {inner, constant}, .outputs = {output}});
  graph->outputs = {output};
  return graph;
}

ValueId add_if(Graph& graph, ValueId condition, ValueId x) {
  Attributes branches;
  branches.set("then_branch", add_to_capture(x, 1, "then"));
  branches.set("else_branch", add_to_capture(x, 2, "else"));
  return graph.add_node("If", {condition}, "y", branches);
}

}  // namespace

TEST_CASE("infer_types names every unknown operator at once") {
  Graph graph = graph_with_opset(18);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2}));
  const ValueId a = graph.add_node("Frobnicate", {x}, "a");
  graph.outputs = {graph.add_node("Twirl", {a}, "b", {}, "org.example")};
  try {
    run_passes_named(graph, {});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::unsupported);
    CHECK(error.message().find("ai.onnx:Frobnicate 18") != std::string::npos);
    CHECK(error.message().find("org.example:Twirl 1") != std::string::npos);
  }
}

TEST_CASE("infer_types does not trust declared types") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3}));
  const ValueId y = graph.add_node("Relu", {x}, "y");
  graph.value(y).type = Type::tensor(DType::int8, Shape{7});
  graph.outputs = {y};
  run_passes_named(graph, {});
  CHECK(graph.value(y).type == Type::tensor(DType::float32, Shape{2, 3}));
}

TEST_CASE("infer_types widens what changes from one iteration of a Loop to the next") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3}));
  const ValueId count = graph.add_constant("count", Tensor::scalar<std::int64_t>(4));
  auto body = std::make_shared<Graph>();
  body->add_input("i", {});
  const ValueId go = body->add_input("go", {});
  const ValueId growing = body->add_input("growing", {});
  const ValueId steady = body->add_input("steady", {});
  const ValueId longer = body->add_value("longer");
  const ValueId shifted = body->add_value("shifted");
  Node concat{.op = "Concat", .version = 13, .inputs = {growing, growing}, .outputs = {longer}};
  concat.attributes.set("axis", std::int64_t{0});
  body->add_node(concat);
  body->add_node({.op = "Exp", .version = 13, .inputs = {steady}, .outputs = {shifted}});
  body->outputs = {go, longer, shifted};
  Node loop{.op = "Loop", .version = 16, .inputs = {count, no_id, x, x}};
  loop.attributes.set("body", body);
  loop.outputs = {graph.add_value("grown"), graph.add_value("kept")};
  graph.outputs = loop.outputs;
  graph.add_node(loop);
  run_passes_named(graph, {});
  CHECK(to_string(graph.value(graph.outputs[0]).type) == "float32[?2.0, 3]");
  CHECK(to_string(graph.value(graph.outputs[1]).type) == "float32[2, 3]");
  CHECK(to_string(body->value(growing).type) == "float32[?0_0/2.0, 3]");
  CHECK(to_string(body->value(body->inputs[0]).type) == "int64[]");
}

TEST_CASE("fold_constants computes what does not depend on inputs") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3}));
  const ValueId a = graph.add_constant("a", Tensor::copy_of<float>({1, 2, 3}));
  const ValueId sum = graph.add_node("Add", {a, a}, "sum");
  graph.outputs = {graph.add_node("Mul", {x, graph.add_node("Neg", {sum}, "negated")}, "y")};
  CHECK(after_passes(graph.clone(), {"fold_constants"}) ==
        "  %y: float32[2, 3] = Mul(%x, %negated[-2, -4, -6])\n");
  check_same_answers(graph);
}

TEST_CASE("fold_constants follows shape arithmetic and sharpens types behind it") {
  Graph graph = graph_with_opset();
  const ValueId x =
      graph.add_input("x", Type::tensor(DType::float32, {Dim::named("N"), Dim(4), Dim(6)}));
  const ValueId shape = graph.add_node("Shape", {x}, "shape");
  const ValueId rows = graph.add_node("Gather", {shape, integers(graph, {1})}, "rows");
  const ValueId half = graph.add_node("Div", {rows, integers(graph, {2})}, "half");
  Attributes axis;
  axis.set("axis", std::int64_t{0});
  const ValueId target = graph.add_node(
      "Concat", {integers(graph, {-1}), half, integers(graph, {12})}, "target", axis);
  graph.outputs = {graph.add_node("Reshape", {x, target}, "y")};
  CHECK(after_passes(graph.clone(), {"fold_constants", "eliminate_dead"}) ==
        "  %y: float32[N, 2, 12] = Reshape(%x, %target[-1, 2, 12])\n");
  check_same_answers(graph);
}

TEST_CASE("fold_constants keeps numbers below minus one") {
  Graph graph = graph_with_opset();
  const ValueId x =
      graph.add_input("x", Type::tensor(DType::float32, {Dim::named("N"), Dim::named("M")}));
  const ValueId shape = graph.add_node("Shape", {x}, "shape");
  const ValueId either =
      graph.add_node("Equal",
                     {graph.add_node("Gather", {shape, integers(graph, {0})}, "n"),
                      graph.add_node("Gather", {shape, integers(graph, {1})}, "m")},
                     "either");
  const ValueId five = integers(graph, {-5});
  graph.outputs = {graph.add_node("Where", {either, five, five}, "y")};
  run_passes_named(graph, {"fold_constants"});
  const Tensor* y = graph.constant(graph.outputs[0]);
  REQUIRE(y != nullptr);
  CHECK(y->as<std::int64_t>()[0] == -5);
}

TEST_CASE("fold_constants leaves what would grow out of proportion or is random") {
  Graph graph = graph_with_opset();
  SECTION("a bomb") {
    graph.outputs = {
        graph.add_node("ConstantOfShape", {integers(graph, {1 << 10, 1 << 12, 8})}, "y")};
  }
  SECTION("random numbers") {
    Attributes shape;
    shape.set("shape", std::vector<std::int64_t>{2});
    graph.outputs = {graph.add_node("RandomNormal", {}, "y", shape)};
  }
  SECTION("an error at run time") {
    graph.outputs = {graph.add_node(
        "Gather",
        {integers(graph, {1, 2}), graph.add_constant("i", Tensor::scalar<std::int64_t>(5))}, "y")};
  }
  run_passes_named(graph, {"fold_constants"});
  CHECK_FALSE(graph.value(graph.outputs[0]).is_constant());
}

TEST_CASE("fold_constants keeps the name of a graph output") {
  Graph graph = graph_with_opset();
  const ValueId a = graph.add_constant("a", Tensor::copy_of<float>({1, 2}));
  graph.outputs = {graph.add_node("Exp", {a}, "y")};
  run_passes_named(graph, {"fold_constants", "eliminate_dead"});
  CHECK(graph.nodes.empty());
  CHECK(graph.value(graph.outputs[0]).name == "y");
  check_same_answers(graph);
}

TEST_CASE("inline_branches takes the branch of a known condition") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2}));
  const bool condition = GENERATE(true, false);
  const ValueId y = add_if(graph, graph.add_constant("c", Tensor::scalar(condition)), x);
  graph.outputs = {graph.add_node("Relu", {y}, "z")};
  CHECK(after_passes(graph.clone(), {"inline_branches"}) ==
        std::string(condition ? "  %y/then: float32[2] = Add(%x, %y/number[1])\n"
                                "  %z: float32[2] = Relu(%y/then)\n"
                              : "  %y/else: float32[2] = Add(%x, %y/number[2])\n"
                                "  %z: float32[2] = Relu(%y/else)\n"));
  check_same_answers(graph);
}

TEST_CASE("inline_branches leaves an If on an input") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2}));
  const ValueId c = graph.add_input("c", Type::tensor(DType::boolean, Shape{}));
  graph.outputs = {add_if(graph, c, x)};
  run_passes_named(graph, {"fold_constants", "inline_branches"});
  CHECK(count_nodes(graph, "If") == 1);
}

TEST_CASE("passes work within subgraphs") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_constant("x", Tensor::copy_of<float>({1, 2}));
  const ValueId c = graph.add_input("c", Type::tensor(DType::boolean, Shape{}));
  graph.outputs = {add_if(graph, c, x)};
  run_passes_named(graph, {"fold_constants", "eliminate_dead"});
  REQUIRE(graph.nodes.size() == 1);
  for_each_subgraph(graph.nodes[0], [](const Graph& branch) {
    CHECK(branch.captures.empty());
    CHECK(branch.nodes.empty());
    CHECK(branch.value(branch.outputs[0]).is_constant());
  });
}

TEST_CASE("a long chain is within reach of every pass") {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2}));
  const ValueId one = graph.add_constant("one", Tensor::copy_of<float>({1}));
  ValueId y = x;
  for (int i = 0; i < 20000; ++i) {
    const char* op = i % 3 == 0 ? "Identity" : i % 3 == 1 ? "Mul" : "Relu";
    std::vector<ValueId> inputs = {y};
    if (i % 3 == 1) inputs.push_back(one);
    y = graph.add_node(op, std::move(inputs), "v" + std::to_string(i));
  }
  graph.outputs = {y};
  run_passes(graph, {*Registry::standard()}, standard_passes());
  graph.verify();
  CHECK(graph.nodes.size() == 6666);
}
