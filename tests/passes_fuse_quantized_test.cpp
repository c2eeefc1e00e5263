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

namespace {

/// A graph on codes of one input, quantized by 0.05 with zero point 100 (or -28 for int8).
struct CodeGraph {
  Graph graph = graph_with_opset(13);
  ValueId scale = graph.add_constant("scale", Tensor::scalar(0.05f));
  ValueId zero, x;

  explicit CodeGraph(const Shape& shape, bool is_signed = false)
      : zero(graph.add_constant("zero", is_signed ? Tensor::scalar<std::int8_t>(-28)
                                                  : Tensor::scalar<std::uint8_t>(100))),
        x(graph.add_input("x", Type::tensor(is_signed ? DType::int8 : DType::uint8, shape))) {}

  ValueId real(ValueId q) {
    return graph.add_node("DequantizeLinear", {q, scale, zero}, fresh("real"));
  }
  ValueId quantized(ValueId value, float by = 0.05f) {
    const ValueId s = graph.add_constant(fresh("scale"), Tensor::scalar(by));
    return graph.add_node("QuantizeLinear", {value, s, zero}, fresh("q"));
  }
  std::string fresh(const std::string& name) { return name + std::to_string(graph.values.size()); }
};

/// Largest distance of the codes with all passes from those without.
int code_distance(const Graph& graph) {
  std::mt19937 engine(3);
  std::vector<Value> inputs;
  for (const ValueId id : graph.inputs) {
    const Type& type = graph.value(id).type;
    Tensor x(type.dtype, *type.static_shape());
    std::uniform_int_distribution<int> draw(0, 255);
    auto* const bytes = static_cast<std::uint8_t*>(x.mutable_data());
    for (std::int64_t i = 0; i < x.size(); ++i) bytes[i] = static_cast<std::uint8_t>(draw(engine));
    inputs.push_back(x);
  }
  const auto answer = [&](bool optimize) {
    ModelOptions options;
    options.optimize = optimize;
    return Session(Model::from_graph(graph.clone(), options)).run(std::span<const Value>(inputs));
  };
  const Outputs a = answer(true), b = answer(false);
  REQUIRE(a[0].dtype() == b[0].dtype());
  REQUIRE(a[0].shape() == b[0].shape());
  int distance = 0;
  const auto code = [](const Tensor& tensor, std::int64_t i) -> int {
    const auto bits = static_cast<const std::uint8_t*>(tensor.data())[i];
    return tensor.dtype() == DType::int8 ? static_cast<std::int8_t>(bits) : bits;
  };
  for (std::int64_t i = 0; i < a[0].size(); ++i) {
    distance = std::max(distance, std::abs(code(a[0], i) - code(b[0], i)));
  }
  return distance;
}

}  // namespace

TEST_CASE("fuse_quantized makes tables of elementwise functions of one tensor of codes") {
  for (const bool is_signed : {false, true}) {
    CodeGraph g({3, 200}, is_signed);
    const ValueId x = g.real(g.x);
    const ValueId gate = g.quantized(g.graph.add_node("Sigmoid", {x}, "sigmoid"), 0.004f);
    const ValueId one = g.graph.add_constant("one", Tensor::scalar(1.0f));
    const ValueId s = g.graph.add_constant("gate.scale", Tensor::scalar(0.004f));
    const ValueId open = g.graph.add_node("DequantizeLinear", {gate, s, g.zero}, "open");
    const ValueId product = g.graph.add_node("Mul", {g.real(g.x), open}, "product");
    g.graph.outputs = {g.quantized(g.graph.add_node("Add", {product, one}, "sum"), 0.04f)};
    Graph graph = g.graph.clone();
    run_passes_named(graph, {"fuse_quantized", "fold_constants", "eliminate_dead"});
    graph.compact();
    CAPTURE(graph.print());
    CHECK(graph.nodes.size() == 1);
    CHECK(count_nodes(graph, "CodeTable") == 1);
    CHECK(code_distance(g.graph) <= 1);
  }
}

