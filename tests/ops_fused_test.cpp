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
