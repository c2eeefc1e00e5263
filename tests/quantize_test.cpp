#include "inlay/quantize.hpp"

#include <cstring>
#include <filesystem>

#include "passes_support.hpp"
#include "quantize/observer.hpp"

using namespace inlay;
using namespace inlay::test;
using quantization::code_scale;
using quantization::Range;
using quantization::ValueObserver;

namespace {

Range observed(Observer kind, const std::vector<std::vector<float>>& samples) {
  ValueObserver observer(kind);
  for (const auto& sample : samples) observer.see_extremes(sample);
  if (observer.needs_histogram()) {
    for (const auto& sample : samples) observer.see_histogram(sample);
  }
  return observer.range();
}

/// A bell of numbers within +-4 and one far outside.
std::vector<float> with_outlier() {
  std::mt19937 engine(3);
  std::normal_distribution<float> bell(0, 1);
  std::vector<float> values(20000);
  for (float& x : values) x = std::clamp(bell(engine), -4.0f, 4.0f);
  values[77] = 200;
  return values;
}

/// Convolutions with a residual, a squeeze-and-excite product, pools, a concat, two dense layers.
struct Net {
  Graph graph = graph_with_opset(13);
  std::mt19937 engine{11};

  Tensor weights(const Shape& shape) {
    const double reach = std::sqrt(3.0 / static_cast<double>(shape.elements() / shape[0]));
    return random_tensor(engine, shape, -reach, reach);
  }
  ValueId conv(ValueId x, std::int64_t in, std::int64_t out, std::int64_t kernel,
               std::int64_t groups, const std::string& name) {
    Attributes attributes;
    attributes.set("group", groups);
    attributes.set("pads", std::vector<std::int64_t>(4, kernel / 2));
    const ValueId w = graph.add_constant(name + ".w", weights({out, in / groups, kernel, kernel}));
    const ValueId b = graph.add_constant(name + ".b", random_tensor(engine, {out}, -0.2, 0.2));
    const ValueId y = graph.add_node("Conv", {x, w, b}, name, attributes);
    graph.nodes.back().name = name;
    return y;
  }
  ValueId op(const char* type, std::vector<ValueId> inputs, const std::string& name,
             Attributes attributes = {}) {
    return graph.add_node(type, std::move(inputs), name, std::move(attributes));
  }

  Net() {
    const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 3, 12, 12}));
    const ValueId stem = op("Relu", {conv(x, 3, 16, 3, 1, "stem")}, "stem.relu");
    const ValueId deep = conv(stem, 16, 16, 3, 16, "depthwise");
    const ValueId swish = op("Mul", {deep, op("Sigmoid", {deep}, "sigmoid")}, "swish");
    const ValueId point = conv(swish, 16, 16, 1, 1, "point");
    const ValueId sum = op("Relu", {op("Add", {point, stem}, "add")}, "sum");
    const ValueId mean = op("GlobalAveragePool", {sum}, "mean");
    const ValueId gate = op("Sigmoid", {conv(mean, 16, 16, 1, 1, "gate")}, "gate.sigmoid");
    const ValueId gated = op("Mul", {sum, gate}, "gated");
    Attributes axis;
    axis.set("axis", std::int64_t{1});
    const ValueId both = op("Concat", {gated, stem}, "concat", axis);
    Attributes window;
    window.set("kernel_shape", std::vector<std::int64_t>{2, 2});
    window.set("strides", std::vector<std::int64_t>{2, 2});
    const ValueId pooled = op("MaxPool", {both}, "pool", window);
    const ValueId flat = op("Flatten", {op("GlobalAveragePool", {pooled}, "last")}, "flat");
    const ValueId w = graph.add_constant("dense.w", weights({32, 20}));
    const ValueId b = graph.add_constant("dense.b", random_tensor(engine, {20}, -1, 1));
    const ValueId dense = op("Relu", {op("Gemm", {flat, w, b}, "dense")}, "dense.relu");
    const ValueId v = graph.add_constant("head.w", weights({20, 7}));
    graph.outputs = {op("MatMul", {dense, v}, "head")};
  }
};

