#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

Tensor filled(const Shape& shape, float number) {
  Tensor tensor(DType::float32, shape);
  for (float& x : tensor.as_mutable<float>()) x = number;
  return tensor;
}

/// Products of one x as ONNX Runtime's quantize_dynamic writes them.
struct DynamicProducts {
  Graph graph = graph_with_opset(13);
  std::mt19937 engine{3};
  ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 5, 12}));
  ValueId q, scale, zero;

  DynamicProducts() {
    q = graph.add_value("x_quantized");
    scale = graph.add_value("x_scale");
    zero = graph.add_value("x_zero_point");
    graph.add_node(
        {.op = "DynamicQuantizeLinear", .version = 13, .inputs = {x}, .outputs = {q, scale, zero}});
  }

  /// Named `name`; `nesting` of the scales: 0 as the tool writes them.
  ValueId product(const std::string& name, std::int64_t columns, bool by_column, int nesting = 0) {
    const ValueId w = graph.add_constant(
        name + ".w", random_tensor<std::int8_t>(engine, {12, columns}, -127, 127));
    const Shape per = by_column ? Shape{columns} : Shape{};
    const ValueId w_scale = graph.add_constant(name + ".s", filled(per, 0.0625f));
    const ValueId w_zero = graph.add_constant(name + ".z", Tensor::zeros(DType::int8, per));
    const ValueId sums = graph.add_node("MatMulInteger", {q, w, zero, w_zero}, name + ".sums");
    Attributes to_float;
    to_float.set("to", std::int64_t{1});
    const ValueId cast = graph.add_node("Cast", {sums}, name + ".cast", to_float);
    if (nesting == 0) {
      return graph.add_node(
          "Mul", {cast, graph.add_node("Mul", {scale, w_scale}, name + ".scales")}, name);
    }
    const ValueId first = nesting == 1 ? scale : w_scale, second = nesting == 1 ? w_scale : scale;
    return graph.add_node("Mul", {second, graph.add_node("Mul", {cast, first}, name + ".part")},
                          name);
  }
};

}  // namespace

TEST_CASE("fuse_dynamic_matmul makes one node of a product as tools write it") {
  DynamicProducts p;
  const ValueId y = p.product("y", 4, true);
  const ValueId bias = p.graph.add_constant("bias", Tensor::copy_of({1.0f, 2.0f, 3.0f, 4.0f}));
  p.graph.outputs = {p.graph.add_node("Add", {bias, y}, "out"), p.product("alone", 3, false)};
  CHECK(after_passes(p.graph.clone(), {"fuse_dynamic_matmul"}) ==
        "  %out: float32[2, 5, 4] = com.microsoft:DynamicQuantizeMatMul(%x, %y.w{…}, %y.s[0.0625, "
        "0.0625, 0.0625, 0.0625], "
        "%y.z{…}, %bias[1, 2, 3, 4])\n"
        "  %alone: float32[2, 5, 3] = com.microsoft:DynamicQuantizeMatMul(%x, %alone.w{…}, "
        "%alone.s[0.0625], %alone.z{…})\n");
  check_same_answers(p.graph, 0);
}

TEST_CASE("fuse_dynamic_matmul knows scales in any order") {
  for (const int nesting : {1, 2}) {
    DynamicProducts p;
    p.graph.outputs = {p.product("y", 7, true, nesting)};
    Graph graph = p.graph.clone();
    run_passes_named(graph, {"fuse_dynamic_matmul"});
    graph.compact();
    CHECK(graph.nodes.size() == 1);
    check_same_answers(p.graph, 1e-5);
  }
}

TEST_CASE("fuse_dynamic_matmul leaves alone what is another product") {
  const auto count = [](auto change) {
    DynamicProducts p;
    p.graph.outputs = {p.product("y", 4, true)};
    change(p);
    run_passes_named(p.graph, {"fuse_dynamic_matmul"});
    return count_nodes(p.graph, "DynamicQuantizeMatMul");
  };
  const auto sums = [](DynamicProducts& p) -> Node& {
    return *std::find_if(p.graph.nodes.begin(), p.graph.nodes.end(),
                         [](const Node& node) { return node.op == "MatMulInteger"; });
  };
  CHECK(count([](DynamicProducts&) {}) == 1);
  CHECK(count([&](DynamicProducts& p) { sums(p).inputs[2] = no_id; }) == 0);
  CHECK(count([&](DynamicProducts& p) {
          p.graph.outputs.push_back(p.graph.find_value("y.cast"));
        }) == 0);
  CHECK(count([&](DynamicProducts& p) {
          sums(p).inputs[1] = p.graph.add_input("w", Type::tensor(DType::int8, Shape{12, 4}));
        }) == 0);
}

TEST_CASE("fuse_dynamic_matmul leaves a bias that is no constant per column") {
  for (const Shape& shape : {Shape{1}, Shape{5, 4}}) {
    DynamicProducts p;
    const ValueId bias = p.graph.add_constant("bias", random_tensor(p.engine, shape));
    p.graph.outputs = {p.graph.add_node("Add", {p.product("y", 4, true), bias}, "out")};
    run_passes_named(p.graph, {"fuse_dynamic_matmul"});
    CHECK(count_nodes(p.graph, "Add") == 1);
    CHECK(count_nodes(p.graph, "DynamicQuantizeMatMul") == 1);
  }
}
