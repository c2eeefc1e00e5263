#include <catch2/catch.hpp>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using i8 = std::int8_t;
using u8 = std::uint8_t;
using i32 = std::int32_t;

const Value none;
const std::int64_t yes = 1;

/// A row of numbers, zero but for one.
Tensor unit_row(std::int64_t size, std::int64_t at) {
  Tensor row = Tensor::zeros(DType::float32, {1, size});
  row.as_mutable<float>()[static_cast<std::size_t>(at)] = 1;
  return row;
}

}  // namespace

TEST_CASE("FusedMatMul transposes its operands", "[ops]") {
  const Tensor a = floats({2, 2}, {1, 2, 3, 4}), b = floats({2, 2}, {5, 6, 7, 8});
  const auto product = [&](std::initializer_list<Attributes::Item> items) {
    return run(microsoft_call("FusedMatMul", {a, b}, items));
  };
  check(product({}), floats({2, 2}, {19, 22, 43, 50}));
  check(product({{"transA", yes}}), floats({2, 2}, {26, 30, 38, 44}));
  check(product({{"transB", yes}}), floats({2, 2}, {17, 23, 39, 53}));
  check(product({{"transA", yes}, {"transB", yes}}), floats({2, 2}, {23, 31, 34, 46}));
  check(product({{"alpha", -0.5f}}), floats({2, 2}, {-9.5f, -11, -21.5f, -25}));
  check(run(microsoft_call("TransposeMatMul", {a, b}, {{"transA", yes}, {"alpha", 2.f}})),
        floats({2, 2}, {52, 60, 76, 88}));
}

TEST_CASE("FusedMatMul moves the rows before the batch", "[ops]") {
  check(run(microsoft_call("FusedMatMul", {pattern({3, 2, 2}), pattern({2, 2, 3}, 1)},
                           {{"transBatchA", yes}, {"alpha", 0.5f}})),
        floats({2, 3, 3}, {0.125f, -0.53125f, -0.15625f, 0.21875f, -0.21875f, 0.03125f, -0.03125f,
                           -0.25f, -0.125f, -0.53125f, 0.125f, -0.25f, -0.5f, 0.375f, -0.125f,
                           0.90625f, -0.40625f, 0.34375f}));
  check(
      run(microsoft_call(
          "FusedMatMul", {pattern({2, 2, 3}), pattern({3, 2, 2}, 1)},
          {{"transBatchA", yes}, {"transA", yes}, {"transBatchB", yes}, {"transB", yes}})),
      floats({2, 3, 3}, {1.875f, -1.25f, -0.9375f, -0.25f, 0.5f, -0.125f, -1, -0.5f, 1.375f, -0.25f,
                         -0.6875f, 0.25f, 0.25f, -0.4375f, 0.25f, 0.75f, -0.1875f, 0.25f}));
}

TEST_CASE("FusedMatMul of vectors, batches and other types", "[ops]") {
  const Tensor v = floats({2}, {1, 2}), m = floats({2, 2}, {1, 2, 3, 4});
  check(run(microsoft_call("FusedMatMul", {v, m}, {{"transA", yes}})), floats({2}, {7, 10}));
  check(run(microsoft_call("FusedMatMul", {v, m}, {{"transB", yes}})), floats({2}, {5, 11}));
  check(run(microsoft_call("FusedMatMul", {m, v}, {{"transA", yes}})), floats({2}, {7, 10}));
  check(run(microsoft_call("FusedMatMul", {v, v})), floats({}, {5}));
  // One A for two Bs.
  check(run(microsoft_call("FusedMatMul",
                           {floats({1, 1, 2}, {1, 10}), floats({2, 1, 2}, {1, 2, 3, 4})},
                           {{"transB", yes}})),
        floats({2, 1, 1}, {21, 43}));
  check(run(microsoft_call("FusedMatMul", {pattern({2, 0}), pattern({0, 3})})),
        floats({2, 3}, {0, 0, 0, 0, 0, 0}));
  check(run(microsoft_call("FusedMatMul", {pattern({0, 2}), pattern({2, 3})})), floats({0, 3}, {}));
  const auto typed = [&]<class T>(T) {
    check(run(microsoft_call("FusedMatMul", {tensor<T>({1, 2}, {1, 2}), tensor<T>({1, 2}, {3, 4})},
                             {{"transB", yes}})),
          tensor<T>({1, 1}, {11}));
  };
  typed(double{});
  typed(float16{});
  typed(bfloat16{});
  CHECK_THROWS_AS(run(microsoft_call("FusedMatMul", {pattern({2, 3}), pattern({2, 3})})), Error);
  CHECK_THROWS_AS(run(microsoft_call("FusedMatMul", {pattern({}), pattern({2, 3})})), Error);
  CHECK_THROWS_AS(run(microsoft_call("FusedMatMul", {m, tensor<double>({2}, {1, 2})})), Error);
}