Tensor picture(std::uint32_t seed) {
  std::mt19937 engine(seed);
  return random_tensor(engine, {1, 3, 12, 12}, -2, 2);
}

std::vector<CalibrationSample> samples(int count) {
  std::vector<CalibrationSample> result;
  for (int i = 0; i < count; ++i) {
    result.push_back({{"x", picture(100 + static_cast<std::uint32_t>(i))}});
  }
  return result;
}

ModelOptions int8_options(int count = 6) {
  ModelOptions options;
  options.precision = Precision::int8;
  options.calibration = samples(count);
  return options;
}

/// |quantized - float| / |float| over fresh inputs.
double fresh_error(const Model& model) {
  Session in_float(Model::from_graph(Net().graph)), in_codes(model);
  double error = 0, norm = 0;
  for (std::uint32_t seed = 1; seed < 9; ++seed) {
    const Tensor x = picture(seed);
    const Outputs want = in_float.run({{"x", x}}), got = in_codes.run({{"x", x}});
    for (std::size_t i = 0; i < 7; ++i) {
      const double a = want[0].as<float>()[i], b = got[0].as<float>()[i];
      error += (a - b) * (a - b), norm += a * a;
    }
  }
  return std::sqrt(error / norm);
}

std::optional<ErrorCode> code_of_failure(const ModelOptions& options) {
  try {
    (void)Model::from_graph(Net().graph, options);
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(!error.message().empty());
    return error.code();
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("codes have one for zero, and cover the range", "[quantize]") {
  const auto positive = code_scale({2, 10});
  CHECK(positive.zero_point == 0);
  CHECK(positive.scale == Approx(10.0 / 255));
  const auto negative = code_scale({-3, -1});
  CHECK(negative.zero_point == 255);
  CHECK(negative.scale == Approx(3.0 / 255));
  const auto both = code_scale({-1, 3});
  CHECK(both.zero_point == 64);
  CHECK(code_scale({0, 0}).scale == 1);
}

TEST_CASE("observers keep, average or cut the extremes", "[quantize]") {
  const Range all = observed(Observer::min_max, {{-1, 2}, {3, 0}, {}});
  CHECK((all.low == -1 && all.high == 3));
  const Range averaged = observed(Observer::moving_average, {{-1, 2}, {-2, 12}});
  CHECK(averaged.low == Approx(-1.1f));
  CHECK(averaged.high == Approx(3.0f));
  for (const Observer kind : {Observer::percentile, Observer::entropy, Observer::mse}) {
    const Range cut = observed(kind, {with_outlier()});
    CAPTURE(static_cast<int>(kind), cut.low, cut.high);
    CHECK(cut.low <= -0.5f);
    CHECK(cut.high >= 2);
    if (kind != Observer::mse) CHECK(cut.high < 190);
    const Range flat = observed(kind, {{5, 5, 5}});
    CHECK((flat.low == 5 && flat.high == 5));
  }
}

TEST_CASE("the mse observer cuts long tails where that lessens the error", "[quantize]") {
  std::mt19937 engine(4);
  std::exponential_distribution<float> draw(1);
  std::vector<float> values(200000);
  for (float& x : values) x = std::pow(draw(engine), 3.0f);
  const auto error = [&](Observer kind) {
    const auto by = code_scale(observed(kind, {values}));
    double sum = 0;
    for (const float x : values) {
      const double code = std::clamp(std::nearbyint(x / by.scale) + by.zero_point, 0.0f, 255.0f);
      sum += std::pow((code - by.zero_point) * by.scale - x, 2);
    }
    return sum;
  };
  CHECK(error(Observer::mse) < 0.97 * error(Observer::min_max));
}

TEST_CASE("observers refuse what is not finite", "[quantize]") {
  for (const float x : {NAN, INFINITY, -INFINITY}) {
    ValueObserver observer(Observer::min_max);
    CHECK_THROWS_AS(observer.see_extremes(std::vector<float>{1, x, 2}), Error);
  }
}

TEST_CASE("a network in int8 runs on codes and gives nearly the same answers", "[quantize]") {
  for (const Observer observer : {Observer::min_max, Observer::moving_average, Observer::percentile,
                                  Observer::entropy, Observer::mse}) {
    ModelOptions options = int8_options();
    options.quantization.observer = observer;
    const Model model = Model::from_graph(Net().graph, options);
    CAPTURE(static_cast<int>(observer), model.graph().print());
    CHECK(count_nodes(model.graph(), "QLinearConv") == 4);
    CHECK(count_nodes(model.graph(), "Conv") == 0);
    CHECK(count_nodes(model.graph(), "QGemm") == 1);
    CHECK(count_nodes(model.graph(), "MatMulIntegerToFloat") == 1);
    CHECK(count_nodes(model.graph(), "QuantizeLinear") == 1);
    CHECK(count_nodes(model.graph(), "DequantizeLinear") == 0);
    CHECK(count_nodes(model.graph(), "Sigmoid") == 0);
    CHECK(fresh_error(model) < 0.05);
    const QuantizationReport& report = model.quantization_report();
    CHECK(report.samples == 6);
    CHECK(report.error > 0);
    CHECK(report.error < 0.1);
    CHECK(report.bytes < report.float_bytes * 0.6);  // 3 KB of small tables weigh here
  }
}

TEST_CASE("quantizing twice gives the same graph", "[quantize]") {
  const QuantizedGraph a = quantize(Net().graph, int8_options());
  const QuantizedGraph b = quantize(Net().graph, int8_options());
  CHECK(a.graph.print() == b.graph.print());
  CHECK(a.report.error == b.report.error);
  REQUIRE(a.graph.values.size() == b.graph.values.size());
  for (std::size_t i = 0; i < a.graph.values.size(); ++i) {
    const Tensor &u = a.graph.values[i].constant, &v = b.graph.values[i].constant;
    REQUIRE(u.bytes() == v.bytes());
    if (u.bytes() > 0) CHECK(std::memcmp(u.data(), v.data(), u.bytes()) == 0);
  }
}

TEST_CASE("rules leave nodes in float", "[quantize]") {
  ModelOptions options = int8_options();
  options.quantization.nodes = {{"point", Precision::f32}, {"Gemm", Precision::f32}};
  const Model model = Model::from_graph(Net().graph, options);
  CHECK(count_nodes(model.graph(), "QLinearConv") == 3);
  CHECK(count_nodes(model.graph(), "QGemm") == 0);
  CHECK(fresh_error(model) < 0.05);
  options.quantization.nodes = {{"pont", Precision::f32}};
  CHECK(code_of_failure(options) == ErrorCode::not_found);
}

TEST_CASE("the error keeps its bound on fresh inputs", "[quantize]") {
  const double free = fresh_error(Model::from_graph(Net().graph, int8_options()));
  std::size_t last = SIZE_MAX;
  for (const double share : {1.5, 0.6, 0.3}) {
    ModelOptions options = int8_options();
    options.quantization.max_error = free * share;
    const Model model = Model::from_graph(Net().graph, options);
    const auto& nodes = model.quantization_report().nodes;
    const auto in_int8 = static_cast<std::size_t>(
        std::count_if(nodes.begin(), nodes.end(),
                      [](const QuantizedNode& node) { return node.precision == Precision::int8; }));
    CAPTURE(share, in_int8, free);
    CHECK(in_int8 <= last);
    CHECK(fresh_error(model) <= options.quantization.max_error);
    last = in_int8;
  }
}

TEST_CASE("a bound that cannot be kept gives float and says so", "[quantize]") {
  ModelOptions options = int8_options();
  options.quantization.max_error = 1e-9;
  const Model model = Model::from_graph(Net().graph, options);
  CHECK(count_nodes(model.graph(), "QuantizeLinear") == 0);
  CHECK(fresh_error(model) == 0);
  for (const QuantizedNode& node : model.quantization_report().nodes) {
    CHECK(node.precision == Precision::f32);
    CHECK(node.reason.find("bound") != std::string::npos);
    CHECK(node.error > 0);
  }
}

TEST_CASE("an error function of one's own decides", "[quantize]") {
  ModelOptions options = int8_options();
  options.quantization.max_error = 1;
  int calls = 0;
  options.quantization.error = [&](const Outputs& wanted, const Outputs& got) {
    ++calls;
    CHECK(wanted.size() == got.size());
    return 2.0;
  };
  const Model model = Model::from_graph(Net().graph, options);
  CHECK(calls > 6);
  CHECK(count_nodes(model.graph(), "QuantizeLinear") == 0);
}

TEST_CASE("bad calibration samples are errors", "[quantize]") {
  ModelOptions options = int8_options();
  options.calibration = samples(0);
  CHECK(code_of_failure(options) == ErrorCode::invalid_argument);
  options.calibration = std::vector<CalibrationSample>{{{"y", picture(1)}}};
  CHECK(code_of_failure(options) == ErrorCode::invalid_argument);
  options.calibration =
      std::vector<CalibrationSample>{{{"x", Tensor::zeros(DType::float32, {1, 4, 12, 12})}}};
  CHECK(code_of_failure(options) == ErrorCode::invalid_argument);
  options.calibration =
      std::vector<CalibrationSample>{{{"x", Tensor::zeros(DType::int32, {1, 3, 12, 12})}}};
  CHECK(code_of_failure(options) == ErrorCode::invalid_argument);
  Tensor x = picture(1);
  x.as_mutable<float>()[5] = NAN;
  options.calibration = std::vector<CalibrationSample>{{{"x", picture(2)}}, {{"x", x}}};
  CHECK(code_of_failure(options) == ErrorCode::invalid_argument);
}

namespace {

/// Two products on inputs whose columns depend on each other.
Graph products() {
  Graph graph = graph_with_opset(13);
  std::mt19937 engine(5);
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{24, 128}));
  const ValueId a = graph.add_constant("a", random_tensor(engine, {128, 256}, -0.2, 0.2));
  const ValueId b = graph.add_constant("b", random_tensor(engine, {96, 256}, -0.2, 0.2));
  const ValueId c = graph.add_constant("c", random_tensor(engine, {96}, -1, 1));
  Attributes transposed;
  transposed.set("transB", std::int64_t{1});
  const ValueId hidden =
      graph.add_node("Relu", {graph.add_node("MatMul", {x, a}, "first")}, "relu");
  graph.outputs = {graph.add_node("Gemm", {hidden, b, c}, "second", transposed)};
  return graph;
}

Tensor correlated(std::uint32_t seed) {
  std::mt19937 engine(seed), mixing(77);
  const Tensor few = random_tensor(engine, {24, 10}, -1, 1);
  const Tensor mix = random_tensor(mixing, {10, 128}, -1, 1);
  Tensor x(DType::float32, {24, 128});
  for (std::size_t i = 0; i < 24; ++i) {
    for (std::size_t j = 0; j < 128; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < 10; ++k) {
        sum += few.as<float>()[i * 10 + k] * mix.as<float>()[k * 128 + j];
      }
      x.as_mutable<float>()[i * 128 + j] = sum;
    }
  }
  return x;
}

