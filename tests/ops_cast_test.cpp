#include <cmath>
#include <limits>

#include "backends/reference/low_bits.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

Value cast(const Tensor& x, DType to, std::initializer_list<Attributes::Item> attributes = {},
           int version = 25) {
  Call c = call("Cast", {x}, attributes, version);
  c.attributes.set("to", static_cast<std::int64_t>(to));
  return run(c)[0];
}

std::vector<int> bytes(const Value& value) {
  const auto* data = static_cast<const std::uint8_t*>(value.tensor().data());
  return {data, data + value.tensor().bytes()};
}

}  // namespace

TEST_CASE("Cast between numbers", "[ops][cast]") {
  const Tensor x = Tensor::copy_of<float>({-1.75f, 0, 2.5f, 300});
  check(cast(x, DType::int32), {4}, std::vector<std::int32_t>{-1, 0, 2, 300});
  check<double>(cast(x, DType::float64), {4}, {-1.75, 0, 2.5, 300});
  CHECK(bytes(cast(x, DType::boolean)) == std::vector<int>{1, 0, 1, 1});
  const Tensor wide = Tensor::copy_of<std::int16_t>({200, -129});
  check(cast(wide, DType::int8), {2}, std::vector<std::int8_t>{-56, 127});
  check(cast(Tensor::copy_of<bool>({false, true}), DType::float16), {2},
        std::vector<float16>{float16(0), float16(1)});
  const std::uint64_t large = 18446744073709551615u;
  check(cast(Tensor::scalar(large), DType::int64), {}, std::vector<std::int64_t>{-1});
  check(cast(Tensor::scalar<std::int64_t>(9007199254740993), DType::uint64), {},
        std::vector<std::uint64_t>{9007199254740993});
}

TEST_CASE("Cast from double to half rounds once", "[ops][cast]") {
  // Halfway between 1 and the next half, plus a little that a float would drop.
  const double above = 1 + 0x1p-11 + 0x1p-40;
  const auto half = cast(Tensor::scalar(above), DType::float16);
  CHECK(half.tensor().item<float16>().bits == 0x3C01);
}

TEST_CASE("Cast to float8 saturates unless told not to", "[ops][cast]") {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::copy_of<float>({1, 1000, -inf, 1e6f, -0.0f});
  CHECK(bytes(cast(x, DType::float8e4m3fn)) == std::vector<int>{0x38, 0x7E, 0xFE, 0x7E, 0x80});
  const Attributes::Item loose{"saturate", std::int64_t{0}};
  CHECK(bytes(cast(x, DType::float8e4m3fn, {loose})) ==
        std::vector<int>{0x38, 0x7F, 0xFF, 0x7F, 0x80});
  CHECK(bytes(cast(x, DType::float8e5m2, {loose})) ==
        std::vector<int>{0x3C, 0x64, 0xFC, 0x7C, 0x80});
  CHECK(bytes(cast(x, DType::float8e4m3fnuz, {loose})) ==
        std::vector<int>{0x40, 0x80, 0x80, 0x80, 0x00});
  const Tensor powers = Tensor::copy_of<float>({0, 1.1f, 4});
  CHECK(bytes(cast(powers, DType::float8e8m0)) == std::vector<int>{0, 128, 129});
  CHECK(bytes(cast(powers, DType::float8e8m0, {{"round_mode", std::string("down")}})) ==
        std::vector<int>{0, 127, 129});
}

TEST_CASE("Cast packs and unpacks 4- and 2-bit elements", "[ops][cast]") {
  const Tensor x = Tensor::copy_of<float>({-8, 7, 1, 9, -1});
  CHECK(bytes(cast(x, DType::int4)) == std::vector<int>{0x78, 0x91, 0x0F});
  Tensor packed(DType::int4, {3});
  auto* data = static_cast<std::uint8_t*>(packed.mutable_data());
  data[0] = 0x78;
  data[1] = 0x0F;
  check(cast(packed, DType::int32), {3}, std::vector<std::int32_t>{-8, 7, -1});
  Tensor crumbs(DType::uint2, {4});
  static_cast<std::uint8_t*>(crumbs.mutable_data())[0] = 0xE4;
  check<float>(cast(crumbs, DType::float32), {4}, {0, 1, 2, 3});
  Tensor small(DType::float4e2m1, {2});
  static_cast<std::uint8_t*>(small.mutable_data())[0] = 0xF3;
  check<float>(cast(small, DType::float32), {2}, {1.5f, -6});
}