TEST_CASE("FusedGemm applies an activation", "[ops]") {
  check(run(microsoft_call("FusedGemm", {pattern({2, 3}), pattern({2, 3}, 1), pattern({2}, 2)},
                           {{"transB", yes},
                            {"activation", std::string("LeakyRelu")},
                            {"activation_alpha", 0.5f},
                            {"alpha", 2.f},
                            {"beta", 0.5f}})),
        floats({2, 2}, {2.375f, 2.5f, -0.4375f, -0.875f}));
  const Tensor a = floats({1, 1}, {-2}), b = floats({1, 1}, {1});
  const auto activated = [&](const char* name) {
    return run(microsoft_call("FusedGemm", {a, b}, {{"activation", std::string(name)}}));
  };
  check(activated("Relu"), floats({1, 1}, {0}));
  check(activated("LeakyRelu"), floats({1, 1}, {-0.02f}));
  check(activated("Tanh"), floats({1, 1}, {-0.964028f}));
  check(activated(""), floats({1, 1}, {-2}));
  CHECK_THROWS_AS(activated("Nonsense"), Error);
  check(run(microsoft_call("FusedGemm", {pattern({0, 2}), pattern({2, 3})},
                           {{"activation", std::string("Relu")}})),
        floats({0, 3}, {}));
  CHECK_THROWS_AS(run(microsoft_call("FusedGemm", {pattern({2, 2}), pattern({3, 2})})), Error);
  CHECK_THROWS_AS(run(microsoft_call("FusedGemm", {a, b, pattern({2, 2})})), Error);
}

TEST_CASE("MatMulIntegerToFloat scales an integer product", "[ops]") {
  const Tensor a = bytes({1, 2}, {3, 5});
  const Tensor b = Tensor::copy_of<i8>({1, -2, 3, 4}, {2, 2});
  const auto product = [&](std::vector<Value> rest) {
    std::vector<Value> inputs{a, b};
    inputs.insert(inputs.end(), rest.begin(), rest.end());
    return run(microsoft_call("MatMulIntegerToFloat", inputs));
  };
  const Tensor half = Tensor::scalar(0.5f);
  check(product({half, half}), floats({1, 2}, {4.5f, 3.5f}));  // 18, 14
  check(product({half, floats({2}, {1, 10})}), floats({1, 2}, {9, 70}));
  // (2, 4) x ((0, -3), (2, 3)) = 8, 6
  const Tensor one = Tensor::scalar(u8{1}), zero_b = Tensor::scalar(i8{1});
  check(product({half, half, one, zero_b, floats({2}, {100, 200})}), floats({1, 2}, {102, 201.5f}));
  check(product({half, half, none, Tensor::copy_of<i8>({1, 0})}), floats({1, 2}, {2.5f, 3.5f}));
  // A scale for each column of A: (0.5 * 3, 2 * 5) x B.
  check(product({floats({2}, {0.5f, 2}), Tensor::scalar(1.f)}), floats({1, 2}, {31.5f, 37}));
  CHECK_THROWS_AS(product({floats({3}, {1, 1, 1}), half}), Error);
  CHECK_THROWS_AS(product({half, floats({3}, {1, 1, 1})}), Error);
  CHECK_THROWS_AS(product({half, half, none, none, floats({1}, {1})}), Error);
  check(run(microsoft_call("MatMulIntegerToFloat", {bytes({0, 2}, {}), b, half, half})),
        floats({0, 2}, {}));
  check(run(microsoft_call("MatMulIntegerToFloat",
                           {a, b, tensor<float16>({}, {0.5}), tensor<float16>({}, {0.5})})),
        tensor<float16>({1, 2}, {4.5, 3.5}));
  // A scale and a bias for each column in every batch.
  check(run(microsoft_call("MatMulIntegerToFloat",
                           {bytes({2, 1, 1}, {1, 2}), bytes({2, 1, 2}, {1, 2, 3, 4}), half,
                            floats({2}, {2, 4}), none, none, floats({2}, {10, 20})})),
        floats({2, 1, 2}, {11, 24, 16, 36}));
}