double product_error(const ModelOptions& options, std::size_t* bytes = nullptr) {
  const Model model = Model::from_graph(products(), options);
  CHECK(count_nodes(model.graph(), "MatMulNBits") == 2);
  const QuantizationReport& report = model.quantization_report();
  if (bytes != nullptr) *bytes = report.bytes * 1000 / report.float_bytes;
  Session in_float(Model::from_graph(products())), in_codes(model);
  const Tensor x = correlated(1);
  const Outputs want = in_float.run({{"x", x}}), got = in_codes.run({{"x", x}});
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < 24 * 96; ++i) {
    const double a = want[0].as<float>()[i], b = got[0].as<float>()[i];
    error += (a - b) * (a - b), norm += a * a;
  }
  return std::sqrt(error / norm);
}

}  // namespace

TEST_CASE("weights of few bits take few bytes, and samples help to round them", "[quantize]") {
  std::vector<CalibrationSample> inputs;
  for (std::uint32_t seed = 50; seed < 60; ++seed) inputs.push_back({{"x", correlated(seed)}});
  for (const bool four_bits : {true, false}) {
    ModelOptions options;
    options.precision = four_bits ? Precision::int4 : Precision::int8;
    options.quantization.weights_only = true;
    std::size_t thousandths = 0;
    const double nearest = product_error(options, &thousandths);
    options.calibration = inputs;
    const double rounded = product_error(options);
    CAPTURE(four_bits, nearest, rounded, thousandths);
    CHECK(thousandths <= (four_bits ? 175 : 295));  // zero points and shapes among them
    CHECK(nearest < (four_bits ? 0.2 : 0.02));
    CHECK(rounded < 0.8 * nearest);
  }
}

