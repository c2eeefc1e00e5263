// Weights of 16 bits, and nodes of one model in several precisions.
#include <filesystem>

#include "error_check.hpp"
#include "passes_support.hpp"
#include "recorded_case.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

/// An embedding, a product without and one with a bias, and a convolution over the words.
struct Net {
  Graph graph = graph_with_opset(13);
  std::mt19937 engine{3};

  ValueId weights(const std::string& name, const Shape& shape, double reach) {
    return graph.add_constant(name, random_tensor(engine, shape, -reach, reach));
  }
  ValueId add(const char* op, std::vector<ValueId> inputs, const std::string& name,
              Attributes attributes = {}) {
    const ValueId y = graph.add_node(op, std::move(inputs), name, std::move(attributes));
    graph.nodes.back().name = name;
    return y;
  }

  Net() {
    const ValueId words = graph.add_input("words", Type::tensor(DType::int64, Shape{12}));
    const ValueId x = add("Gather", {weights("table", {200, 64}, 1), words}, "embed");
    const ValueId hidden =
        add("Relu", {add("MatMul", {x, weights("a", {64, 96}, 0.2)}, "first")}, "relu");
    Attributes transposed;
    transposed.set("transB", std::int64_t{1});
    const ValueId y = add("Gemm", {hidden, weights("b", {64, 96}, 0.2), weights("c", {64}, 1)},
                          "second", transposed);
    const ValueId axis = graph.add_constant("axis", Tensor::copy_of<std::int64_t>({0}, {1}));
    const ValueId image = add("Unsqueeze", {add("Transpose", {y}, "turned"), axis}, "image");
    graph.outputs = {add("Conv", {image, weights("d", {16, 64, 3}, 0.1)}, "conv")};
  }
};

std::vector<Value> words(std::uint32_t seed) {
  std::mt19937 engine(seed);
  return {random_tensor<std::int64_t>(engine, {12}, 0, 199)};
}

std::vector<float> answers(const Model& model, std::uint32_t seed) {
  Session session(model);
  const std::vector<Value> inputs = words(seed);
  const Outputs outputs = session.run(std::span<const Value>(inputs));
  const auto y = outputs[0].as<float>();
  return {y.begin(), y.end()};
}

double difference_of(const Model& model) {
  const std::vector<float> want = answers(Model::from_graph(Net().graph), 1);
  const std::vector<float> got = answers(model, 1);
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double a = want[i], b = got[i];
    error += (a - b) * (a - b), norm += a * a;
  }
  return std::sqrt(error / norm);
}

ModelOptions with_precision(Precision precision) {
  ModelOptions options;
  options.precision = precision;
  return options;
}

std::vector<CalibrationSample> samples() {
  std::vector<CalibrationSample> result;
  for (std::uint32_t seed = 20; seed < 25; ++seed) result.push_back({{"words", words(seed)[0]}});
  return result;
}

}  // namespace

TEST_CASE("weights of 16 bits take half the bytes and hardly change the answers", "[quantize]") {
  const bool is_bfloat16 = GENERATE(true, false);
  const Model model = Model::from_graph(
      Net().graph, with_precision(is_bfloat16 ? Precision::bf16 : Precision::f16));
  const QuantizationReport& report = model.quantization_report();
  REQUIRE(report.nodes.size() == 4);
  for (const QuantizedNode& node : report.nodes) {
    CAPTURE(node.node);
    CHECK(node.precision == (is_bfloat16 ? Precision::bf16 : Precision::f16));
  }
  CHECK(report.float_bytes - report.bytes == 2 * (200 * 64 + 64 * 96 + 64 * 96 + 16 * 64 * 3));
  const double error = difference_of(model);
  CHECK(error < (is_bfloat16 ? 4e-3 : 5e-4));
  CHECK(error > (is_bfloat16 ? 4e-4 : 5e-5));
  CHECK(count_nodes(model.graph(), "MatMul") == 0);  // narrow: FusedMatMul
  const Model wide = Model::from_graph(Net().graph);
  CHECK(model.memory().constants + 200 * 64 * 2 <= wide.memory().constants);
}

TEST_CASE("weights beyond float16 stay in f32", "[quantize]") {
  Net net;
  Tensor& weights = net.graph.values[static_cast<std::size_t>(net.graph.find_value("a"))].constant;
  weights.as_mutable<float>()[5] = 70000;
  const Model model = Model::from_graph(net.graph.clone(), with_precision(Precision::f16));
  for (const QuantizedNode& node : model.quantization_report().nodes) {
    CHECK((node.precision == Precision::f32) == (node.node == "first"));
  }
  const Model rounded = Model::from_graph(std::move(net.graph), with_precision(Precision::bf16));
  CHECK(rounded.quantization_report().nodes[0].precision == Precision::bf16);
}

TEST_CASE("weights of 16 bits keep a bound, which takes samples", "[quantize]") {
  ModelOptions options = with_precision(Precision::bf16);
  options.quantization.max_error = 1e-9;
  CHECK_THROWS_AS(Model::from_graph(Net().graph, options), Error);
  options.calibration = samples();
  const Model exact = Model::from_graph(Net().graph, options);
  CHECK(difference_of(exact) == 0);
  for (const QuantizedNode& node : exact.quantization_report().nodes) {
    CHECK(node.precision == Precision::f32);
    CHECK(node.error > 0);
  }
  options.quantization.max_error = 2e-3;
  CHECK(difference_of(Model::from_graph(Net().graph, options)) <= 2e-3);
}

TEST_CASE("nodes of one model may have different precisions", "[quantize]") {
  ModelOptions options = with_precision(Precision::int8);
  options.quantization.nodes = {
      {"first", Precision::int4}, {"second", Precision::f32}, {"Gather", Precision::f16}};
  const bool has_samples = GENERATE(false, true);
  if (has_samples) options.calibration = samples();
  const Model model = Model::from_graph(Net().graph, options);
  std::map<std::string, Precision> became;
  for (const QuantizedNode& node : model.quantization_report().nodes) {
    became[node.node] = node.precision;
  }
  CHECK(became["first"] == Precision::int4);
  CHECK(became["second"] == Precision::f32);
  CHECK(became["embed"] == Precision::f16);
  CHECK(became["conv"] == (has_samples ? Precision::int8 : Precision::f32));
  CHECK(count_nodes(model.graph(), "MatMulNBits") == 1);
  CHECK(difference_of(model) < 0.15);
}

TEST_CASE("a file of a model in 16 bits is half as large and gives the same answers",
          "[quantize]") {
  const auto path = std::filesystem::temp_directory_path() / "inlay_half.onnx";
  const bool is_bfloat16 = GENERATE(true, false);
  const ModelOptions options = with_precision(is_bfloat16 ? Precision::bf16 : Precision::f16);
  save_onnx(quantize(Net().graph, options).graph, path);
  CHECK(std::filesystem::file_size(path) < 2 * (200 * 64 + 64 * 96 + 64 * 96 + 16 * 64 * 3) + 2000);
  CHECK(answers(Model::load(path), 1) == answers(Model::from_graph(Net().graph, options), 1));
  std::filesystem::remove(path);
}
