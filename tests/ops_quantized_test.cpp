#include <catch2/catch.hpp>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using u8 = std::uint8_t;
using i8 = std::int8_t;

Call microsoft(const std::string& op, std::vector<Value> inputs, Attributes items = {}) {
  Call call{op, std::move(inputs), std::move(items)};
  call.domain = "com.microsoft";
  call.version = 1;
  return call;
}

/// A tensor of a 4- or 2-bit type from its bytes.
Tensor packed(DType dtype, const Shape& shape, std::initializer_list<int> bytes) {
  Tensor tensor(dtype, shape);
  auto* to = static_cast<u8*>(tensor.mutable_data());
  for (const int byte : bytes) *to++ = static_cast<u8>(byte);
  return tensor;
}

Attribute dtype_attribute(DType dtype) { return static_cast<std::int64_t>(dtype); }

}  // namespace

TEST_CASE("QuantizeLinear rounds ties to even and saturates", "[ops]") {
  const Tensor x = Tensor::copy_of({0.f, 1.f, 3.f, 5.f, -5.f, 1000.f, -1000.f});
  check(run({"QuantizeLinear", {x, Tensor::scalar(2.f), Tensor::scalar(u8{128})}}),
        Tensor::copy_of<u8>({128, 128, 130, 130, 126, 255, 0}));
  check(run({"QuantizeLinear", {x, Tensor::scalar(2.f), Tensor::scalar(i8{1})}}),
        Tensor::copy_of<i8>({1, 1, 3, 3, -1, 127, -128}));
  check(run({"QuantizeLinear", {x, Tensor::scalar(2.f)}}),
        Tensor::copy_of<u8>({0, 0, 2, 2, 0, 255, 0}));
  check(run({"QuantizeLinear", {x, Tensor::scalar(0.001f), Tensor::scalar(std::int16_t{0})}}),
        Tensor::copy_of<std::int16_t>({0, 1000, 3000, 5000, -5000, 32767, -32768}));
  const Tensor nan = Tensor::copy_of({std::numeric_limits<float>::quiet_NaN()});
  check(run({"QuantizeLinear", {nan, Tensor::scalar(2.f)}}), Tensor::copy_of<u8>({0}));
}

TEST_CASE("QuantizeLinear takes scales per axis and per block", "[ops]") {
  const Tensor x = Tensor::copy_of({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}, {2, 3});
  const Tensor two = Tensor::copy_of({1.f, 2.f});
  check(run({"QuantizeLinear", {x, two}, attributes({{"axis", std::int64_t{0}}})}),
        Tensor::copy_of<u8>({1, 2, 3, 2, 2, 3}, {2, 3}));
  const Tensor three = Tensor::copy_of({1.f, 2.f, 3.f});
  const Tensor zeros = Tensor::copy_of<u8>({0, 10, 20});
  check(run({"QuantizeLinear", {x, three, zeros}}),
        Tensor::copy_of<u8>({1, 11, 21, 4, 12, 22}, {2, 3}));
  const Tensor blocks = Tensor::copy_of({1.f, 3.f, 2.f, 6.f}, {2, 2});
  check(run({"QuantizeLinear", {x, blocks}, attributes({{"block_size", std::int64_t{2}}})}),
        Tensor::copy_of<u8>({1, 2, 1, 2, 2, 1}, {2, 3}));
  CHECK_THROWS_AS(run({"QuantizeLinear", {x, two}}), Error);
  CHECK_THROWS_AS(run({"QuantizeLinear", {x, blocks}}), Error);
}

