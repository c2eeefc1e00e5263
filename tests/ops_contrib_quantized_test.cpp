#include <catch2/catch.hpp>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using i8 = std::int8_t;
using u8 = std::uint8_t;
using i32 = std::int32_t;

/// Codes that look as if drawn: i * factor mod 256.
Tensor codes(const Shape& shape, std::int64_t factor = 37) {
  Tensor result(DType::uint8, shape);
  std::int64_t i = 0;
  for (u8& code : result.as_mutable<u8>()) code = static_cast<u8>(i++ * factor % 256);
  return result;
}
Value scale(float value) { return Tensor::scalar(value); }
Value zero(int value) { return Tensor::scalar(static_cast<u8>(value)); }
const Value none;
const std::int64_t yes = 1;

}  // namespace

TEST_CASE("QLinearSoftmax along an axis, or over all behind it", "[ops]") {
  const auto softmax = [](const Tensor& x, std::int64_t axis, std::int64_t opset) {
    return run(microsoft_call("QLinearSoftmax",
                              {x, scale(0.02f), zero(10), scale(1.f / 256), zero(0)},
                              {{"axis", axis}, {"opset", opset}}));
  };
  check(softmax(codes({2, 3}), -1, 13), bytes({2, 3}, {34, 72, 150, 34, 72, 150}));
  check(softmax(codes({1, 2, 3}), 1, 11), bytes({1, 2, 3}, {3, 7, 15, 31, 65, 135}));
  check(softmax(bytes({2, 2}, {0, 5, 0, 5}), 0, 13), bytes({2, 2}, {128, 128, 128, 128}));
  check(softmax(codes({0, 3}), -1, 13), bytes({0, 3}, {}));
  const Tensor x = Tensor::copy_of<i8>({-128, 127}, {1, 2});
  check(run(microsoft_call("QLinearSoftmax",
                           {x, scale(0.02f), none, scale(1.f / 256), Tensor::scalar(i8{-128})},
                           {{"opset", std::int64_t{13}}})),
        Tensor::copy_of<i8>({-126, 126}, {1, 2}));
  CHECK_THROWS_AS(softmax(codes({2, 3}), 2, 13), Error);
  CHECK_THROWS_AS(softmax(codes({2, 3}), -3, 11), Error);
}

TEST_CASE("QLinearReduceMean averages what codes stand for", "[ops]") {
  // (x - 10) / 2 = 0, 1, 2, 4, 5, 6
  const Tensor x = bytes({2, 3}, {10, 12, 14, 18, 20, 22});
  const auto mean = [&](Int64s axes, std::int64_t keep) {
    return run(microsoft_call("QLinearReduceMean",
                              {x, scale(0.5f), zero(10), scale(0.25f), zero(3)},
                              {{"axes", std::move(axes)}, {"keepdims", keep}}));
  };
  check(mean({1}, 1), bytes({2, 1}, {7, 23}));
  check(mean({-2}, 0), bytes({3}, {11, 15, 19}));
  check(mean({0, 1}, 1), bytes({1, 1}, {15}));
  check(mean({}, 0), bytes({}, {15}));
  CHECK_THROWS_AS(mean({2}, 1), Error);
}

TEST_CASE("QLinearWhere chooses between scales", "[ops]") {
  const Tensor condition = Tensor::copy_of<bool>({true, false, true});
  const std::vector<Value> inputs{condition,   codes({2, 3}), scale(0.1f), zero(5), codes({3}),
                                  scale(0.2f), zero(7),       scale(0.3f), zero(9)};
  check(run(microsoft_call("QLinearWhere", inputs)), bytes({2, 3}, {7, 29, 32, 44, 29, 69}));
  std::vector<Value> other = inputs;
  other[0] = Tensor::scalar(true);
  other[1] = codes({0, 1});
  check(run(microsoft_call("QLinearWhere", other)), bytes({0, 3}, {}));
  other[1] = codes({2});
  CHECK_THROWS_AS(run(microsoft_call("QLinearWhere", other)), Error);
  other = inputs;
  other[2] = floats({2}, {1, 1});
  CHECK_THROWS_AS(run(microsoft_call("QLinearWhere", other)), Error);
}

TEST_CASE("Quantized pools and convolutions with the channels last", "[ops]") {
  const Tensor x = codes({1, 2, 3, 2});
  check(
      run(microsoft_call(
          "QLinearAveragePool", {x, scale(0.1f), zero(5), scale(0.23f), zero(7)},
          {{"channels_last", yes}, {"kernel_shape", Int64s{2, 2}}, {"pads", Int64s{0, 1, 0, 0}}})),
      bytes({1, 1, 3, 2}, {53, 14, 41, 30, 46, 62}));
  check(run(microsoft_call("QLinearGlobalAveragePool",
                           {x, scale(0.1f), zero(5), scale(0.2f), zero(7)},
                           {{"channels_last", yes}})),
        bytes({1, 1, 1, 2}, {54, 51}));
  check(run(microsoft_call("QLinearConv",
                           {x, scale(0.1f), zero(5), codes({2, 2, 2, 2}), scale(0.02f), zero(100),
                            scale(2), zero(50), Tensor::copy_of<i32>({100, -200})},
                           {{"channels_last", yes}})),
        bytes({1, 1, 2, 2}, {44, 65, 49, 65}));
  check(run(microsoft_call("NhwcMaxPool", {x}, {{"kernel_shape", Int64s{2, 2}}})),
        bytes({1, 1, 2, 2}, {222, 111, 148, 185}));
  check(run(microsoft_call("NhwcMaxPool", {Tensor::copy_of<i8>({-3, 5, -1, -7}, {1, 2, 2})},
                           {{"kernel_shape", Int64s{2}}})),
        Tensor::copy_of<i8>({-1, 5}, {1, 1, 2}));
  check(run(microsoft_call("NhwcMaxPool", {codes({0, 3, 2})}, {{"kernel_shape", Int64s{2}}})),
        bytes({0, 2, 2}, {}));
  CHECK_THROWS_AS(
      run(microsoft_call("NhwcMaxPool", {codes({2, 3})}, {{"kernel_shape", Int64s{2}}})), Error);
  // Three channels where the weights have two.
  CHECK_THROWS_AS(
      run(microsoft_call("QLinearConv",
                         {codes({1, 2, 3, 3}), scale(0.1f), zero(5), codes({2, 2, 2, 2}),
                          scale(0.02f), zero(100), scale(2), zero(50)},
                         {{"channels_last", yes}})),
      Error);
}