TEST_CASE("fuse_quantized leaves functions of two tensors, and of rows, alone") {
  CodeGraph g({3, 200});
  const ValueId y = g.graph.add_input("y", Type::tensor(DType::uint8, Shape{3, 200}));
  const ValueId slopes = g.graph.add_constant("slopes", Tensor::zeros(DType::float32, {200}));
  const ValueId least = g.graph.add_node("Min", {g.real(g.x), g.real(y)}, "least");
  const ValueId bent = g.graph.add_node("PRelu", {g.real(g.x), slopes}, "bent");
  g.graph.outputs = {g.quantized(least), g.quantized(bent)};
  run_passes_named(g.graph, {"fuse_quantized"});
  CHECK(count_nodes(g.graph, "CodeTable") == 0);
  CHECK(count_nodes(g.graph, "Min") == 1);
  CHECK(count_nodes(g.graph, "PRelu") == 1);
}

TEST_CASE("fuse_quantized moves codes instead of numbers") {
  for (const float by : {0.05f, 0.02f}) {
    CodeGraph g({2, 3, 6, 4});
    Attributes window;
    window.set("kernel_shape", std::vector<std::int64_t>{2, 2});
    const ValueId pooled = g.graph.add_node("MaxPool", {g.real(g.x)}, "pool", window);
    const ValueId turned = g.graph.add_node("Transpose", {g.real(g.quantized(pooled))}, "turned");
    g.graph.outputs = {g.quantized(turned, by)};
    Graph graph = g.graph.clone();
    run_passes_named(graph, {"fuse_quantized", "fold_constants", "eliminate_dead"});
    graph.compact();
    CAPTURE(graph.print());
    CHECK(graph.nodes.size() == (by == 0.05f ? 2 : 3));
    CHECK(count_nodes(graph, "CodeTable") == (by == 0.05f ? 0 : 1));
    CHECK(code_distance(g.graph) == 0);
  }
}

TEST_CASE("fuse_quantized makes pools and joins of codes") {
  CodeGraph g({2, 4, 6, 6});
  Attributes window, axis;
  window.set("kernel_shape", std::vector<std::int64_t>{3, 3});
  window.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  axis.set("axis", std::int64_t{1});
  const ValueId mean = g.quantized(g.graph.add_node("AveragePool", {g.real(g.x)}, "mean", window));
  const ValueId both =
      g.quantized(g.graph.add_node("Concat", {g.real(mean), g.real(g.x)}, "both", axis), 0.06f);
  const ValueId s = g.graph.add_constant("s", Tensor::scalar(0.06f));
  const ValueId read = g.graph.add_node("DequantizeLinear", {both, s, g.zero}, "read");
  g.graph.outputs = {g.quantized(g.graph.add_node("GlobalAveragePool", {read}, "all"), 0.03f)};
  Graph graph = g.graph.clone();
  run_passes_named(graph, {"fuse_quantized"});
  CHECK(count_nodes(graph, "QLinearAveragePool") == 1);
  CHECK(count_nodes(graph, "QLinearConcat") == 1);
  CHECK(count_nodes(graph, "QLinearGlobalAveragePool") == 1);
  CHECK(count_nodes(graph, "DequantizeLinear") == 0);
  CHECK(code_distance(g.graph) <= 1);
}

