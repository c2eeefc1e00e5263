#include <catch2/catch.hpp>

#include "call_allocations.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

Call with(Call call, const std::string& domain, int version, std::size_t outputs = 1) {
  call.domain = domain;
  call.version = version;
  call.outputs = outputs;
  return call;
}

}  // namespace

TEST_CASE("kernels allocate nothing once they are warm", "[ops][bind]") {
  std::mt19937 engine(5);
  const auto floats = [&](const Shape& shape) { return random_tensor(engine, shape); };
  const auto halves = [&](const Shape& shape) { return random_tensor<float16>(engine, shape); };
  const auto bytes = [&](const Shape& shape) {
    return random_tensor<std::uint8_t>(engine, shape, 0, 255);
  };
  const Tensor one = Tensor::scalar(1.f), zero = Tensor::scalar(std::uint8_t{0});
  const Attributes pool = attributes({{"kernel_shape", Int64s{2, 2}}});
  const std::vector<std::pair<std::string, Call>> calls{
      {"MatMul", {"MatMul", {floats({2, 20, 30}), floats({30, 300})}}},
      {"MatMul half", {"MatMul", {halves({2, 20, 30}), halves({30, 40})}}},
      {"Gemm",
       {"Gemm",
        {floats({30, 20}), floats({30, 40}), floats({40})},
        attributes({{"transA", std::int64_t{1}}})}},
      {"Einsum",
       {"Einsum",
        {floats({3, 4, 5}), floats({5, 6})},
        attributes({{"equation", std::string("...j,jk->...k")}})}},
      {"Conv", {"Conv", {floats({1, 4, 30, 30}), floats({8, 4, 3, 3}), floats({8})}}},
      {"Conv half", {"Conv", {halves({1, 4, 9, 9}), halves({8, 4, 3, 3}), halves({8})}}},
      {"ConvTranspose", {"ConvTranspose", {floats({1, 4, 9, 9}), floats({4, 8, 3, 3})}}},
      {"ConvInteger", {"ConvInteger", {bytes({1, 4, 9, 9}), bytes({8, 4, 3, 3}), zero}}},
      {"MaxPool", {"MaxPool", {floats({1, 4, 9, 9})}, pool}},
      {"AveragePool", {"AveragePool", {floats({1, 4, 9, 9})}, pool}},
      {"GlobalAveragePool", {"GlobalAveragePool", {floats({1, 4, 9, 9})}}},
      {"LSTM",
       with({"LSTM", {floats({5, 2, 3}), floats({1, 16, 3}), floats({1, 16, 4})}}, "", 22, 3)},
      {"GRU",
       with({"GRU", {halves({5, 2, 3}), halves({1, 12, 3}), halves({1, 12, 4})}}, "", 22, 2)},
      {"QuantizeLinear", {"QuantizeLinear", {floats({4, 5}), one, zero}}},
      {"DequantizeLinear", {"DequantizeLinear", {bytes({4, 5}), one, zero}}},
      {"QLinearConv",
       {"QLinearConv",
        {bytes({1, 4, 9, 9}), one, zero, bytes({8, 4, 3, 3}), one, zero, one, zero}}},
      {"QLinearMatMul",
       {"QLinearMatMul", {bytes({4, 5}), one, zero, bytes({5, 6}), one, zero, one, zero}}},
      {"QLinearAdd",
       with({"QLinearAdd", {bytes({4, 5}), one, zero, bytes({5}), one, zero, one, zero}},
            "com.microsoft", 1)},
      {"Attention",
       with({"Attention",
             {floats({1, 2, 5, 4}), floats({1, 1, 6, 4}), floats({1, 1, 6, 4}), floats({5, 6})}},
            "", 24)},
      {"FusedConv", with({"FusedConv",
                          {floats({1, 4, 9, 9}), floats({8, 4, 3, 3})},
                          attributes({{"activation", std::string("Relu")}})},
                         "com.microsoft", 1)},
  };
  for (const auto& [label, call] : calls) {
    INFO(label);
    CHECK(allocations(call) == 0);
  }
}
