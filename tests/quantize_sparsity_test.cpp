// Models whose weights become zero when they are loaded.
#include <cstring>

#include "passes_support.hpp"
#include "product_layer.hpp"
#include "quantize/prune_weights.hpp"
#include "recorded_case.hpp"
#include "saved_model.hpp"

using namespace inlay;
using namespace inlay::test;
using quantization::zero_share;

namespace {

/// A convolution and products whose inputs depend on each other; two share their weights.
Graph layers() {
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
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 6, 8, 8}));
  const ValueId image = named("Conv", {x, weights("a", {16, 6, 3, 3})}, "conv");
  const ValueId shape = graph.add_constant("shape", Tensor::copy_of<std::int64_t>({16, 36}));
  const ValueId rows = named("Transpose", {named("Reshape", {image, shape}, "flat")}, "rows");
  const ValueId shared = weights("b", {16, 16});
  const ValueId first = named("MatMul", {rows, shared}, "first");
  const ValueId second = named("MatMul", {named("Relu", {first}, "relu"), shared}, "second");
  Attributes transposed;
  transposed.set("transB", std::int64_t{1});
  graph.outputs = {
      named("Gemm", {second, weights("c", {24, 16}), weights("d", {24})}, "third", transposed)};
  return graph;
}

Tensor picture(std::uint32_t seed) {
  std::mt19937 engine(seed);
  return random_tensor(engine, {1, 6, 8, 8}, -1, 1);
}

ModelOptions with_zeros(SparsityPattern pattern, double share = 0.5, int samples = 0) {
  ModelOptions options;
  options.quantization.sparsity = {pattern, share};
  std::vector<CalibrationSample> pictures;
  for (int i = 0; i < samples; ++i) {
    pictures.push_back({{"x", picture(100 + static_cast<std::uint32_t>(i))}});
  }
  if (samples > 0) options.calibration = pictures;
  return options;
}

double norm_of(std::span<const float> values) {
  double sum = 0;
  for (const float x : values) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

double distance(const Tensor& want, const Tensor& got) {
  const auto u = want.as<float>(), v = got.as<float>();
  REQUIRE(u.size() == v.size());
  std::vector<float> difference(u.size());
  for (std::size_t i = 0; i < u.size(); ++i) difference[i] = v[i] - u[i];
  return norm_of(difference) / norm_of(u);
}

/// |pruned - float| / |float| on a fresh picture.
double fresh_error(const QuantizedGraph& changed) {
  Session dense(Model::from_graph(layers())), sparse(Model::from_graph(changed.graph.clone()));
  const Tensor x = picture(1);
  return distance(dense.run({{"x", x}})[0], sparse.run({{"x", x}})[0]);
}

const Tensor& weights_of(const Graph& graph, std::string_view node) {
  for (const Node& one : graph.nodes) {
    if (one.name == node) return *graph.constant(one.inputs[1]);
  }
  throw std::runtime_error("no such node");
}

}  // namespace

TEST_CASE("weights become zero when a model is loaded, and the report says which", "[quantize]") {
  for (const int samples : {0, 4}) {
    const QuantizedGraph pruned =
        quantize(layers(), with_zeros(SparsityPattern::unstructured, 0.6, samples));
    REQUIRE(pruned.report.nodes.size() == 4);
    for (const QuantizedNode& node : pruned.report.nodes) {
      const Tensor& w = weights_of(pruned.graph, node.node);
      CAPTURE(node.node);
      CHECK(std::abs(zero_share(w) - 0.6) < 0.5 / static_cast<double>(w.size()) + 1e-9);
      CHECK(node.sparsity == zero_share(w));
      CHECK(node.precision == Precision::f32);
      CHECK(node.reason == "weights pruned");
      CHECK(node.error == 0);
    }
    CHECK(pruned.report.samples == static_cast<std::size_t>(samples));
    CHECK((pruned.report.error > 0) == (samples > 0));
    CHECK(pruned.report.bytes == pruned.report.float_bytes);  // shared weights still are
    CHECK(weights_of(pruned.graph, "first").data() == weights_of(pruned.graph, "second").data());
    CHECK(count_nodes(pruned.graph, "MatMul") == 2);
  }
}