TEST_CASE("fuse_quantized makes products of integers that give floats") {
  CodeGraph g({5, 12});
  std::mt19937 engine(2);
  const ValueId w =
      g.graph.add_constant("w", random_tensor<std::int8_t>(engine, {12, 7}, -127, 127));
  const ValueId w_scale = g.graph.add_constant("ws", random_tensor(engine, {7}, 0.01, 0.02));
  const ValueId w_zero = g.graph.add_constant("wz", Tensor::zeros(DType::int8, {7}));
  Attributes axis;
  axis.set("axis", std::int64_t{1});
  const ValueId wr = g.graph.add_node("DequantizeLinear", {w, w_scale, w_zero}, "wr", axis);
  const ValueId bias = g.graph.add_constant("bias", random_tensor(engine, {7}, -1, 1));
  const ValueId product = g.graph.add_node("MatMul", {g.real(g.x), wr}, "product");
  const ValueId sum = g.graph.add_node("Add", {bias, product}, "sum");
  const ValueId dense = g.graph.add_node("Gemm", {g.real(g.x), wr, bias}, "dense");
  g.graph.outputs = {sum, dense};
  Graph graph = g.graph.clone();
  run_passes_named(graph, {"fuse_quantized"});
  graph.compact();
  CAPTURE(graph.print());
  CHECK(count_nodes(graph, "MatMulIntegerToFloat") == 1);
  CHECK(count_nodes(graph, "QGemm") == 1);
  CHECK(graph.nodes.size() == 2);
  Tensor x(DType::uint8, {5, 12});
  for (std::size_t i = 0; i < 60; ++i) {
    x.as_mutable<std::uint8_t>()[i] = static_cast<std::uint8_t>(i * 4);
  }
  const std::vector<Value> inputs{x};
  ModelOptions plain;
  plain.optimize = false;
  const auto got = Session(Model::from_graph(g.graph.clone())).run(std::span(inputs));
  const auto want = Session(Model::from_graph(g.graph.clone(), plain)).run(std::span(inputs));
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t i = 0; i < 35; ++i) {
      CHECK(got[k].as<float>()[i] == Approx(want[k].as<float>()[i]).margin(2e-3));
    }
  }
}

TEST_CASE("channels_last_codes moves what lies between convolutions, in unsigned codes") {
  for (const bool is_signed : {false, true}) {
    CodeGraph g({2, 8, 6, 6}, is_signed);
    std::mt19937 engine(2);
    const auto conv = [&](ValueId x, const std::string& name) {
      const ValueId w = g.graph.add_constant(
          name + ".w", random_tensor<std::int8_t>(engine, {8, 8, 3, 3}, -9, 9));
      const ValueId s = g.graph.add_constant(name + ".s", Tensor::scalar(0.02f));
      const ValueId z = g.graph.add_constant(name + ".z", Tensor::scalar<std::int8_t>(0));
      const ValueId wr = g.graph.add_node("DequantizeLinear", {w, s, z}, name + ".wr");
      Attributes pads;
      pads.set("pads", std::vector<std::int64_t>(4, 1));
      return g.quantized(g.graph.add_node("Conv", {x, wr}, name, pads));
    };
    const ValueId first = conv(g.real(g.x), "first");
    const ValueId gate = g.quantized(g.graph.add_node("Tanh", {g.real(first)}, "tanh"));
    const ValueId sum =
        g.quantized(g.graph.add_node("Add", {g.real(gate), g.real(g.x)}, "sum"), 0.05f);
    Attributes axis, window;
    axis.set("axis", std::int64_t{1});
    window.set("kernel_shape", std::vector<std::int64_t>{2, 2});
    const ValueId both =
        g.quantized(g.graph.add_node("Concat", {g.real(sum), g.real(first)}, "both", axis), 0.05f);
    const ValueId top = g.quantized(g.graph.add_node("MaxPool", {g.real(both)}, "top", window));
    const ValueId sizes =
        g.graph.add_constant("sizes", Tensor::copy_of<float>({1.0f, 1.0f, 2.0f, 2.0f}));
    const ValueId larger =
        g.quantized(g.graph.add_node("Resize", {g.real(top), no_id, sizes}, "larger"));
    g.graph.outputs = {g.quantized(g.graph.add_node("GlobalAveragePool", {g.real(larger)}, "all"))};
    const Model model = Model::from_graph(g.graph.clone());
    CAPTURE(model.graph().print());
    const Backend* const cpu = Registry::standard()->find_backend("cpu");
    if (cpu != nullptr && cpu->channel_block() > 0) {
      // One on the way in; what goes out has one pixel, so that it is only given its shape.
      CHECK(count_nodes(model.graph(), "Transpose") == 1);
      CHECK(count_nodes(model.graph(), "CodeTable") == (is_signed ? 3 : 1));
    }
    CHECK(code_distance(g.graph) <= 1);
  }
}