TEST_CASE("Convolutions of floats with the channels last", "[ops]") {
  // Two pixels of two channels, a filter for each sum and difference of the channels.
  const Tensor x = floats({1, 2, 2}, {1, 2, 3, 5}), w = floats({2, 2, 1}, {1, 1, 1, -1});
  const Tensor bias = floats({2}, {10, 0});
  check(run(microsoft_call("NhwcConv", {x, w, bias})), floats({1, 2, 2}, {13, -1, 18, -2}));
  const Tensor z = floats({1, 2, 2}, {0, 5, -20, 1});
  check(
      run(microsoft_call("NhwcFusedConv", {x, w, bias, z}, {{"activation", std::string("Relu")}})),
      floats({1, 2, 2}, {13, 4, 0, 0}));
  check(run(microsoft_call("NhwcConv", {tensor<float16>({1, 2, 2}, {1, 2, 3, 5}),
                                        tensor<float16>({2, 2, 1}, {1, 1, 1, -1})})),
        tensor<float16>({1, 2, 2}, {3, -1, 8, -2}));
  check(run(microsoft_call("NhwcConv", {pattern({0, 2, 2}), w})), floats({0, 2, 2}, {}));
  CHECK_THROWS_AS(run(microsoft_call("NhwcConv", {pattern({1, 2, 3}), w})), Error);
  CHECK_THROWS_AS(run(microsoft_call("NhwcFusedConv", {x, w, bias, pattern({1, 3, 2})})), Error);
  // The same numbers as with the channels second.
  const Tensor image = pattern({2, 3, 4, 2}), filters = pattern({4, 1, 2, 3}, 1);
  const std::initializer_list<Attributes::Item> items{
      {"group", std::int64_t{2}}, {"pads", Int64s{1, 0, 0, 2}}, {"strides", Int64s{2, 1}}};
  const auto last = run(microsoft_call("NhwcConv", {image, filters}, items));
  const auto moved = run(call("Transpose", {image}, {{"perm", Int64s{0, 3, 1, 2}}}));
  const auto first = run(call("Conv", {moved[0], filters}, items));
  check(last, run(call("Transpose", {first[0]}, {{"perm", Int64s{0, 2, 3, 1}}}))[0].tensor());
}

TEST_CASE("DynamicQuantizeLSTM makes codes of what comes in", "[ops]") {
  std::vector<Value> inputs{pattern({2, 1, 2}),
                            codes({1, 2, 8}),
                            codes({1, 2, 8}, 53),
                            pattern({1, 16}, 1),
                            none,
                            none,
                            none,
                            none,
                            floats({1}, {0.01f}),
                            bytes({1}, {100}),
                            floats({1}, {0.02f}),
                            bytes({1}, {90})};
  const auto lstm = [&](std::initializer_list<Attributes::Item> items = {}) {
    return run(microsoft_call("DynamicQuantizeLSTM", inputs, items, 3));
  };
  const Tensor y = floats({2, 1, 1, 2}, {-0.378438f, 0.140206f, -0.505438f, 0.181726f});
  check(lstm(), y);
  check(lstm(), floats({1, 1, 2}, {-0.505438f, 0.181726f}), 1e-6, 1);
  check(lstm(), floats({1, 1, 2}, {-0.970055f, 1.13609f}), 1e-5, 2);
  // The same scale and zero point for each of the eight columns.
  inputs[8] = floats({1, 8}, {.01f, .01f, .01f, .01f, .01f, .01f, .01f, .01f});
  inputs[9] = bytes({1, 8}, {100, 100, 100, 100, 100, 100, 100, 100});
  check(lstm(), y);
  inputs[4] = Tensor::copy_of<i32>({1});  // one step of two
  check(lstm(), floats({1, 1, 2}, {-0.378438f, 0.140206f}), 1e-2, 1);
  inputs[4] = Tensor::copy_of<i32>({3});
  CHECK_THROWS_AS(lstm(), Error);
  inputs[4] = none;
  inputs[8] = floats({2}, {0.01f, 0.01f});
  CHECK_THROWS_AS(lstm(), Error);
  inputs[8] = floats({1}, {0.01f});
  CHECK_THROWS_AS(lstm({{"direction", std::string("bidirectional")}}), Error);
  CHECK_THROWS_AS(lstm({{"direction", std::string("sideways")}}), Error);
  inputs[1] = codes({1, 3, 8});
  CHECK_THROWS_AS(lstm(), Error);
  inputs[1] = codes({1, 2, 8});
  inputs[0] = pattern({0, 1, 2});
  check(lstm(), floats({0, 1, 1, 2}, {}));
}
