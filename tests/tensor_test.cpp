#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "inlay/tensor.hpp"

using namespace inlay;

TEST_CASE("float16 converts every bit pattern to float and back", "[dtype]") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float16 half = float16::from_bits(static_cast<std::uint16_t>(bits));
    const float wide = half;
    if (std::isnan(wide)) {
      REQUIRE(std::isnan(static_cast<float>(float16(wide))));
    } else {
      REQUIRE(float16(wide).bits == bits);
    }
  }
}

TEST_CASE("float16 and bfloat16 round to nearest even and overflow to infinity", "[dtype]") {
  CHECK(float16(1.0f + 0x1p-11f).bits == float16(1.0f).bits);
  CHECK(float16(1.0f + 0x1.8p-10f).bits == float16(1.0f + 0x1p-9f).bits);
  CHECK(float16(65504.0f).bits == 0x7BFF);
  CHECK(float16(65520.0f).bits == 0x7C00);
  CHECK(float16(-1e10f).bits == 0xFC00);
  CHECK(float16(0x1p-25f).bits == 0);
  CHECK(float16(0x1.8p-25f).bits == 1);
  CHECK(bfloat16(1.0f + 0x1p-8f).bits == bfloat16(1.0f).bits);
  CHECK(bfloat16(1.0f + 0x1.8p-7f).bits == bfloat16(1.0f + 0x1p-6f).bits);
  CHECK(std::isnan(static_cast<float>(bfloat16(NAN))));
}

TEST_CASE("dtype names go both ways", "[dtype]") {
  for (int i = 1; i <= 26; ++i) {
    const auto dtype = static_cast<DType>(i);
    CHECK(dtype_from_name(name(dtype)) == dtype);
    CHECK(bit_width(dtype) > 0);
  }
  CHECK(dtype_from_name("float33") == DType::undefined);
  CHECK(name(static_cast<DType>(99)) == "undefined");
}

TEST_CASE("a shape counts, edits and refuses", "[shape]") {
  Shape shape{2, 3, 4};
  CHECK(shape.elements() == 24);
  CHECK(Shape{}.elements() == 1);
  CHECK(Shape{5, 0, 7}.elements() == 0);
  shape.insert(1, 9);
  CHECK(shape == Shape{2, 9, 3, 4});
  shape.erase(0);
  CHECK(shape == Shape{9, 3, 4});
  CHECK(to_string(shape) == "[9, 3, 4]");
  CHECK_THROWS_AS(shape.push_back(-1), Error);
  CHECK_THROWS_AS((Shape{INT64_MAX, 2}.elements()), Error);
  CHECK((Shape{INT32_MAX, 0}.elements()) == 0);
  const Shape empty{0, Shape::max_elements, 2};  // two axes of it would overflow
  CHECK_THROWS_AS(empty.elements(), Error);
  CHECK(empty.product(0, 2) == 0);
  Shape deep;
  for (int i = 0; i < Shape::max_rank; ++i) deep.push_back(1);
  CHECK_THROWS_AS(deep.push_back(1), Error);
}

TEST_CASE("shapes broadcast as ONNX says", "[shape]") {
  CHECK(broadcast({2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast({2, 1, 4}, {5, 1}) == Shape{2, 5, 4});
  CHECK(broadcast({0}, {1}) == Shape{0});
  CHECK(broadcast({}, {7}) == Shape{7});
  CHECK_THROWS_AS(broadcast({2}, {3}), Error);
  CHECK(normalize_axis(-1, 3) == 2);
  CHECK_THROWS_AS(normalize_axis(3, 3), Error);
  CHECK_THROWS_AS(normalize_axis(-4, 3), Error);
}

TEST_CASE("tensors own, view and check", "[tensor]") {
  std::array<float, 6> pixels{1, 2, 3, 4, 5, 6};
  Tensor seen = view(pixels, {2, 3});
  CHECK(seen.data() == pixels.data());
  seen.as_mutable<float>()[0] = 9;
  CHECK(pixels[0] == 9);
  CHECK_THROWS_AS(seen.as<double>(), Error);
  CHECK_THROWS_AS(view(pixels, {7}), Error);

  const std::array<float, 6> fixed{1, 2, 3, 4, 5, 6};
  Tensor read_only = view(fixed, {6});
  CHECK_THROWS_AS(read_only.as_mutable<float>(), Error);
  CHECK(read_only.as<float>()[5] == 6);

  const Tensor copy = seen.clone();
  CHECK(copy.data() != seen.data());
  CHECK(copy.as<float>()[0] == 9);
  CHECK(copy.reshaped({3, 2}).data() == copy.data());
  CHECK_THROWS_AS(copy.reshaped({4}), Error);

  CHECK(Tensor::scalar(3).item<std::int32_t>() == 3);
  CHECK_THROWS_AS(copy.item<float>(), Error);
  CHECK_THROWS_AS(Tensor(DType::undefined, {1}), Error);
  CHECK_THROWS_AS(Tensor(DType::float32, (Shape{INT64_MAX / 2})), Error);
}

TEST_CASE("packed dtypes and strings have their sizes", "[tensor]") {
  CHECK(Tensor(DType::int4, {3}).bytes() == 2);
  CHECK(Tensor(DType::uint2, {5}).bytes() == 2);
  CHECK(Tensor(DType::float32, {0, 4}).bytes() == 0);
  const Tensor words = Tensor::copy_of<std::string>({"a", "bc"});
  CHECK(words.clone().as<std::string>()[1] == "bc");
  CHECK(Tensor::zeros(DType::string, {2}).as<std::string>()[0].empty());
}

TEST_CASE("a value is one kind at a time", "[value]") {
  const Value empty;
  CHECK_FALSE(empty.has_value());
  CHECK_THROWS_AS(empty.tensor(), Error);
  const Value list = Sequence{Tensor::scalar(1.0f), Tensor::scalar(2.0f)};
  CHECK(list.sequence().size() == 2);
  CHECK_THROWS_AS(list.tensor(), Error);
  CHECK(Value(Sequence{}).is_sequence());
}

TEST_CASE("errors tell code, message and place", "[error]") {
  const Error error =
      Error(ErrorCode::parse, "bad byte", {.node = "n"}).at({.file = "f.onnx", .node = "x"});
  CHECK(std::string(error.what()) == "parse: bad byte (file f.onnx, node n)");
  const Result<int> failed = try_call([]() -> int { throw Error(ErrorCode::io, "no"); });
  CHECK_FALSE(failed);
  CHECK(failed.error().code() == ErrorCode::io);
  CHECK_THROWS_AS(failed.value(), Error);
  CHECK(try_call([] { return 4; }).value() == 4);
  CHECK(try_call([]() -> int { throw std::bad_alloc(); }).error().code() ==
        ErrorCode::out_of_memory);
  CHECK(try_call([] {}).has_value());
}