TEST_CASE("DynamicQuantizeMatMul makes codes of A", "[ops]") {
  // -1 to 4 in 255 steps: a scale of 5 / 255, the zero point 51; 0.5 is 25.5 steps, 26 to even.
  const Tensor a = floats({1, 3}, {-1, 4, 0.5f}), b = bytes({3, 1}, {0, 0, 2});
  const float step = 5.f / 255;
  const std::vector<Value> inputs{a, b, Tensor::scalar(0.5f)};
  check(run(microsoft_call("DynamicQuantizeMatMul", inputs)), floats({1, 1}, {26 * step}), 1e-5);
  std::vector<Value> shifted = inputs;
  shifted.push_back(Tensor::scalar(u8{1}));
  shifted.push_back(floats({1}, {10}));
  check(run(microsoft_call("DynamicQuantizeMatMul", shifted)),
        floats({1, 1}, {10 + 0.5f * step * (51 - 204 + 26)}), 1e-5);
  check(run(microsoft_call("DynamicQuantizeMatMul",
                           {floats({2, 1}, {0, 0}), bytes({1, 1}, {7}), Tensor::scalar(1.f)})),
        floats({2, 1}, {0, 0}));
  check(run(microsoft_call("DynamicQuantizeMatMul",
                           {pattern({0, 1}), bytes({1, 1}, {7}), Tensor::scalar(1.f)})),
        floats({0, 1}, {}));
  CHECK_THROWS_AS(run(microsoft_call("DynamicQuantizeMatMul",
                                     {a, bytes({2, 1}, {0, 0}), Tensor::scalar(0.5f)})),
                  Error);
}

TEST_CASE("QGemm gives floats or codes", "[ops]") {
  const Tensor a = bytes({2, 1}, {3, 5}), b = Tensor::copy_of<i8>({1, -2, 3, 4}, {2, 2});
  const Tensor half = Tensor::scalar(0.5f), zero_a = Tensor::scalar(u8{1});
  const Tensor zero_b = Tensor::copy_of<i8>({1, 0});
  const auto gemm = [&](std::vector<Value> rest, std::initializer_list<Attributes::Item> items) {
    std::vector<Value> inputs{a, half, zero_a, b, floats({2}, {1, 2}), zero_b};
    inputs.insert(inputs.end(), rest.begin(), rest.end());
    return run(microsoft_call("QGemm", inputs, items));
  };
  // (2, 4) x ((0, -2), (2, 4)) = 8, 12
  check(gemm({}, {{"transA", yes}}), floats({1, 2}, {4, 12}));
  // (2, 4) x ((0, 2), (-2, 4))^T where the zero points are those of rows: ((0, -3), (3, 4))
  check(gemm({}, {{"transA", yes}, {"transB", yes}, {"alpha", 2.f}}), floats({1, 2}, {-12, 44}));
  const Tensor c = Tensor::copy_of<i32>({1, 2});
  check(gemm({c}, {{"transA", yes}}), floats({1, 2}, {4.5f, 14}));
  check(gemm({c, Tensor::scalar(0.25f), Tensor::scalar(u8{200})}, {{"transA", yes}}),
        bytes({1, 2}, {218, 255}));
  CHECK_THROWS_AS(gemm({}, {}), Error);
  CHECK_THROWS_AS(gemm({Tensor::copy_of<i32>({1, 2, 3})}, {{"transA", yes}}), Error);
}

TEST_CASE("MatMulNBits multiplies with weights of few bits", "[ops]") {
  // One column of 20 weights in two blocks of 16: codes 0, 1, 2 ... in 4 bits.
  const Tensor codes = bytes(
      {1, 2, 8}, {0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 0x10, 0x32, 0, 0, 0, 0, 0, 0});
  const Tensor scales = floats({1, 2}, {0.5f, 10});
  const auto weight = [&](std::int64_t k, std::vector<Value> rest) {
    std::vector<Value> inputs{unit_row(20, k), codes, scales};
    inputs.insert(inputs.end(), rest.begin(), rest.end());
    return run(
        microsoft_call("MatMulNBits", inputs,
                       {{"N", yes}, {"K", std::int64_t{20}}, {"block_size", std::int64_t{16}}}));
  };
  check(weight(3, {}), floats({1, 1}, {-2.5f}));  // (3 - 8) / 2
  check(weight(15, {}), floats({1, 1}, {3.5f}));
  check(weight(17, {}), floats({1, 1}, {-70}));
  const Tensor zeros = bytes({1, 1}, {0x21});  // 1 and 2
  check(weight(3, {zeros}), floats({1, 1}, {1}));
  check(weight(17, {zeros}), floats({1, 1}, {-10}));
  check(weight(17, {floats({2}, {1, 0.5f})}), floats({1, 1}, {5}));
  check(weight(17, {none, none, floats({1}, {100})}), floats({1, 1}, {30}));
  Tensor groups = Tensor::zeros(DType::int32, {20});
  groups.as_mutable<i32>()[3] = 1;
  check(weight(3, {zeros, groups}), floats({1, 1}, {10}));
  groups.as_mutable<i32>()[19] = 2;
  CHECK_THROWS_AS(weight(3, {zeros, groups}), Error);
  CHECK_THROWS_AS(weight(3, {bytes({2}, {1, 2})}), Error);
  CHECK_THROWS_AS(weight(3, {none, none, floats({2}, {1, 2})}), Error);
}

