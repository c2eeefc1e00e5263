// Matrix products and convolutions of the cpu backend, against the reference backend.
#include "cpu_support.hpp"
#include "error_check.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;
using test::with;

namespace {

using Integers = std::vector<std::int64_t>;
using Constants = std::vector<std::size_t>;

/// Checks with the inputs given at run time, and with each of `sets` packed at load time.
void check_packed(Call call, std::initializer_list<Constants> sets, double tolerance = 2e-5) {
  check(call, tolerance);
  for (const Constants& constants : sets) {
    call.constants = constants;
    check(call, tolerance);
  }
}

}  // namespace

TEST_CASE("cpu: MatMul broadcasts matrices, vectors and batches", "[cpu]") {
  std::mt19937 engine(1);
  const auto product = [&](const Shape& a, const Shape& b) {
    CAPTURE(to_string(a), to_string(b));
    check_packed({.op = "MatMul", .inputs = {random_tensor(engine, a), random_tensor(engine, b)}},
                 {{1}, {0}});
  };
  product({5, 7}, {7, 9});
  product({130, 70}, {70, 200});
  product({1, 300}, {300, 100});
  product({100, 300}, {300, 1});
  product({7}, {7});
  product({7}, {7, 5});
  product({5, 7}, {7});
  product({3, 20, 30}, {30, 40});
  product({2, 3, 20, 30}, {2, 3, 30, 40});
  product({2, 1, 4, 5}, {3, 5, 6});
  product({3, 5, 6}, {2, 1, 6, 4});
  product({4, 5}, {2, 3, 5, 6});
  product({600, 30}, {2, 30, 40});
  product({0, 5}, {5, 3});
  product({2, 0}, {0, 3});
}

TEST_CASE("cpu: Gemm transposes, scales and adds", "[cpu]") {
  std::mt19937 engine(2);
  for (const bool trans_a : {false, true}) {
    for (const bool trans_b : {false, true}) {
      const Tensor a = random_tensor(engine, trans_a ? Shape{40, 33} : Shape{33, 40});
      const Tensor b = random_tensor(engine, trans_b ? Shape{50, 40} : Shape{40, 50});
      const Attributes attributes = with({{"transA", std::int64_t{trans_a}},
                                          {"transB", std::int64_t{trans_b}},
                                          {"alpha", 0.5f},
                                          {"beta", -2.0f}});
      check_packed({.op = "Gemm", .inputs = {a, b}, .attributes = attributes}, {{1}, {0}});
      for (const Shape& c : {Shape{50}, {1, 50}, {33, 1}, {33, 50}, {1}, {}}) {
        check_packed(
            {.op = "Gemm", .inputs = {a, b, random_tensor(engine, c)}, .attributes = attributes},
            {{1}, {0}, {1, 2}});
      }
    }
  }
}

TEST_CASE("cpu: FusedMatMul adds a bias and a residual and applies an activation", "[cpu]") {
  std::mt19937 engine(3);
  const Tensor a = random_tensor(engine, {2, 21, 30}), b = random_tensor(engine, {30, 37});
  const Tensor bias = random_tensor(engine, {37}), residual = random_tensor(engine, {2, 21, 37});
  for (const char* activation :
       {"", "Relu", "Gelu", "GeluTanh", "Swish", "Silu", "Tanh", "Clip", "Elu", "HardSigmoid",
        "HardSwish", "LeakyRelu", "Mish", "Sigmoid", "Softplus"}) {
    const Attributes attributes = with({{"activation", std::string(activation)}});
    for (const std::vector<Value>& inputs : {std::vector<Value>{a, b, bias},
                                             {a, b, Value(), residual},
                                             {a, b, bias, residual},
                                             {a, b, residual, bias},
                                             {a, b, residual, residual}}) {
      check_packed({.op = "FusedMatMul",
                    .inputs = inputs,
                    .attributes = attributes,
                    .domain = "inlay",
                    .version = 1},
                   {{1}});
    }
  }
  check({.op = "FusedMatMul",
         .inputs = {a, b, bias},
         .attributes = with({{"activation", std::string("Clip")},
                             {"activation_params", std::vector<float>{-0.5f, 0.25f}}}),
         .domain = "inlay",
         .version = 1},
        2e-5);
}

