#include <catch2/catch.hpp>
#include <cmath>
#include <complex>
#include <limits>

#include "cases/compare.hpp"

using namespace inlay;
using cases::compare;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("compare: tolerance is absolute plus relative to the expected value", "[compare]") {
  const Tensor expected = Tensor::copy_of({100.0f, 0.0f});
  const cases::Tolerance tolerance{.rtol = 1e-2, .atol = 0.5};
  CHECK(compare(Tensor::copy_of({101.25f, -0.5f}), expected, tolerance).equal);
  const auto result = compare(Tensor::copy_of({101.75f, 0.25f}), expected, tolerance);
  CHECK_FALSE(result.equal);
  CHECK(result.comparable);
  CHECK(result.max_abs == Approx(1.75));
  CHECK(result.max_ratio == Approx(1.75 / 1.5));
  CHECK(result.reason == "element 0 is 101.75, expected 100 (1 of 2 differ)");
}

TEST_CASE("compare: NaN and infinities equal their like only", "[compare]") {
  const Tensor expected = Tensor::copy_of({not_a_number, infinity, -infinity});
  CHECK(compare(expected.clone(), expected).equal);
  CHECK_FALSE(compare(Tensor::copy_of({0.0f, infinity, -infinity}), expected).equal);
  CHECK_FALSE(compare(Tensor::copy_of({not_a_number, 3e38f, -infinity}), expected).equal);
  CHECK_FALSE(compare(Tensor::copy_of({not_a_number, infinity, infinity}), expected).equal);
  CHECK_FALSE(
      compare(Tensor::copy_of({not_a_number}), Tensor::copy_of({1.0f}), {1e30, 1e30}).equal);
}

TEST_CASE("compare: dtype, shape and kind are exact", "[compare]") {
  const Tensor ones = Tensor::copy_of({1.0f, 1.0f});
  CHECK_FALSE(compare(ones, Tensor::copy_of({1.0, 1.0})).comparable);
  CHECK_FALSE(compare(ones.reshaped({2, 1}), ones).equal);
  CHECK_FALSE(compare(ones, Value(Sequence{ones})).equal);
  CHECK_FALSE(compare(Value(), ones).equal);
  CHECK(compare(Value(), Value()).equal);
  const Tensor two = Tensor::copy_of({1.0f, 2.0f});
  const auto result = compare(Value(Sequence{ones, two}), Value(Sequence{ones, ones}));
  CHECK(result.reason.starts_with("item 1: element 1"));
  CHECK_FALSE(compare(Value(Sequence{ones}), Value(Sequence{ones, ones})).equal);
}

TEST_CASE("compare: other element types", "[compare]") {
  CHECK_FALSE(
      compare(Tensor::copy_of<std::string>({"a", "b"}), Tensor::copy_of<std::string>({"a", "c"}))
          .equal);
  CHECK(compare(Tensor::copy_of({float16(2.0f)}), Tensor::copy_of({float16(2.001f)})).equal);
  CHECK_FALSE(compare(Tensor::copy_of({true}), Tensor::copy_of({false})).equal);
  using Complex = std::complex<float>;
  CHECK_FALSE(compare(Tensor::copy_of({Complex(1, 2)}), Tensor::copy_of({Complex(1, 3)})).equal);

  // Three elements of 4 bits: the upper half of the second byte is nobody's.
  std::uint8_t actual[] = {0x21, 0xF3};
  std::uint8_t expected[] = {0x21, 0x03};
  CHECK(compare(Tensor::wrap(DType::int4, {3}, actual, 2),
                Tensor::wrap(DType::int4, {3}, expected, 2))
            .equal);
  actual[0] = 0x31;
  CHECK_FALSE(compare(Tensor::wrap(DType::int4, {3}, actual, 2),
                      Tensor::wrap(DType::int4, {3}, expected, 2))
                  .equal);
}
