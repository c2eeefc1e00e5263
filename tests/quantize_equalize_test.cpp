#include "quantize/equalize.hpp"

#include <algorithm>
#include <cmath>

#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;
using quantization::equalize;
using quantization::observe_channels;
using quantization::weighted_nodes;

namespace {

std::vector<std::int64_t> pads(std::int64_t each) { return std::vector<std::int64_t>(4, each); }

/// Random numbers, those of line i along the axis times factors[i].
Tensor uneven(std::mt19937& engine, const Shape& shape, int axis,
              const std::vector<float>& factors) {
  Tensor tensor = random_tensor(engine, shape, -1, 1);
  std::int64_t inner = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  const auto values = tensor.as_mutable<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] *= factors[i / static_cast<std::size_t>(inner) % factors.size()];
  }
  return tensor;
}

std::vector<float> powers(std::size_t count) {
  std::vector<float> factors;
  for (std::size_t i = 0; i < count; ++i)
    factors.push_back(std::pow(3.0f, static_cast<float>(i % 6)));
  return factors;
}

std::vector<float> inverse(std::vector<float> factors) {
  for (float& factor : factors) factor = 1 / factor;
  return factors;
}

/// Channels far apart between convolutions, one of them depthwise, and a slope that is not 1.
Graph uneven_convolutions() {
  std::mt19937 engine(5);
  Graph graph = graph_with_opset(13);
  const auto conv = [&](ValueId x, Tensor w, std::int64_t groups, const std::string& name) {
    Attributes attributes;
    attributes.set("group", groups);
    attributes.set("pads", pads(w.dim(2) / 2));
    std::vector<ValueId> inputs{x, graph.add_constant(name + ".w", w)};
    if (name != "second") {
      inputs.push_back(graph.add_constant(name + ".b", random_tensor(engine, {w.dim(0)}, -1, 1)));
    }
    return graph.add_node("Conv", std::move(inputs), name, attributes);
  };
  const std::vector<float> far = powers(12);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3, 9, 8}));
  const ValueId first = conv(x, uneven(engine, {12, 3, 3, 3}, 0, far), 1, "first");
  const ValueId relu = graph.add_node("Relu", {first}, "relu");
  const ValueId deep = conv(relu, random_tensor(engine, {12, 1, 3, 3}, -1, 1), 12, "second");
  Attributes slope;
  slope.set("alpha", 0.3f);
  const ValueId leaky = graph.add_node("LeakyRelu", {deep}, "leaky", slope);
  graph.outputs = {conv(leaky, uneven(engine, {5, 12, 1, 1}, 1, inverse(far)), 1, "third"),
                   conv(leaky, uneven(engine, {4, 6, 1, 1}, 1, inverse(powers(6))), 2, "fourth")};
  run_passes_named(graph, {"infer_types"});
  return graph;
}

/// The same for products, behind a normalisation and an Add.
Graph uneven_products() {
  std::mt19937 engine(6);
  Graph graph = graph_with_opset(17);
  const std::vector<float> far = powers(16);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{3, 5, 16}));
  const ValueId normal =
      graph.add_node("LayerNormalization",
                     {x, graph.add_constant("scale", uneven(engine, {16}, 0, far)),
                      graph.add_constant("shift", random_tensor(engine, {16}, -1, 1))},
                     "normal");
  const ValueId hidden = graph.add_node(
      "MatMul", {normal, graph.add_constant("w1", uneven(engine, {16, 16}, 0, inverse(far)))},
      "hidden");
  const ValueId shifted = graph.add_node(
      "Add", {graph.add_constant("b1", uneven(engine, {16}, 0, far)), hidden}, "shifted");
  const ValueId relu = graph.add_node("Relu", {shifted}, "relu");
  graph.outputs = {graph.add_node(
      "MatMul", {relu, graph.add_constant("w2", random_tensor(engine, {16, 7}, -1, 1))}, "y")};
  run_passes_named(graph, {"infer_types"});
  return graph;
}