TEST_CASE("QuantizeLinear writes packed and 8-bit float types", "[ops]") {
  const Tensor x = Tensor::copy_of({-9.f, -3.f, 7.f, 8.f, 1.f});
  const auto to = [&](DType dtype) {
    return run({"QuantizeLinear",
                {x, Tensor::scalar(1.f)},
                attributes({{"output_dtype", dtype_attribute(dtype)}})});
  };
  check(to(DType::int4), packed(DType::int4, {5}, {0xD8, 0x77, 0x01}));
  check(to(DType::uint4), packed(DType::uint4, {5}, {0x00, 0x87, 0x01}));
  const auto floats = to(DType::float8e4m3fn);  // 7 = 1.75 * 2^2, 8 = 2^3
  const auto* codes = static_cast<const u8*>(floats[0].tensor().data());
  CHECK(codes[2] == 0x4E);
  CHECK(codes[3] == 0x50);
  Call large{"QuantizeLinear",
             {Tensor::copy_of({1000.f}), Tensor::scalar(1.f)},
             attributes({{"output_dtype", dtype_attribute(DType::float8e4m3fn)}})};
  CHECK(*static_cast<const u8*>(run(large)[0].tensor().data()) == 0x7E);
  large.attributes.set("saturate", std::int64_t{0});
  CHECK(*static_cast<const u8*>(run(large)[0].tensor().data()) == 0x7F);
}

TEST_CASE("DequantizeLinear is (x - zero point) * scale", "[ops]") {
  const Tensor x = Tensor::copy_of<u8>({0, 3, 128, 255}, {2, 2});
  check(run({"DequantizeLinear", {x, Tensor::scalar(2.f), Tensor::scalar(u8{128})}}),
        Tensor::copy_of({-256.f, -250.f, 0.f, 254.f}, {2, 2}));
  check(run({"DequantizeLinear",
             {x, Tensor::copy_of({1.f, 0.5f}), Tensor::copy_of<u8>({1, 2})},
             attributes({{"axis", std::int64_t{-1}}})}),
        Tensor::copy_of({-1.f, 0.5f, 127.f, 126.5f}, {2, 2}));
  check(run({"DequantizeLinear", {Tensor::copy_of<std::int32_t>({-7}), Tensor::scalar(0.5f)}}),
        Tensor::copy_of({-3.5f}));
  check(run({"DequantizeLinear", {x, Tensor::scalar(float16(0.5f))}}),
        Tensor::copy_of({float16(0.f), float16(1.5f), float16(64.f), float16(127.5f)}, {2, 2}));
  check(run({"DequantizeLinear",
             {packed(DType::int4, {3}, {0xF1, 0x08}), Tensor::scalar(2.f),
              packed(DType::int4, {}, {0x01})}}),
        Tensor::copy_of({0.f, -4.f, -18.f}));
  check(run({"DequantizeLinear", {Tensor(DType::uint8, {0, 2}), Tensor::copy_of({1.f, 2.f})}}),
        Tensor(DType::float32, {0, 2}));
}

TEST_CASE("DynamicQuantizeLinear finds a range that holds zero", "[ops]") {
  Call call{"DynamicQuantizeLinear", {Tensor::copy_of({-1.f, 0.f, 1.55f})}};
  call.outputs = 3;
  auto outputs = run(call);
  check(outputs, Tensor::copy_of<u8>({0, 100, 255}));
  check(outputs, Tensor::scalar(0.01f), 1e-8, 1);
  check(outputs, Tensor::scalar(u8{100}), 0, 2);
  call.inputs = {Tensor::copy_of({0.f, 0.f})};
  check(run(call), Tensor::copy_of<u8>({0, 0}));
}

TEST_CASE("QLinearConv accumulates exactly and rounds once", "[ops]") {
  const Tensor x = Tensor::copy_of<u8>({255, 255, 1}, {1, 1, 3});
  const Tensor w = Tensor::copy_of<i8>({127, 127, -2, 1}, {2, 1, 2});
  const Tensor bias = Tensor::copy_of<std::int32_t>({6, -1});
  // sums: 255 * 254 + 6 = 64776, 256 * 127 + 6 = 32518; -256, -510
  check(run({"QLinearConv",
             {x, Tensor::scalar(0.5f), Tensor::scalar(u8{0}), w, Tensor::copy_of({0.5f, 1.f}),
              Tensor::copy_of<i8>({0, 0}), Tensor::scalar(250.f), Tensor::scalar(u8{3}), bias}}),
        Tensor::copy_of<u8>({68, 36, 2, 2}, {1, 2, 2}));
}