TEST_CASE("cpu: Conv takes 1 to 3 spatial axes with uneven padding", "[cpu]") {
  std::mt19937 engine(4);
  const auto conv = [&](const Shape& x, const Shape& w, const Attributes& attributes) {
    CAPTURE(to_string(x), to_string(w));
    const Tensor bias = random_tensor(engine, {w[0]});
    check_packed({.op = "Conv",
                  .inputs = {random_tensor(engine, x), random_tensor(engine, w), bias},
                  .attributes = attributes},
                 {{1, 2}});
  };
  conv({2, 6, 31}, {8, 6, 5}, with({{"pads", Integers{4, 1}}, {"dilations", Integers{2}}}));
  conv({2, 6, 14, 15}, {8, 3, 3, 3},
       with({{"group", std::int64_t{2}}, {"pads", Integers{1, 0, 2, 1}}}));
  conv({1, 20, 14, 15}, {30, 20, 3, 2},
       with({{"strides", Integers{2, 1}}, {"auto_pad", std::string("SAME_UPPER")}}));
  conv({1, 20, 14, 15}, {30, 20, 1, 1}, {});
  conv({3, 20, 1, 1}, {30, 20, 1, 1}, {});
  conv({1, 4, 7, 8}, {5, 4, 7, 8}, {});
  conv({1, 6, 30, 31}, {6, 1, 3, 3},
       with({{"group", std::int64_t{6}},
             {"strides", Integers{2, 2}},
             {"pads", Integers{1, 1, 0, 0}}}));
  conv({1, 3, 6, 7, 8}, {4, 3, 2, 3, 2}, with({{"pads", Integers{0, 1, 1, 1, 1, 0}}}));
  conv({1, 3, 9, 9}, {4, 3, 3, 3}, with({{"pads", Integers{-1, -2, 0, -1}}}));
  conv({1, 1, 640}, {30, 1, 256}, with({{"strides", Integers{128}}}));
  conv({2, 1, 900}, {3, 1, 256}, with({{"strides", Integers{128}}, {"pads", Integers{64, 64}}}));
  conv({2, 6, 50, 1}, {8, 6, 5, 1}, with({{"pads", Integers{2, 0, 1, 0}}}));
  conv({1, 6, 50, 1}, {6, 1, 5, 1}, with({{"group", std::int64_t{6}}}));
  conv({1, 3, 7, 9, 1}, {4, 3, 2, 3, 1}, with({{"strides", Integers{2, 1, 1}}}));
  conv({1, 2, 40, 40}, {2, 1, 2, 2},
       with({{"group", std::int64_t{2}},
             {"dilations", Integers{1000, 1000}},
             {"pads", Integers{990, 990, 10, 10}}}));
}

TEST_CASE("cpu: FusedConv adds a residual and applies an activation", "[cpu]") {
  std::mt19937 engine(5);
  const Tensor x = random_tensor(engine, {2, 8, 13, 14}), w = random_tensor(engine, {12, 8, 3, 3});
  const Tensor depthwise = random_tensor(engine, {8, 1, 3, 3});
  const Tensor pointwise = random_tensor(engine, {12, 8, 1, 1});
  for (const char* activation : {"", "Relu", "HardSwish", "Silu"}) {
    for (const auto& [weights, groups] : {std::pair(w, std::int64_t{1}),
                                          {depthwise, std::int64_t{8}},
                                          {pointwise, std::int64_t{1}}}) {
      const std::int64_t pad = weights.dim(2) / 2;
      const Attributes attributes = with({{"activation", std::string(activation)},
                                          {"group", groups},
                                          {"pads", Integers{pad, pad, pad, pad}}});
      const std::int64_t filters = weights.dim(0);
      const Tensor bias = random_tensor(engine, {filters});
      for (const Shape& z : {Shape{2, filters, 13, 14}, {filters, 1, 1}}) {
        check_packed({.op = "FusedConv",
                      .inputs = {x, weights, bias, random_tensor(engine, z)},
                      .attributes = attributes,
                      .domain = "com.microsoft",
                      .version = 1},
                     {{1, 2}});
      }
    }
  }
}