TEST_CASE("Cast reads and writes numbers as text", "[ops][cast]") {
  const Tensor text = Tensor::copy_of<std::string>({"1.5", " -2e3 ", "+INF", "nan", "1e999"});
  const float inf = std::numeric_limits<float>::infinity();
  check<float>(cast(text, DType::float32), {5}, {1.5f, -2000, inf, NAN, inf});
  check(cast(Tensor::copy_of<std::string>({"9007199254740993", "100.5"}), DType::int64), {2},
        std::vector<std::int64_t>{9007199254740993, 100});
  CHECK_THROWS_AS(cast(Tensor::copy_of<std::string>({"Hello"}), DType::float32), Error);
  CHECK_THROWS_AS(cast(Tensor::copy_of<std::string>({""}), DType::int32), Error);
  check(cast(Tensor::copy_of<float>({0.1f, -inf, NAN, 314.15926f}), DType::string), {4},
        std::vector<std::string>{"0.1", "-INF", "NaN", "314.15927"});
  check(cast(Tensor::copy_of<std::int64_t>({-7}), DType::string), {1},
        std::vector<std::string>{"-7"});
  check(cast(text, DType::string), {5},
        std::vector<std::string>{"1.5", " -2e3 ", "+INF", "nan", "1e999"});
}

TEST_CASE("CastLike takes the type of its second input, BitCast the bits", "[ops][cast]") {
  const Tensor x = Tensor::copy_of<float>({1, 2});
  check(run(call("CastLike", {x, Tensor(DType::int64, {0})}))[0], {2},
        std::vector<std::int64_t>{1, 2});
  const auto bits =
      run(call("BitCast", {x}, {{"to", static_cast<std::int64_t>(DType::int32)}}, 26));
  check(bits[0], {2}, std::vector<std::int32_t>{0x3F800000, 0x40000000});
  CHECK_THROWS_AS(run(call("BitCast", {x}, {{"to", static_cast<std::int64_t>(DType::int16)}}, 26)),
                  Error);
  const Tensor words = Tensor::copy_of<std::string>({"a"});
  CHECK_THROWS_AS(
      run(call("BitCast", {words}, {{"to", static_cast<std::int64_t>(DType::string)}}, 26)), Error);
}

TEST_CASE("every code of a small float survives a round trip", "[ops][cast]") {
  using namespace inlay::kernels;
  for (const DType dtype : {DType::float4e2m1, DType::float8e4m3fn, DType::float8e4m3fnuz,
                            DType::float8e5m2, DType::float8e5m2fnuz}) {
    INFO(name(dtype));
    const SmallFloat format = small_float(dtype);
    for (int code = 0; code < 1 << bit_width(dtype); ++code) {
      const double value = decode(format, static_cast<std::uint8_t>(code));
      if (!std::isnan(value)) CHECK(encode(format, value, false) == code);
    }
  }
}

TEST_CASE("a cast between packed types in place keeps the last byte", "[ops][cast]") {
  Graph graph;
  graph.opsets[""] = 21;
  ValueId value = graph.add_input("x", Type::tensor(DType::int8, Shape{3}));
  for (const DType to : {DType::int4, DType::uint4, DType::int8}) {
    Attributes attributes;
    attributes.set("to", static_cast<std::int64_t>(to));
    value = graph.add_node("Cast", {value}, std::string(name(to)), std::move(attributes));
  }
  graph.outputs = {value};
  ModelOptions options;
  options.optimize = false;
  Session session(Model::from_graph(std::move(graph), options));
  const std::vector<Value> inputs{Tensor::copy_of<std::int8_t>({1, 2, 3})};
  for (int i = 0; i < 2; ++i) {  // the second run has its memory planned
    const Outputs outputs = session.run(std::span<const Value>(inputs));
    check(outputs.value(0), {3}, std::vector<std::int8_t>{1, 2, 3});
  }
}
