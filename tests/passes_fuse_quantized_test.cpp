#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

struct QdqConv {
  Graph graph = graph_with_opset(13);
  ValueId y_scale = graph.add_constant("y_scale", Tensor::scalar(0.1f));
  ValueId y_zero = graph.add_constant("y_zero", Tensor::scalar<std::uint8_t>(0));

  /// Q(relu?(Conv(DQ(Q(x)), DQ(w), DQ(b)))) with weights of two channels; b quantized by
  /// bias_scale.
  explicit QdqConv(float bias_scale, bool relu = false) {
    const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 1, 5, 5}));
    const ValueId x_scale = graph.add_constant("x_scale", Tensor::scalar(0.5f));
    const ValueId x_zero = graph.add_constant("x_zero", Tensor::scalar<std::uint8_t>(3));
    const ValueId xq = graph.add_node("QuantizeLinear", {x, x_scale, x_zero}, "xq");
    const ValueId xr = graph.add_node("DequantizeLinear", {xq, x_scale, x_zero}, "xr");
    std::mt19937 engine(1);
    const ValueId w =
        graph.add_constant("w", random_tensor<std::int8_t>(engine, {2, 1, 3, 3}, -9, 9));
    const ValueId w_scale = graph.add_constant("w_scale", Tensor::copy_of({0.25f, 0.5f}));
    const ValueId w_zero = graph.add_constant("w_zero", Tensor::zeros(DType::int8, {2}));
    Attributes axis;
    axis.set("axis", std::int64_t{0});
    const ValueId wr = graph.add_node("DequantizeLinear", {w, w_scale, w_zero}, "wr", axis);
    const ValueId b = graph.add_constant("b", Tensor::copy_of<std::int32_t>({8, -8}));
    const ValueId b_scale =
        graph.add_constant("b_scale", Tensor::copy_of({bias_scale * 0.25f, bias_scale * 0.5f}));
    const ValueId br = graph.add_node("DequantizeLinear", {b, b_scale}, "br", axis);
    ValueId real = graph.add_node("Conv", {xr, wr, br}, "conv");
    if (relu) real = graph.add_node("Relu", {real}, "relu");
    graph.outputs = {graph.add_node("QuantizeLinear", {real, y_scale, y_zero}, "y")};
  }
};

}  // namespace

TEST_CASE("fuse_quantized makes a QLinearConv of a QDQ Conv") {
  CHECK(after_passes(QdqConv(0.5f).graph, {"fuse_quantized"}) ==
        "  %xq: uint8[1, 1, 5, 5] = QuantizeLinear(%x, %x_scale[0.5], %x_zero{…})\n"
        "  %y: uint8[1, 2, 3, 3] = QLinearConv(%xq, %x_scale[0.5], %x_zero{…}, %w{…}, "
        "%w_scale[0.25, 0.5], %w_zero{…}, %y_scale[0.1], %y_zero{…}, %b[8, -8])\n");
}

TEST_CASE("fuse_quantized takes a Relu that the clipping at zero implies") {
  const QdqConv model(0.5f, true);
  Graph graph = model.graph.clone();
  run_passes_named(graph, {"fuse_quantized"});
  CHECK(count_nodes(graph, "Relu") == 0);
  CHECK(count_nodes(graph, "QLinearConv") == 1);
  Graph shifted = model.graph.clone();
  shifted.value(model.y_zero).constant = Tensor::scalar<std::uint8_t>(7);
  run_passes_named(shifted, {"fuse_quantized"});
  CHECK(count_nodes(shifted, "QLinearConv") == 0);
}

TEST_CASE("fuse_quantized leaves a bias of another scale alone") {
  Graph graph = QdqConv(0.7f).graph;
  run_passes_named(graph, {"fuse_quantized"});
  CHECK(count_nodes(graph, "Conv") == 1);
}

TEST_CASE("fuse_quantized leaves a Conv whose result is needed in float too") {
  Graph graph = QdqConv(0.5f).graph;
  graph.outputs.push_back(graph.find_value("conv"));
  run_passes_named(graph, {"fuse_quantized"});
  CHECK(count_nodes(graph, "Conv") == 1);
}

TEST_CASE("fuse_quantized gives the answers of the float form within one step") {
  const Graph graph = QdqConv(0.5f).graph;
  std::mt19937 engine(5);
  const std::vector<Value> inputs{random_tensor(engine, {1, 1, 5, 5}, -2, 60)};
  const auto answer = [&](bool optimize) {
    ModelOptions options;
    options.optimize = optimize;
    Session session(Model::from_graph(graph.clone(), options));
    return session.run(std::span<const Value>(inputs));
  };
  const Outputs integers = answer(true), floats = answer(false);
  for (std::size_t i = 0; i < 18; ++i) {
    CHECK(std::abs(integers[0].as<std::uint8_t>()[i] - floats[0].as<std::uint8_t>()[i]) <= 1);
  }
}

TEST_CASE("fuse_quantized makes QLinearMatMul and QLinearAdd") {
  for (const std::string op : {"MatMul", "Add"}) {
    Graph graph = graph_with_opset(13);
    const ValueId scale = graph.add_constant("scale", Tensor::scalar(0.5f));
    const ValueId a = graph.add_input("a", Type::tensor(DType::int8, Shape{4, 4}));
    const ValueId b = graph.add_input("b", Type::tensor(DType::int8, Shape{4, 4}));
    const ValueId ar = graph.add_node("DequantizeLinear", {a, scale}, "ar");
    const ValueId br = graph.add_node("DequantizeLinear", {b, scale}, "br");
    const ValueId zero = graph.add_constant("zero", Tensor::scalar<std::int8_t>(1));
    const ValueId real = graph.add_node(op, {ar, br}, "real");
    graph.outputs = {graph.add_node("QuantizeLinear", {real, scale, zero}, "y")};
    run_passes_named(graph, {"fuse_quantized"});
    CHECK(count_nodes(graph, "QLinear" + op) == 1);
    CHECK(count_nodes(graph, "DequantizeLinear") == 0);
  }
}