TEST_CASE("cpu: ConvTranspose", "[cpu]") {
  std::mt19937 engine(6);
  const auto transpose = [&](const Shape& x, const Shape& w, std::int64_t filters,
                             const Attributes& attributes) {
    CAPTURE(to_string(x), to_string(w));
    const Tensor bias = random_tensor(engine, {filters});
    check_packed({.op = "ConvTranspose",
                  .inputs = {random_tensor(engine, x), random_tensor(engine, w), bias},
                  .attributes = attributes},
                 {{1, 2}});
  };
  transpose({2, 5, 9}, {5, 4, 3}, 4, with({{"strides", Integers{2}}}));
  transpose({2, 6, 9, 10}, {6, 4, 4, 4}, 8,
            with({{"group", std::int64_t{2}},
                  {"strides", Integers{2, 2}},
                  {"pads", Integers{1, 1, 1, 1}}}));
  transpose({1, 6, 5, 6}, {6, 4, 3, 2}, 4,
            with({{"strides", Integers{3, 2}},
                  {"dilations", Integers{2, 3}},
                  {"output_padding", Integers{1, 1}}}));
  transpose({1, 6, 5, 6}, {6, 4, 3, 3}, 4,
            with({{"strides", Integers{2, 2}}, {"output_shape", Integers{10, 12}}}));
  transpose({1, 3, 4, 5, 3}, {3, 2, 2, 3, 2}, 2, with({{"strides", Integers{2, 1, 2}}}));
}

TEST_CASE("cpu: convolutions refuse a result that is too large when they pack", "[cpu]") {
  const Integers far{std::int64_t{1} << 29, std::int64_t{1} << 29};
  Call transpose{.op = "ConvTranspose",
                 .inputs = {Tensor::zeros(DType::float32, {1, 3, 4, 4}),
                            Tensor::zeros(DType::float32, {3, 80, 2, 2})},
                 .attributes = with({{"dilations", far}}),
                 .constants = {1}};
  CHECK_ERROR(Model::from_graph(graph_of(transpose)), limit, "too large");
  Call conv{.op = "Conv",
            .inputs = {Tensor::zeros(DType::float32, {1, 3, 4, 4}),
                       Tensor::zeros(DType::float32, {80, 3, 2, 2})},
            .attributes = with({{"pads", Integers{far[0], far[0], far[0], far[0]}}}),
            .constants = {1}};
  CHECK_ERROR(Model::from_graph(graph_of(conv)), limit, "too large");
}

TEST_CASE("cpu: convolutions pack their weights before the input's size is known", "[cpu]") {
  std::mt19937 engine(7);
  for (const bool transposed : {false, true}) {
    Graph graph;
    graph.opsets[""] = 21;
    const ValueId x = graph.add_input(
        "x",
        Type::tensor(DType::float32, {Dim::named("N"), Dim(6), Dim::named("H"), Dim::named("W")}));
    const ValueId w = graph.add_constant("w", random_tensor(engine, {6, 6, 3, 3}));
    graph.outputs = {graph.add_node(transposed ? "ConvTranspose" : "Conv", {x, w}, "y",
                                    with({{"strides", Integers{2, 2}}}))};
    const auto run = [&](const char* backend, const Tensor& input) {
      ModelOptions options;
      options.backends = {backend};
      const Model model = Model::from_graph(graph, options);
      REQUIRE(model.placements()[0].backend == backend);
      CHECK((model.memory().packed > 0) == (std::string(backend) == "cpu"));
      Session session(model);
      return Tensor(session.run(std::vector<Value>{input})[0]);
    };
    // At 3 x 3 a Conv has one output pixel and takes the weights unpacked.
    for (const std::int64_t size : {3, 8, 41}) {
      const Tensor input = random_tensor(engine, {2, 6, size, size + (size > 3 ? 1 : 0)});
      const Tensor got = run("cpu", input), want = run("reference", input);
      REQUIRE(got.shape() == want.shape());
      for (std::size_t i = 0; i < got.as<float>().size(); ++i) {
        REQUIRE(got.as<float>()[i] == Approx(want.as<float>()[i]).margin(2e-5));
      }
    }
  }
}
