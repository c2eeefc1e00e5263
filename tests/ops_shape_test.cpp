#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Floats = std::vector<float>;
using Longs = std::vector<std::int64_t>;

Tensor iota(const Shape& shape) {
  Tensor tensor(DType::float32, shape);
  float next = 0;
  for (float& x : tensor.as_mutable<float>()) x = next++;
  return tensor;
}

Tensor longs(std::initializer_list<std::int64_t> values) {
  return Tensor::copy_of<std::int64_t>(values);
}

Shape reshaped(const Shape& from, std::initializer_list<std::int64_t> to,
               std::int64_t allowzero = 0) {
  const auto outputs = run(call("Reshape", {Tensor::zeros(DType::float32, from), longs(to)},
                                {{"allowzero", allowzero}}));
  return outputs[0].tensor().shape();
}

}  // namespace

TEST_CASE("Reshape copies zeros and infers minus one", "[ops][shape]") {
  CHECK(reshaped({2, 3, 4}, {4, 6}) == Shape{4, 6});
  CHECK(reshaped({2, 3, 4}, {0, -1}) == Shape{2, 12});
  CHECK(reshaped({2, 3, 4}, {-1, 0, 2}) == Shape{4, 3, 2});
  CHECK(reshaped({1}, {}) == Shape{});
  CHECK(reshaped({}, {1, 1}) == Shape{1, 1});
  CHECK(reshaped({0, 3}, {3, -1}) == Shape{3, 0});
  CHECK(reshaped({0, 3}, {3, 0}, 1) == Shape{3, 0});
  CHECK_THROWS_AS(reshaped({2, 3}, {4, -1}), Error);
  CHECK_THROWS_AS(reshaped({2, 3}, {-1, -1}), Error);
  CHECK_THROWS_AS(reshaped({2, 3}, {5}), Error);
  CHECK_THROWS_AS(reshaped({0, 3}, {0, -1}), Error);
  CHECK_THROWS_AS(reshaped({2}, {2, 0}), Error);
}

TEST_CASE("Reshape keeps the elements of any dtype", "[ops][shape]") {
  const Tensor text = Tensor::copy_of<std::string>({"a", "b", "c", "d"});
  check<std::string>(run(call("Reshape", {text, longs({2, 2})}))[0], {2, 2}, {"a", "b", "c", "d"});
  check<float>(run(call("Reshape", {iota({2, 2}), longs({-1})}))[0], {4}, {0, 1, 2, 3});
}

TEST_CASE("Flatten, Squeeze and Unsqueeze", "[ops][shape]") {
  const auto shape_of = [](Call c) { return run(c)[0].tensor().shape(); };
  const Value x = iota({2, 1, 3, 1});
  CHECK(shape_of(call("Flatten", {x})) == Shape{2, 3});
  CHECK(shape_of(call("Flatten", {x}, {{"axis", std::int64_t{0}}})) == Shape{1, 6});
  CHECK(shape_of(call("Flatten", {x}, {{"axis", std::int64_t{4}}})) == Shape{6, 1});
  CHECK(shape_of(call("Flatten", {x}, {{"axis", std::int64_t{-1}}})) == Shape{6, 1});
  CHECK(shape_of(call("Flatten", {Tensor::scalar(1.0F)}, {{"axis", std::int64_t{0}}})) ==
        Shape{1, 1});
  CHECK(shape_of(call("Squeeze", {x})) == Shape{2, 3});
  CHECK(shape_of(call("Squeeze", {x, longs({-1})})) == Shape{2, 1, 3});
  CHECK(shape_of(call("Squeeze", {x}, {{"axes", Longs{1}}}, 11)) == Shape{2, 3, 1});
  CHECK(shape_of(call("Squeeze", {x, Tensor(DType::int64, {0})})) == Shape{2, 1, 3, 1});
  CHECK_THROWS_AS(shape_of(call("Squeeze", {x, longs({0})})), Error);
  CHECK(shape_of(call("Unsqueeze", {iota({2, 3}), longs({3, 0})})) == Shape{1, 2, 3, 1});
  CHECK(shape_of(call("Unsqueeze", {iota({2, 3}), longs({-1, -3})})) == Shape{2, 1, 3, 1});
  CHECK(shape_of(call("Unsqueeze",
                      {
                          iota({2}),
                      },
                      {{"axes", Longs{1}}}, 11)) == Shape{2, 1});
  CHECK_THROWS_AS(shape_of(call("Unsqueeze", {iota({2}), longs({0, 0})})), Error);
}

