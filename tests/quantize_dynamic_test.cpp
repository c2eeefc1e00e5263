// int8 without samples: codes of weights once, of values at each run.
#include "passes_support.hpp"
#include "recorded_case.hpp"
#include "saved_model.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

/// A MatMul with a bias behind it, Gemms with biases of two forms, a Conv.
Graph products() {
  Graph graph = graph_with_opset(13);
  std::mt19937 engine(5);
  const auto weights = [&](const char* name, const Shape& shape) {
    return graph.add_constant(name, random_tensor(engine, shape, -0.2, 0.2));
  };
  const auto named = [&](const char* op, std::vector<ValueId> inputs, const char* name,
                         Attributes attributes = {}) {
    const ValueId y = graph.add_node(op, std::move(inputs), name, std::move(attributes));
    graph.nodes.back().name = name;
    return y;
  };
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{24, 64}));
  const ValueId first = named("MatMul", {x, weights("a", {64, 96})}, "first");
  const ValueId biased = named("Add", {weights("b", {96}), first}, "biased");
  const ValueId hidden = named("Relu", {biased}, "hidden");
  Attributes transposed;
  transposed.set("transB", std::int64_t{1});
  const ValueId second =
      named("Gemm", {hidden, weights("c", {80, 96}), weights("d", {80})}, "second", transposed);
  const ValueId third =
      named("Gemm", {second, weights("e", {80, 75}), weights("f", {24, 1})}, "third");
  const ValueId shape = graph.add_constant("shape", Tensor::copy_of<std::int64_t>({1, 3, 24, 25}));
  const ValueId image = named("Reshape", {third, shape}, "image");
  graph.outputs = {named("Conv", {image, weights("g", {4, 3, 1, 1})}, "conv")};
  return graph;
}

ModelOptions dynamic_int8() {
  ModelOptions options;
  options.precision = Precision::int8;
  return options;
}

Outputs answers(const Model& model, const std::vector<Value>& inputs) {
  return Session(model).run(std::span<const Value>(inputs));
}

double norm_of(std::span<const float> values) {
  double sum = 0;
  for (const float x : values) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

/// |got - want| / |want|, the largest over the outputs in f32.
double distance(const Outputs& want, const Outputs& got) {
  double largest = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i].dtype() != DType::float32 || want[i].size() == 0) continue;
    const auto u = want[i].as<float>(), v = got[i].as<float>();
    REQUIRE(u.size() == v.size());
    std::vector<float> difference(u.size());
    for (std::size_t k = 0; k < u.size(); ++k) difference[k] = v[k] - u[k];
    largest = std::max(largest, norm_of(difference) / norm_of(u));
  }
  return largest;
}

std::vector<Value> some_rows() {
  std::mt19937 engine(9);
  return {random_tensor(engine, {24, 64}, -1, 1)};
}

}  // namespace

TEST_CASE("int8 without samples quantizes products at each run", "[quantize]") {
  const Model model = Model::from_graph(products(), dynamic_int8());
  CAPTURE(model.graph().print());
  CHECK(count_nodes(model.graph(), "DynamicQuantizeMatMul") == 3);
  CHECK(count_nodes(model.graph(), "Add") == 1);  // of a bias that is not one number per column
  CHECK(count_nodes(model.graph(), "QuantizeLinear") == 0);
  const QuantizationReport& report = model.quantization_report();
  REQUIRE(report.nodes.size() == 4);
  for (const QuantizedNode& node : report.nodes) {
    CHECK((node.precision == Precision::int8) == (node.op != "Conv"));
    CHECK(node.reason.find(node.op == "Conv" ? "samples" : "each run") != std::string::npos);
  }
  CHECK(report.samples == 0);
  CHECK(report.bytes < report.float_bytes * 0.32);
  const double error =
      distance(answers(Model::from_graph(products()), some_rows()), answers(model, some_rows()));
  CHECK(error > 0);
  CHECK(error < 0.02);
}

TEST_CASE("rules and bounds hold without samples", "[quantize]") {
  ModelOptions options = dynamic_int8();
  options.quantization.nodes = {{"second", Precision::f32}, {"Gemm", Precision::int8}};
  const Model model = Model::from_graph(products(), options);
  CHECK(count_nodes(model.graph(), "DynamicQuantizeMatMul") == 2);
  CHECK(model.quantization_report().nodes[1].reason == "as asked for");
  options.quantization.nodes = {{"secund", Precision::f32}};
  CHECK_THROWS_AS(Model::from_graph(products(), options), Error);
  options.quantization.nodes = {};
  options.quantization.max_error = 0.1;
  try {
    (void)Model::from_graph(products(), options);
    FAIL("a bound without samples");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(error.message().find("samples") != std::string::npos);
  }
}

