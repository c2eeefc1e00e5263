#include <catch2/catch.hpp>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

Call fused(const std::string& domain, const std::string& op, std::vector<Value> inputs,
           Attributes items) {
  Call call{op, std::move(inputs), std::move(items)};
  call.domain = domain;
  call.version = 1;
  return call;
}

Attributes activation(const std::string& name, std::vector<float> parameters = {}) {
  return attributes({{"activation", name}, {"activation_params", std::move(parameters)}});
}

}  // namespace

TEST_CASE("FusedConv adds its residual before the activation", "[ops]") {
  const Tensor x = Tensor::copy_of({1.f, 2.f, 3.f, 4.f}, {1, 1, 4});
  const Tensor w = Tensor::copy_of({1.f, -1.f}, {2, 1, 1});
  const Tensor bias = Tensor::copy_of({0.f, 3.f});
  const Tensor z = Tensor::copy_of({-9.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 9.f}, {1, 2, 4});
  check(run(fused("com.microsoft", "FusedConv", {x, w, bias, z}, activation("Relu"))),
        Tensor::copy_of({0.f, 2.f, 3.f, 4.f, 2.f, 1.f, 0.f, 8.f}, {1, 2, 4}));
  check(run(fused("com.microsoft", "FusedConv", {x, w}, activation("Clip", {-2, 3}))),
        Tensor::copy_of({1.f, 2.f, 3.f, 3.f, -1.f, -2.f, -2.f, -2.f}, {1, 2, 4}));
  check(run(fused("com.microsoft", "FusedConv", {x, w}, activation("LeakyRelu", {0.5f}))),
        Tensor::copy_of({1.f, 2.f, 3.f, 4.f, -0.5f, -1.f, -1.5f, -2.f}, {1, 2, 4}));
  CHECK_THROWS_AS(run(fused("com.microsoft", "FusedConv", {x, w}, activation("Cosine"))), Error);
}

TEST_CASE("FusedMatMul adds bias and residual before the activation", "[ops]") {
  const Tensor a = Tensor::copy_of({1.f, 2.f, 3.f, 4.f}, {2, 2});
  const Tensor b = Tensor::copy_of({1.f, 0.f, 0.f, -1.f}, {2, 2});
  const Tensor bias = Tensor::copy_of({10.f, 1.f});
  const Tensor residual = Tensor::copy_of({1.f, 2.f}, {2, 1});
  check(run(fused("inlay", "FusedMatMul", {a, b, bias, residual}, {})),
        Tensor::copy_of({12.f, 0.f, 15.f, -1.f}, {2, 2}));
  check(run(fused("inlay", "FusedMatMul", {a, b, Value(), residual}, activation("Relu"))),
        Tensor::copy_of({2.f, 0.f, 5.f, 0.f}, {2, 2}));
}

TEST_CASE("a residual that is not of the size its symbol says is refused", "[ops]") {
  Graph graph;
  graph.opsets[""] = 17;
  const Dim n = Dim::named("N");
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {n, 4}));
  const ValueId z = graph.add_input("z", Type::tensor(DType::float32, {n, 4}));
  const ValueId w = graph.add_constant("w", Tensor::zeros(DType::float32, {4, 4}));
  const ValueId product = graph.add_node("MatMul", {x, w}, "p");
  graph.outputs = {graph.add_node("Add", {product, z}, "y")};
  for (const char* backend : {"cpu", "reference"}) {
    ModelOptions options;
    options.backends = {backend};
    const Model model = Model::from_graph(graph, options);
    REQUIRE(model.graph().nodes.size() == 1);  // fused, since the file calls both sizes N
    Session session(model);
    for (const std::int64_t rows : {2, 5}) {
      const std::vector<Value> inputs{Tensor::zeros(DType::float32, {3, 4}),
                                      Tensor::zeros(DType::float32, {rows, 4})};
      const auto result = session.try_run(std::span<const Value>(inputs));
      REQUIRE_FALSE(result);
      CHECK(result.error().code() == ErrorCode::shape_mismatch);
    }
  }
}

TEST_CASE("every activation has its formula", "[ops]") {
  const auto at = [](float x, const std::string& name, std::vector<float> parameters = {}) {
    const auto outputs = run(fused("inlay", "FusedMatMul",
                                   {Tensor::copy_of({x}, {1, 1}), Tensor::copy_of({1.f}, {1, 1})},
                                   activation(name, std::move(parameters))));
    return outputs[0].tensor().item<float>();
  };
  CHECK(at(2, "Sigmoid") == Approx(0.880797f));
  CHECK(at(2, "Tanh") == Approx(0.964028f));
  CHECK(at(-1, "Elu", {2}) == Approx(-1.264241f));
  CHECK(at(1, "HardSigmoid", {0.25f, 0.5f}) == Approx(0.75f));
  CHECK(at(9, "HardSigmoid", {0.25f, 0.5f}) == 1);
  CHECK(at(1, "HardSwish") == Approx(2.f / 3));
  CHECK(at(-3, "HardSwish") == 0);
  CHECK(at(2, "Silu") == Approx(1.761594f));
  CHECK(at(2, "Swish", {0.5f}) == Approx(1.462117f));
  CHECK(at(1, "Gelu") == Approx(0.841345f));
  CHECK(at(1, "GeluTanh") == Approx(0.841192f));
  CHECK(at(1, "Softplus") == Approx(1.313262f));
  CHECK(at(100, "Softplus") == 100);
  CHECK(at(1, "Mish") == Approx(0.865098f));
  CHECK(at(-3, "Softsign") == Approx(-0.75f));
  CHECK(at(1, "ThresholdedRelu") == 0);
  CHECK(at(1, "ScaledTanh", {2, 0.5f}) == Approx(0.924234f));
}