TEST_CASE("patterns hold in every layout of weights", "[quantize]") {
  for (const int samples : {0, 4}) {
    const QuantizedGraph blocks =
        quantize(layers(), with_zeros(SparsityPattern::block4, 0.5, samples));
    const auto check = [&](const char* node, std::size_t k, std::size_t by_output,
                           std::size_t by_input, std::size_t outputs) {
      const auto w = weights_of(blocks.graph, node).as<float>();
      for (std::size_t i = 0; i < k; ++i) {
        for (std::size_t first = 0; first < outputs; first += 4) {
          int zeros = 0;
          for (std::size_t j = first; j < first + 4; ++j)
            zeros += w[i * by_input + j * by_output] == 0;
          REQUIRE((zeros == 0 || zeros == 4));
        }
      }
    };
    check("conv", 54, 54, 1, 16);
    check("first", 16, 1, 16, 16);
    check("third", 16, 16, 1, 24);
    const QuantizedGraph halves =
        quantize(layers(), with_zeros(SparsityPattern::two_of_four, 0.9, samples));
    for (const QuantizedNode& node : halves.report.nodes) {
      CHECK(node.sparsity == Approx(node.op == "Conv" ? 26.0 * 16 / (54 * 16) : 0.5).margin(0.02));
    }
  }
}

TEST_CASE("samples help to choose the zeros", "[quantize]") {
  const auto product = [] {
    Graph graph = graph_with_opset(13);
    std::mt19937 engine(5);
    const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{64, 96}));
    const ValueId w = graph.add_constant("w", random_tensor(engine, {96, 40}, -1, 1));
    graph.outputs = {graph.add_node("MatMul", {x, w}, "y")};
    return graph;
  };
  const auto rows = [](std::uint32_t seed) {
    const ProductLayer layer(1, 96, seed);
    return Tensor::copy_of<float>(std::vector<float>(layer.x.begin(), layer.x.end()), {64, 96});
  };
  Session dense(Model::from_graph(product()));
  for (const SparsityPattern pattern :
       {SparsityPattern::unstructured, SparsityPattern::block4, SparsityPattern::two_of_four}) {
    const auto error = [&](const ModelOptions& options) {
      Session sparse(Model::from_graph(product(), options));
      return distance(dense.run({{"x", rows(1)}})[0], sparse.run({{"x", rows(1)}})[0]);
    };
    ModelOptions options = with_zeros(pattern);
    const double by_magnitude = error(options);
    std::vector<CalibrationSample> samples;
    for (std::uint32_t seed = 10; seed < 14; ++seed) samples.push_back({{"x", rows(seed)}});
    options.calibration = samples;
    const double made_up = error(options);
    CAPTURE(static_cast<int>(pattern), by_magnitude, made_up);
    CHECK(made_up < 0.8 * by_magnitude);
  }
}

TEST_CASE("nodes whose zeros do most damage stay dense", "[quantize]") {
  ModelOptions options = with_zeros(SparsityPattern::unstructured, 0.5, 4);
  const double free = quantize(layers(), options).report.error;
  options.quantization.max_error = free;
  const QuantizedGraph bound = quantize(layers(), options);
  CHECK(bound.report.error <= free);
  std::size_t dense = 0;
  for (const QuantizedNode& node : bound.report.nodes) {
    CHECK(node.error > 0);
    const bool is_dense = node.reason.find("bound") != std::string::npos;
    dense += is_dense;
    CHECK(node.sparsity == Approx(is_dense ? 0 : 0.5));
  }
  CHECK((dense > 0 && dense < 4));
  options.quantization.max_error = 1e-9;
  const QuantizedGraph none = quantize(layers(), options);
  CHECK(none.report.error == 0);
  CHECK(fresh_error(none) == 0);
}

TEST_CASE("nodes that are fixed to f32 are not pruned", "[quantize]") {
  ModelOptions options = with_zeros(SparsityPattern::block4);
  options.quantization.nodes = {{"conv", Precision::f32}, {"Gemm", Precision::f32}};
  const QuantizedGraph pruned = quantize(layers(), options);
  for (const QuantizedNode& node : pruned.report.nodes) {
    CHECK(node.sparsity == (node.op == "MatMul" ? 0.5 : 0.0));
    if (node.op != "MatMul") CHECK(node.reason == "as asked for");
  }
}