TEST_CASE("Transpose", "[ops][shape]") {
  check<float>(run(call("Transpose", {iota({2, 3})}))[0], {3, 2}, {0, 3, 1, 4, 2, 5});
  check<float>(run(call("Transpose", {iota({1, 2, 3})}, {{"perm", Longs{2, 0, 1}}}))[0], {3, 1, 2},
               {0, 3, 1, 4, 2, 5});
  check<float>(run(call("Transpose", {iota({2, 0, 3})}))[0], {3, 0, 2}, {});
  check<float>(run(call("Transpose", {Tensor::scalar(7.0F)}))[0], {}, {7});
  check<std::string>(
      run(call("Transpose", {Tensor::copy_of<std::string>({"a", "b", "c", "d"}, {2, 2})}))[0],
      {2, 2}, {"a", "c", "b", "d"});
  CHECK_THROWS_AS(run(call("Transpose", {iota({2, 3})}, {{"perm", Longs{0, 0}}})), Error);
}

TEST_CASE("packed types are moved element by element", "[ops][shape]") {
  // int4 [[1, 2, 3], [4, 5, 6]], low bits first.
  std::array<std::uint8_t, 3> bytes{0x21, 0x43, 0x65};
  const Tensor x = Tensor::wrap(DType::int4, {2, 3}, bytes.data(), bytes.size());
  const auto outputs = run(call("Transpose", {x}));
  const Tensor& y = outputs[0].tensor();
  CHECK(y.dtype() == DType::int4);
  CHECK(y.shape() == Shape{3, 2});
  const auto* codes = static_cast<const std::uint8_t*>(y.data());
  CHECK(std::vector<int>(codes, codes + 3) == std::vector<int>{0x41, 0x52, 0x63});
}

TEST_CASE("Shape and Size", "[ops][shape]") {
  const Value x = iota({2, 3, 4});
  check<std::int64_t>(run(call("Shape", {x}))[0], {3}, {2, 3, 4});
  check<std::int64_t>(run(call("Shape", {x}, {{"start", std::int64_t{-2}}}))[0], {2}, {3, 4});
  check<std::int64_t>(
      run(call("Shape", {x}, {{"start", std::int64_t{2}}, {"end", std::int64_t{1}}}))[0], {0}, {});
  check<std::int64_t>(run(call("Shape", {x}, {{"end", std::int64_t{-1}}}))[0], {2}, {2, 3});
  check<std::int64_t>(run(call("Shape", {Tensor::scalar(1.0F)}))[0], {0}, {});
  check<std::int64_t>(run(call("Size", {x}))[0], {}, {24});
  check<std::int64_t>(run(call("Size", {iota({2, 0})}))[0], {}, {0});
}

TEST_CASE("Expand broadcasts both ways", "[ops][shape]") {
  check<float>(run(call("Expand", {iota({2, 1}), longs({3})}))[0], {2, 3}, {0, 0, 0, 1, 1, 1});
  check<float>(run(call("Expand", {iota({3}), longs({2, 1})}))[0], {2, 3}, {0, 1, 2, 0, 1, 2});
  check<float>(run(call("Expand", {iota({2, 1}), longs({2, 0})}))[0], {2, 0}, {});
  check<float>(run(call("Expand", {Tensor::scalar(3.0F), longs({2})}))[0], {2}, {3, 3});
  check<std::string>(run(call("Expand", {Tensor::copy_of<std::string>({"x"}), longs({2})}))[0], {2},
                     {"x", "x"});
  CHECK_THROWS_AS(run(call("Expand", {iota({2}), longs({3})})), Error);
}