Tensor input_of(const Graph& graph, std::uint32_t seed) {
  std::mt19937 engine(seed);
  return random_tensor(engine, *graph.value(graph.inputs[0]).type.static_shape(), -2, 2);
}

ModelOptions int8_options(const Graph& graph) {
  std::vector<CalibrationSample> samples;
  for (std::uint32_t i = 0; i < 4; ++i) samples.push_back({{"x", input_of(graph, i)}});
  ModelOptions options;
  options.precision = Precision::int8;
  options.calibration = samples;
  return options;
}

Outputs run_on(Graph graph, const Tensor& x, const ModelOptions& options = {}) {
  Session session(Model::from_graph(std::move(graph), options));
  return session.run({{"x", x}});
}

double relative_difference(const Outputs& wanted, const Outputs& got) {
  double largest = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto u = wanted[i].as<float>(), v = got[i].as<float>();
    double error = 0, norm = 0;
    for (std::size_t k = 0; k < u.size(); ++k) {
      error += std::pow(static_cast<double>(u[k]) - v[k], 2);
      norm += std::pow(u[k], 2);
    }
    largest = std::max(largest, std::sqrt(error / norm));
  }
  return largest;
}

/// Equalizes the graph's channels by its own samples.
Graph equalized(const Graph& graph) {
  ModelOptions options = int8_options(graph);
  options.precision = Precision::f32;
  Graph result = graph.clone();
  const auto nodes = weighted_nodes(result);
  equalize(result, nodes, observe_channels(result, nodes, options));
  return result;
}

float extent_ratio(const Graph& graph, std::size_t node) {
  ModelOptions options = int8_options(graph);
  options.precision = Precision::f32;
  const auto nodes = weighted_nodes(graph);
  const auto channels =
      observe_channels(graph, nodes, options).at(graph.node(nodes[node].id).inputs[0]);
  float least = INFINITY, most = 0;
  for (const auto& channel : channels) {
    const float extent = std::max(std::abs(channel.low), std::abs(channel.high));
    least = std::min(least, extent);
    most = std::max(most, extent);
  }
  return most / least;
}

}  // namespace

TEST_CASE("channels are seen along the axis that weights meet", "[quantize]") {
  Graph graph = graph_with_opset(13);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 2, 1, 2}));
  Attributes one;
  graph.outputs = {graph.add_node(
      "Conv", {x, graph.add_constant("w", Tensor::copy_of({1.f, 1.f}, {1, 2, 1, 1}))}, "y", one)};
  ModelOptions options;
  options.calibration = std::vector<CalibrationSample>{
      {{"x", Tensor::copy_of({1.f, 2.f, -1.f, -3.f, 3.f, 4.f, 0.f, 0.f}, {2, 2, 1, 2})}}};
  const auto nodes = weighted_nodes(graph);
  REQUIRE(nodes.size() == 1);
  const auto channels = observe_channels(graph, nodes, options).at(x);
  REQUIRE(channels.size() == 2);
  CHECK(channels[0].low == 1);
  CHECK(channels[0].high == 4);
  CHECK(channels[0].mean == 2.5);
  CHECK(channels[1].low == -3);
  CHECK(channels[1].mean == -1);
  CHECK(channels[1].mean_square == 2.5);
}

TEST_CASE("equalization computes the same from channels of like ranges", "[quantize]") {
  for (const bool has_products : {false, true}) {
    INFO("products: " << has_products);
    const Graph graph = has_products ? uneven_products() : uneven_convolutions();
    const Graph even = equalized(graph);
    const Tensor x = input_of(graph, 77);
    CHECK(relative_difference(run_on(graph.clone(), x), run_on(even.clone(), x)) < 1e-5);
    const std::size_t second = has_products ? 0 : 1;
    CHECK(extent_ratio(even, second) < extent_ratio(graph, second) / 10);
  }
}