TEST_CASE("a model of convolutions stays in float without samples", "[quantize]") {
  Graph graph = graph_with_opset(13);
  std::mt19937 engine(5);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 3, 8, 8}));
  const ValueId w = graph.add_constant("w", random_tensor(engine, {4, 3, 3, 3}, -1, 1));
  graph.outputs = {graph.add_node("Conv", {x, w}, "y")};
  const QuantizedGraph quantized = quantize(graph.clone(), dynamic_int8());
  CHECK(listing(quantized.graph).find("Conv") != std::string::npos);
  REQUIRE(quantized.report.nodes.size() == 1);
  CHECK(quantized.report.nodes[0].precision == Precision::f32);
  CHECK(quantized.report.nodes[0].reason.find("samples") != std::string::npos);
}

TEST_CASE("weights that are not finite have no codes", "[quantize]") {
  Graph graph = products();
  graph.value(graph.find_value("a")).constant.as_mutable<float>()[3] = NAN;
  CHECK_THROWS_AS(quantize(std::move(graph), dynamic_int8()), Error);
}

TEST_CASE("what is quantized at each run is written as com.microsoft's", "[quantize]") {
  const QuantizedGraph quantized = quantize(products(), dynamic_int8());
  const SavedModel saved(quantized.graph);
  const Model again = Model::load(saved.path());
  CHECK(count_nodes(again.graph(), "DynamicQuantizeMatMul") == 3);
  for (const Node& node : again.graph().nodes) {
    if (node.op == "DynamicQuantizeMatMul") CHECK(node.domain == "com.microsoft");
  }
  const double error =
      distance(answers(Model::from_graph(products()), some_rows()), answers(again, some_rows()));
  CHECK(error < 0.02);
}

TEST_CASE("layers that share weights share their codes", "[quantize]") {
  Graph graph = graph_with_opset(13);
  std::mt19937 engine(5);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 16}));
  const ValueId w = graph.add_constant("w", random_tensor(engine, {16, 16}, -1, 1));
  const ValueId y = graph.add_node("MatMul", {x, w}, "y");
  graph.outputs = {graph.add_node("MatMul", {y, w}, "z")};
  const QuantizedGraph quantized = quantize(std::move(graph), dynamic_int8());
  CHECK(quantized.graph.nodes[0].inputs[1] == quantized.graph.nodes[1].inputs[1]);
}

TEST_CASE("transformers in int8 without samples answer nearly the same", "[quantize][models]") {
  REQUIRE_TEST_DATA(data);
  const auto error = [&](const char* file, const char* folder) {
    const auto path = data / "models" / file;
    const Model in_float = Model::load(path), in_codes = Model::load(path, dynamic_int8());
    CHECK(count_nodes(in_codes.graph(), "DynamicQuantizeMatMul") > 20);
    const std::vector<Value> inputs = read_inputs(in_float, data / "models" / folder);
    return distance(answers(in_float, inputs), answers(in_codes, inputs));
  };
  CHECK(error("rxnmapper/albert_rxnmapper.onnx", "rxnmapper/test_data_set_0") < 0.07);
  CHECK(error("stories260k/stories260K_kv.onnx", "stories260k/test_data_set_prefill64") < 0.04);
}

TEST_CASE("LSTMs are quantized without samples", "[quantize]") {
  Graph graph = graph_with_opset(14);
  std::mt19937 engine(6);
  const bool both_ways = GENERATE(false, true);
  const std::int64_t directions = both_ways ? 2 : 1;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{6, 2, 20}));
  const auto weights = [&](const char* name, const Shape& shape) {
    return graph.add_constant(name, random_tensor(engine, shape, -0.3, 0.3));
  };
  Node lstm{.op = "LSTM", .version = 14};
  lstm.inputs = {x, weights("w", {directions, 96, 20}), weights("r", {directions, 96, 24}),
                 weights("b", {directions, 192})};
  lstm.attributes.set("hidden_size", std::int64_t{24});
  if (both_ways) lstm.attributes.set("direction", std::string("bidirectional"));
  lstm.outputs = {no_id, graph.add_value("last")};
  graph.outputs = {lstm.outputs[1]};
  graph.add_node(std::move(lstm));
  const Model model = Model::from_graph(graph.clone(), dynamic_int8());
  CHECK(count_nodes(model.graph(), "DynamicQuantizeLSTM") == 1);
  CHECK(model.placements()[0].backend == "cpu");
  REQUIRE(model.quantization_report().nodes.size() == 1);
  CHECK(model.quantization_report().nodes[0].precision == Precision::int8);
  const std::vector<Value> inputs{random_tensor(engine, {6, 2, 20})};
  const double error =
      distance(answers(Model::from_graph(graph.clone()), inputs), answers(model, inputs));
  CHECK(error > 0);
  CHECK(error < 0.03);
}