TEST_CASE("QLinearMatMul scales by row and column", "[ops]") {
  const Tensor a = Tensor::copy_of<u8>({3, 5, 1, 2}, {2, 2});
  const Tensor b = Tensor::copy_of<i8>({1, 2, 3, 4}, {2, 2});
  // a - [1, 0] = [[2, 4], [1, 2]]; product with b: [[14, 20], [7, 10]]
  check(run({"QLinearMatMul",
             {a, Tensor::copy_of({1.f, 2.f}), Tensor::copy_of<u8>({1, 0}), b,
              Tensor::copy_of({1.f, 0.5f}), Tensor::copy_of<i8>({0, 0}), Tensor::scalar(2.f),
              Tensor::scalar(i8{-1})}}),
        Tensor::copy_of<i8>({6, 4, 6, 4}, {2, 2}));
  check(run({"QLinearMatMul",
             {Tensor(DType::uint8, {2, 0}), Tensor::scalar(1.f), Tensor::scalar(u8{0}),
              Tensor(DType::int8, {0, 1}), Tensor::scalar(1.f), Tensor::scalar(i8{0}),
              Tensor::scalar(1.f), Tensor::scalar(i8{5})}}),
        Tensor::copy_of<i8>({5, 5}, {2, 1}));
}

TEST_CASE("QLinearAdd and QLinearMul broadcast and round to even", "[ops]") {
  const Tensor a = Tensor::copy_of<u8>({10, 20, 30, 40}, {2, 2});
  const Tensor b = Tensor::copy_of<u8>({4, 6});
  const std::vector<Value> inputs{a,
                                  Tensor::scalar(0.5f),
                                  Tensor::scalar(u8{10}),
                                  b,
                                  Tensor::scalar(1.f),
                                  Tensor::scalar(u8{5}),
                                  Tensor::scalar(2.f),
                                  Tensor::scalar(u8{100})};
  // a: 0, 5, 10, 15; b: -1, 1; sums / 2: -0.5, 3, 4.5, 8; products / 2: 0, 2.5, -5, 7.5
  check(run(microsoft("QLinearAdd", inputs)), Tensor::copy_of<u8>({100, 103, 104, 108}, {2, 2}));
  check(run(microsoft("QLinearMul", inputs)), Tensor::copy_of<u8>({100, 102, 95, 108}, {2, 2}));
}

TEST_CASE("quantized activations and pools keep to the output's scale", "[ops]") {
  const Tensor x = Tensor::copy_of<u8>({0, 10, 14, 30}, {1, 1, 4});
  const std::vector<Value> inputs{x, Tensor::scalar(1.f), Tensor::scalar(u8{10}),
                                  Tensor::scalar(0.5f), Tensor::scalar(u8{50})};
  check(run(microsoft("QLinearLeakyRelu", inputs, attributes({{"alpha", 0.25f}}))),
        Tensor::copy_of<u8>({45, 50, 58, 90}, {1, 1, 4}));
  check(run(microsoft("QLinearAveragePool", inputs, attributes({{"kernel_shape", Int64s{2}}}))),
        Tensor::copy_of<u8>({40, 54, 74}, {1, 1, 3}));
  check(run(microsoft("QLinearGlobalAveragePool", inputs)), Tensor::copy_of<u8>({57}, {1, 1, 1}));
  check(run(microsoft("QLinearSigmoid", {x, Tensor::scalar(0.f), Tensor::scalar(u8{10}),
                                         Tensor::scalar(0.25f), Tensor::scalar(u8{1})})),
        Tensor::copy_of<u8>({3, 3, 3, 3}, {1, 1, 4}));
}

TEST_CASE("QLinearConcat brings its parts to one scale", "[ops]") {
  check(run(microsoft(
            "QLinearConcat",
            {Tensor::scalar(2.f), Tensor::scalar(u8{1}), Tensor::copy_of<u8>({4, 6}, {2, 1}),
             Tensor::scalar(1.f), Tensor::scalar(u8{0}), Tensor::copy_of<u8>({1, 2, 3, 4}, {2, 2}),
             Tensor::scalar(4.f), Tensor::scalar(u8{1})},
            attributes({{"axis", std::int64_t{1}}}))),
        Tensor::copy_of<u8>({3, 1, 3, 4, 5, 7}, {2, 3}));
}