TEST_CASE("weights alone keep a bound, which takes samples", "[quantize]") {
  ModelOptions options;
  options.precision = Precision::int4;
  options.quantization.max_error = 1e-6;
  CHECK_THROWS_AS(Model::from_graph(products(), options), Error);
  options.calibration = std::vector<CalibrationSample>{{{"x", correlated(9)}}};
  const Model model = Model::from_graph(products(), options);
  CHECK(count_nodes(model.graph(), "MatMulNBits") == 0);
}

TEST_CASE("a quantized model is prepared and loaded as what it is", "[quantize]") {
  const auto path = std::filesystem::temp_directory_path() / "inlay_quantized.inlay";
  const ModelOptions options = int8_options();
  const Model model = Model::from_graph(Net().graph, options);
  model.save_prepared(path);
  ModelOptions same = options;
  const Model again = Model::load(path, same);
  Session a(model), b(again);
  const Tensor x = picture(1);
  const Outputs u = a.run({{"x", x}}), v = b.run({{"x", x}});
  CHECK(std::memcmp(u[0].data(), v[0].data(), u[0].bytes()) == 0);
  CHECK_THROWS_AS(Model::load(path), Error);  // stale: not what f32 asks for
  std::filesystem::remove(path);
}

TEST_CASE("distillation lowers the error",
          "[quantize]") {
  ModelOptions options = int8_options(24);
  options.quantization.correct_bias = false;
  const Model plain = Model::from_graph(Net().graph, options);
  options.quantization.distill = true;
  const Model distilled = Model::from_graph(Net().graph, options);
  CAPTURE(plain.quantization_report().error, distilled.quantization_report().error);
  CHECK(distilled.quantization_report().error < plain.quantization_report().error);
  CHECK(fresh_error(distilled) < 1.05 * fresh_error(plain));
  CHECK(Model::from_graph(Net().graph, options).graph().print() == distilled.graph().print());

  ModelOptions blocks;
  blocks.precision = Precision::int4;
  blocks.quantization.distill = true;
  CHECK_THROWS_AS(Model::from_graph(products(), blocks), Error);  // without samples
  blocks.calibration =
      std::vector<CalibrationSample>{{{"x", correlated(3)}}, {{"x", correlated(4)}}};
  const double refitted = Model::from_graph(products(), blocks).quantization_report().error;
  blocks.quantization.distill = false;
  CHECK(refitted <= Model::from_graph(products(), blocks).quantization_report().error);
}