TEST_CASE("equalization lowers the error of codes", "[quantize]") {
  for (const bool has_products : {false, true}) {
    INFO("products: " << has_products);
    const Graph graph = has_products ? uneven_products() : uneven_convolutions();
    const Tensor x = input_of(graph, 78);
    const Outputs wanted = run_on(graph.clone(), x);
    ModelOptions options = int8_options(graph);
    const double even = relative_difference(wanted, run_on(graph.clone(), x, options));
    options.quantization.equalize = false;
    const double as_it_was = relative_difference(wanted, run_on(graph.clone(), x, options));
    INFO("error " << even << ", without " << as_it_was);
    CHECK(even < as_it_was / 2);
    CHECK(even < 0.05);
  }
}

TEST_CASE("what others read, or share, keeps its scale", "[quantize]") {
  const auto untouched = [](const Graph& graph) {
    CHECK(listing(equalized(graph)) == listing(graph));
  };
  Graph read = uneven_products();
  read.outputs.push_back(read.nodes[3].outputs[0]);  // relu
  read.outputs.push_back(read.nodes[0].outputs[0]);  // normal
  untouched(read);
  Graph curved = uneven_products();
  curved.nodes[3].op = "Sigmoid";
  const Graph half = equalized(curved);
  CHECK(listing(half).find("w2.equalized") == std::string::npos);
  CHECK(listing(half).find("w1.equalized") != std::string::npos);
  Graph shared = uneven_products();
  shared.nodes[1].inputs[1] = shared.nodes[4].inputs[1] =
      shared.add_constant("square", Tensor::zeros(DType::float32, {16, 16}));
  untouched(shared);
}

TEST_CASE("the bias makes up for what rounding takes from the mean", "[quantize]") {
  // One large weight sets the scale; the others are 0.4 of a code and round to nothing.
  constexpr std::int64_t count = 64;
  Graph graph = graph_with_opset(13);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, count, 4, 4}));
  Tensor w = Tensor::zeros(DType::float32, {2, count, 1, 1});
  for (std::size_t i = 0; i < 2 * count; ++i) w.as_mutable<float>()[i] = 0.4f / 127;
  w.as_mutable<float>()[0] = w.as_mutable<float>()[count + 1] = 1;
  graph.outputs = {graph.add_node("Conv", {x, graph.add_constant("w", w)}, "y")};
  std::mt19937 engine(9);
  std::vector<CalibrationSample> samples;
  for (int i = 0; i < 4; ++i)
    samples.push_back({{"x", random_tensor(engine, {1, count, 4, 4}, 0, 2)}});
  const Tensor fresh = random_tensor(engine, {1, count, 4, 4}, 0, 2);
  const auto mean_of = [&](const ModelOptions& options) {
    const Outputs outputs = run_on(graph.clone(), fresh, options);
    double sum = 0;
    for (const float y : outputs[0].as<float>()) sum += y;
    return sum / 32;
  };
  ModelOptions options;
  options.precision = Precision::int8;
  options.calibration = samples;
  const double wanted = mean_of({}), corrected = mean_of(options);
  options.quantization.correct_bias = false;
  const double as_it_was = mean_of(options);
  CHECK(std::abs(corrected - wanted) < 0.01);
  CHECK(std::abs(as_it_was - wanted) > 0.15);
}

TEST_CASE("weights that nodes share are coded once", "[quantize]") {
  std::mt19937 engine(4);
  Graph graph = graph_with_opset(13);
  ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{4, 48}));
  const ValueId w = graph.add_constant("w", random_tensor(engine, {48, 48}, -0.2, 0.2));
  for (const char* name : {"a", "b", "c"}) x = graph.add_node("MatMul", {x, w}, name);
  graph.outputs = {x};
  const QuantizedGraph quantized = quantize(graph.clone(), int8_options(graph));
  CHECK(quantized.report.float_bytes == 4 * 48 * 48);
  CHECK(quantized.report.bytes < 48 * 48 + 48 * 5 + 100);
}