TEST_CASE("weights are pruned first, then become codes", "[quantize]") {
  for (const Precision precision : {Precision::int8, Precision::int4}) {
    for (const int samples : {0, 4}) {
      ModelOptions options = with_zeros(SparsityPattern::unstructured, 0.5, samples);
      options.precision = precision;
      const QuantizedGraph coded = quantize(layers(), options);
      const bool is_static = precision == Precision::int8 && samples > 0;
      CAPTURE(static_cast<int>(precision), samples);
      for (const QuantizedNode& node : coded.report.nodes) {
        if (node.reason == "between nodes on codes") continue;
        const bool may_code = node.op != "Conv" || is_static;
        CHECK(node.precision == (may_code ? precision : Precision::f32));
        CHECK(node.sparsity == Approx(0.5));
        CHECK(node.reason.starts_with("weights pruned"));
        CHECK((node.reason.find("codes") != std::string::npos) == may_code);
      }
      for (const ValueInfo& value : coded.graph.values) {
        if (!value.is_constant() || value.constant.dtype() != DType::int8) continue;
        const auto codes = value.constant.as<std::int8_t>();
        if (codes.size() > 1)
          CHECK(std::count(codes.begin(), codes.end(), 0) * 2 >= std::ssize(codes));
      }
      ModelOptions dense = options;
      dense.quantization.sparsity = {};
      CHECK(fresh_error(coded) > fresh_error(quantize(layers(), dense)));
      CHECK(fresh_error(coded) < 1);
    }
  }
}

TEST_CASE("pruning twice gives the same file, which is a standard one", "[quantize]") {
  for (const int samples : {0, 4}) {
    const ModelOptions options = with_zeros(SparsityPattern::block4, 0.7, samples);
    const QuantizedGraph a = quantize(layers(), options), b = quantize(layers(), options);
    CHECK(a.graph.print() == b.graph.print());
    for (const char* const node : {"conv", "first", "third"}) {
      const Tensor &u = weights_of(a.graph, node), &v = weights_of(b.graph, node);
      CHECK(std::memcmp(u.data(), v.data(), u.bytes()) == 0);
    }
    const SavedModel saved(a.graph);
    Session from_file(Model::load(saved.path())), at_load(Model::from_graph(layers(), options));
    const Tensor x = picture(3);
    CHECK(distance(at_load.run({{"x", x}})[0], from_file.run({{"x", x}})[0]) < 1e-6);
  }
}

TEST_CASE("bad sparsities and samples are errors", "[quantize]") {
  const auto code_of = [](const ModelOptions& options) -> std::optional<ErrorCode> {
    try {
      (void)Model::from_graph(layers(), options);
    } catch (const Error& error) {
      return error.code();
    }
    return std::nullopt;
  };
  for (const double share : {-0.5, 1.0, 7.0, std::nan("")}) {
    CHECK(code_of(with_zeros(SparsityPattern::block4, share)) == ErrorCode::invalid_argument);
  }
  CHECK(!code_of(with_zeros(SparsityPattern::block4, 0)));
  ModelOptions options = with_zeros(SparsityPattern::block4);
  options.quantization.max_error = 0.1;
  CHECK(code_of(options) == ErrorCode::invalid_argument);
  options.calibration = std::vector<CalibrationSample>{};
  CHECK(code_of(options) == ErrorCode::invalid_argument);
  options.quantization.nodes = {{"frist", Precision::f32}};
  CHECK(code_of(options) == ErrorCode::not_found);
}

TEST_CASE("transformers with zeros answer nearly the same", "[quantize][models]") {
  REQUIRE_TEST_DATA(data);
  const auto path = data / "models" / "stories260k" / "stories260K_kv.onnx";
  const Model dense = Model::load(path);
  const std::vector<Value> inputs =
      read_inputs(dense, path.parent_path() / "test_data_set_prefill64");
  const auto error = [&](bool has_samples) {
    ModelOptions options = with_zeros(SparsityPattern::unstructured, 0.3);
    CalibrationSample sample;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      sample.emplace_back(dense.inputs()[i].name, inputs[i]);
    }
    if (has_samples) options.calibration = std::vector<CalibrationSample>{sample};
    const Model sparse = Model::load(path, options);
    CHECK(sparse.quantization_report().nodes.size() > 20);
    for (const QuantizedNode& node : sparse.quantization_report().nodes) {
      CHECK(node.sparsity == Approx(0.3).margin(0.01));
    }
    Session a(dense), b(sparse);
    return distance(a.run(std::span<const Value>(inputs))[0],
                    b.run(std::span<const Value>(inputs))[0]);
  };
  const double by_magnitude = error(false), made_up = error(true);
  CAPTURE(by_magnitude, made_up);
  CHECK(by_magnitude < 0.3);
  CHECK(made_up < 0.8 * by_magnitude);
}