TEST_CASE("MatMulNBits of 2 and 8 bits, of half floats, of no weights", "[ops]") {
  const std::int64_t sixteen = 16;
  const auto attributes_of = [&](std::int64_t bits, std::int64_t columns) {
    return attributes({{"N", columns}, {"K", sixteen}, {"block_size", sixteen}, {"bits", bits}});
  };
  const auto product = [&](std::vector<Value> inputs, std::int64_t bits, std::int64_t columns = 1) {
    Call call = microsoft_call("MatMulNBits", std::move(inputs));
    call.attributes = attributes_of(bits, columns);
    return run(call);
  };
  const Tensor two_bits = bytes({1, 1, 4}, {0xE4, 0, 0, 0});  // 0, 1, 2, 3
  check(product({unit_row(16, 3), two_bits, floats({1, 1}, {2})}, 2), floats({1, 1}, {2}));
  check(product({unit_row(16, 0), two_bits, floats({1, 1}, {2})}, 2), floats({1, 1}, {-4}));
  Tensor eight = Tensor::zeros(DType::uint8, {1, 1, 16});
  eight.as_mutable<u8>()[5] = 130;
  check(product({unit_row(16, 5), eight, floats({1, 1}, {2})}, 8), floats({1, 1}, {4}));
  check(product({unit_row(16, 5), eight, floats({1, 1}, {2}), bytes({1, 1}, {30})}, 8),
        floats({1, 1}, {200}));
  const Tensor half_row =
      tensor<float16>({1, 16}, {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  check(product({half_row, eight, tensor<float16>({1, 1}, {2})}, 8), tensor<float16>({1, 1}, {4}));
  const Tensor no_weights(DType::uint8, {2, 1, 0});
  check(product({unit_row(16, 5), no_weights, floats({0}, {}), none, none, floats({2}, {3, 4})}, 4,
                2),
        floats({1, 2}, {3, 4}));
  check(product({Tensor(DType::float32, {0, 16}), two_bits, floats({1, 1}, {2})}, 2),
        floats({0, 1}, {}));
  CHECK_THROWS_AS(product({unit_row(15, 5), two_bits, floats({1, 1}, {2})}, 2), Error);
  CHECK_THROWS_AS(product({unit_row(16, 5), two_bits, floats({1, 1}, {2})}, 3), Error);
  CHECK_THROWS_AS(product({unit_row(16, 5), two_bits, floats({1, 1}, {2})}, 4), Error);
  CHECK_THROWS_AS(product({unit_row(16, 5), two_bits, floats({1, 2}, {2, 2})}, 2), Error);
  CHECK_THROWS_AS(product({unit_row(16, 5), two_bits, floats({1, 1}, {2})}, 2, INT64_MAX), Error);
  Call odd = microsoft_call("MatMulNBits", {unit_row(16, 5), two_bits, floats({1, 1}, {2})},
                            {{"N", yes}, {"K", sixteen}, {"block_size", std::int64_t{0}}});
  CHECK_THROWS_AS(run(odd), Error);
  odd.attributes.set("block_size", std::int64_t{24});
  CHECK_THROWS_AS(run(odd), Error);
}

TEST_CASE("MatMulBnb4 multiplies with bitsandbytes' 4-bit weights", "[ops]") {
  // The first weight of a byte is in its upper half.
  const Tensor codes = bytes({8}, {0x0F, 0, 0, 0, 0, 0, 0, 0x30});
  const auto weight = [&](std::int64_t k, std::int64_t kind) {
    return run(microsoft_call("MatMulBnb4", {unit_row(16, k), codes, floats({1}, {4})},
                              {{"N", yes},
                               {"K", std::int64_t{16}},
                               {"block_size", std::int64_t{16}},
                               {"quant_type", kind}}));
  };
  check(weight(0, 1), floats({1, 1}, {-4}));
  check(weight(1, 1), floats({1, 1}, {4}));
  check(weight(14, 1), floats({1, 1}, {-4 * 0.394917f}));
  check(weight(14, 0), floats({1, 1}, {4}));
  check(weight(1, 0), floats({1, 1}, {-1}));
  CHECK_THROWS_AS(weight(1, 2), Error);
}

TEST_CASE("GatherBlockQuantized looks rows of codes up", "[ops]") {
  // Two rows of 20 numbers of 4 bits in blocks of 16.
  Tensor data = Tensor::zeros(DType::uint8, {2, 10});
  data.as_mutable<u8>()[10] = 0xA9;  // row 1: 9, 10, 0 ...
  data.as_mutable<u8>()[18] = 0x0B;  // element 16
  const Tensor scales = floats({2, 2}, {1, 1, 0.5f, 10});
  const auto gathered = [&](std::vector<Value> rest, Tensor at) {
    std::vector<Value> inputs{data, std::move(at), scales};
    inputs.insert(inputs.end(), rest.begin(), rest.end());
    return run(microsoft_call("GatherBlockQuantized", inputs, {{"block_size", std::int64_t{16}}}));
  };
  const auto row = gathered({}, Tensor::copy_of<std::int64_t>({1}));
  REQUIRE(row[0].tensor().shape() == Shape{1, 20});
  const auto values = row[0].tensor().as<float>();
  CHECK(values[0] == 0.5f);
  CHECK(values[1] == 1);
  CHECK(values[2] == -4);
  CHECK(values[16] == 30);
  const auto far = gathered({}, Tensor::copy_of<std::int64_t>({INT64_MAX, INT64_MIN}));
  CHECK(far[0].tensor().shape() == Shape{2, 20});
  CHECK(far[0].tensor().as<float>()[0] == 0);
  const auto shifted = gathered({bytes({2, 1}, {0, 0x29})}, Tensor::copy_of<i32>({-1, 2}));
  CHECK(shifted[0].tensor().shape() == Shape{2, 20});
  CHECK(shifted[0].tensor().as<float>()[0] == 0);    // 9 - 9
  CHECK(shifted[0].tensor().as<float>()[16] == 90);  // (11 - 2) * 10
  CHECK(shifted[0].tensor().as<float>()[20] == 0);   // there is no row 2
  CHECK(shifted[0].tensor().as<float>()[39] == 0);
  CHECK_THROWS_AS(gathered({bytes({2, 2}, {0, 0, 0, 0}), none}, Tensor::copy_of<i32>({0})), Error);
  CHECK_THROWS_AS(gathered({bytes({1, 1}, {0})}, Tensor::copy_of<i32>({0})), Error);
  check(gathered({}, Tensor::copy_of<std::int64_t>({}, {0, 3})), floats({0, 3, 20}, {}));
}

TEST_CASE("GatherBlockQuantized of signed codes and small floats", "[ops]") {
  Tensor data(DType::int4, {1, 16});
  std::memset(data.mutable_data(), 0x7F, 8);  // -1, 7
  const auto signed_row = run(microsoft_call(
      "GatherBlockQuantized", {data, Tensor::scalar(std::int64_t{0}), tensor<float16>({1, 1}, {2})},
      {{"block_size", std::int64_t{16}}}));
  CHECK(signed_row[0].tensor().shape() == Shape{16});
  CHECK(signed_row[0].tensor().as<float16>()[0] == -2);
  CHECK(signed_row[0].tensor().as<float16>()[1] == 14);
  // One scale for all of a table of float8: 0x38 is 1, 0x40 is 2.
  Tensor small(DType::float8e4m3fn, {2, 2});
  const std::uint8_t codes[] = {0x38, 0x40, 0x40, 0x38};
  std::memcpy(small.mutable_data(), codes, 4);
  check(run(microsoft_call("GatherBlockQuantized",
                           {small, Tensor::copy_of<std::int64_t>({1}), floats({1, 1}, {3})},
                           {{"block_size", std::int64_t{0}}})),
        floats({1, 2}, {6, 3}));
  CHECK_THROWS_AS(run(microsoft_call("GatherBlockQuantized",
                                     {data, Tensor::scalar(std::int64_t{0}), floats({1, 1}, {2})},
                                     {{"block_size", std::int64_t{0}}})),
                  Error);
  CHECK_THROWS_AS(run(microsoft_call("GatherBlockQuantized",
                                     {data, Tensor::scalar(std::int64_t{0}), floats({1, 1}, {2})},
                                     {{"gather_axis", std::int64_t{1}}})),
                  Error);
}
