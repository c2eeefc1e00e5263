#include <catch2/catch.hpp>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;

const Value none;

}  // namespace

TEST_CASE("Inverse of each matrix of a batch", "[ops]") {
  check(run(microsoft_call("Inverse", {floats({2, 2, 2}, {1, 2, 3, 4, 0, 2, -1, 0})})),
        floats({2, 2, 2}, {-2, 1, 1.5f, -0.5f, 0, -1, 0.5f, 0}));
  check(run(microsoft_call("Inverse", {tensor<double>({1, 1}, {4})})),
        tensor<double>({1, 1}, {.25}));
  check(run(microsoft_call("Inverse", {tensor<float16>({1, 1}, {4})})),
        tensor<float16>({1, 1}, {.25}));
  check(run(microsoft_call("Inverse", {pattern({0, 2, 2})})), floats({0, 2, 2}, {}));
  check(run(microsoft_call("Inverse", {pattern({3, 0, 0})})), floats({3, 0, 0}, {}));
  const auto singular = run(microsoft_call("Inverse", {floats({1, 1}, {0})}));
  CHECK(std::isinf(singular[0].tensor().as<float>()[0]));
  CHECK_THROWS_AS(run(microsoft_call("Inverse", {pattern({2, 3})})), Error);
  CHECK_THROWS_AS(run(microsoft_call("Inverse", {pattern({3})})), Error);
}

TEST_CASE("CDist measures rows against rows", "[ops]") {
  const Tensor a = floats({2, 2}, {0, 0, 3, 4}), b = floats({1, 2}, {3, 0});
  check(run(microsoft_call("CDist", {a, b})), floats({2, 1}, {9, 16}));
  check(run(microsoft_call("CDist", {a, b}, {{"metric", std::string("euclidean")}})),
        floats({2, 1}, {3, 4}));
  check(run(microsoft_call("CDist", {tensor<double>({1, 1}, {1}), tensor<double>({1, 1}, {3})})),
        tensor<double>({1, 1}, {4}));
  check(run(microsoft_call("CDist", {pattern({0, 2}), b})), floats({0, 1}, {}));
  check(run(microsoft_call("CDist", {pattern({1, 0}), pattern({2, 0})})), floats({1, 2}, {0, 0}));
  CHECK_THROWS_AS(run(microsoft_call("CDist", {a, pattern({1, 3})})), Error);
  CHECK_THROWS_AS(run(microsoft_call("CDist", {a, b}, {{"metric", std::string("cosine")}})), Error);
}

TEST_CASE("CropAndResize samples boxes", "[ops]") {
  const Tensor x = pattern({1, 1, 3, 3});
  const auto ids = [](std::initializer_list<i32> values) { return Tensor::copy_of(values); };
  check(run(microsoft_call(
            "CropAndResize",
            {x, floats({2, 4}, {0, 0, 1, 1, 0.25f, 0.5f, 0.75f, 1.5f}), ids({0, 0}), ids({2, 2})},
            {{"extrapolation_value", 9.f}})),
        floats({2, 1, 2, 2}, {-1.25f, -0.5f, 1, -1, 0.375f, 9, 0.125f, 9}));
  const Tensor box = floats({1, 4}, {0.2f, 0.2f, 0.9f, 0.9f});
  check(run(microsoft_call("CropAndResize", {x, box, ids({0}), ids({1, 2})},
                           {{"mode", std::string("nearest")}})),
        floats({1, 1, 1, 2}, {1.25f, -0.75f}));
  check(run(microsoft_call("CropAndResize",
                           {x, pattern({0, 4}), Tensor(DType::int32, {0}), ids({2, 2})})),
        floats({0, 1, 2, 2}, {}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check(run(microsoft_call("CropAndResize",
                           {x, floats({1, 4}, {nan, 0, 1, 1}), ids({0}), ids({1, 1})})),
        floats({1, 1, 1, 1}, {0}));
  CHECK_THROWS_AS(run(microsoft_call("CropAndResize", {x, box, ids({1}), ids({1, 2})})), Error);
  CHECK_THROWS_AS(run(microsoft_call("CropAndResize", {x, box, ids({0}), ids({0, 2})})), Error);
  CHECK_THROWS_AS(run(microsoft_call("CropAndResize", {x, box, ids({0, 0}), ids({1, 2})})), Error);
}

TEST_CASE("ExpandDims gives a tensor another axis", "[ops]") {
  const Tensor x = pattern({2, 3});
  const auto shape_for = [&](i32 axis) {
    return run(microsoft_call("ExpandDims", {x, Tensor::scalar(axis)}))[0].tensor().shape();
  };
  CHECK(shape_for(0) == Shape{1, 2, 3});
  CHECK(shape_for(2) == Shape{2, 3, 1});
  CHECK(shape_for(-1) == Shape{2, 3, 1});
  CHECK(shape_for(-3) == Shape{1, 2, 3});
  CHECK_THROWS_AS(shape_for(3), Error);
  CHECK_THROWS_AS(shape_for(-4), Error);
  check(
      run(microsoft_call("ExpandDims", {Tensor::scalar(std::string("a")), Tensor::scalar(i32{0})})),
      Tensor::copy_of<std::string>({"a"}));
}

TEST_CASE("NGramRepeatBlock rules out what would repeat", "[ops]") {
  const Tensor ids = Tensor::copy_of<i64>({1, 2, 3, 1, 2, 0, 0, 0, 0, 0}, {2, 5});
  const float none_left = -std::numeric_limits<float>::infinity();
  const auto blocked = [&](i64 size, const Tensor& tokens) {
    return run(microsoft_call("NGramRepeatBlock", {tokens, Tensor::zeros(DType::float32, {2, 4})},
                              {{"ngram_size", size}}));
  };
  const auto row = [&](std::initializer_list<int> banned) {
    Tensor expected = Tensor::zeros(DType::float32, {2, 4});
    for (const int i : banned)
      expected.as_mutable<float>()[static_cast<std::size_t>(i)] = none_left;
    return expected;
  };
  check(blocked(1, ids), row({1, 2, 3, 4}));
  check(blocked(2, ids), row({3, 4}));
  check(blocked(3, ids), row({3, 4}));
  check(blocked(6, ids), row({}));
  check(blocked(INT64_MAX, ids), row({}));
  check(blocked(2, Tensor(DType::int64, {2, 0})), row({}));
  CHECK_THROWS_AS(blocked(0, ids), Error);
  CHECK_THROWS_AS(blocked(1, Tensor::copy_of<i64>({4, 0}, {2, 1})), Error);
  CHECK_THROWS_AS(blocked(1, Tensor::copy_of<i64>({-1, 0}, {2, 1})), Error);
  CHECK_THROWS_AS(blocked(1, Tensor::copy_of<i64>({0}, {1, 1})), Error);
}

TEST_CASE("com.microsoft's forms of what the standard has too", "[ops]") {
  const auto unique = run(microsoft_call("Unique", {floats({6}, {2, 1, 1, 3, 4, 3})}, {}, 3));
  check(unique, floats({4}, {2, 1, 3, 4}));
  check(unique, Tensor::copy_of<i64>({0, 1, 1, 2, 3, 2}), 0, 1);
  check(unique, Tensor::copy_of<i64>({1, 2, 2, 1}), 0, 2);
  check(run(microsoft_call("Unique", {pattern({0})}, {}, 3)), floats({0}, {}));
  const auto range = [](std::vector<Value> inputs) { return run(microsoft_call("Range", inputs)); };
  check(range({Tensor::scalar(1.f), floats({1}, {4})}), floats({3}, {1, 2, 3}));
  check(range({Tensor::scalar(i32{5}), Tensor::scalar(i32{1}), Tensor::scalar(i32{-2})}),
        Tensor::copy_of<i32>({5, 3}));
  CHECK_THROWS_AS(range({Tensor::scalar(1.f), Tensor::scalar(2.f), Tensor::scalar(0.f)}), Error);
  check(run(microsoft_call("Trilu", {floats({2, 2}, {1, 2, 3, 4}), Tensor::scalar(i64{1})})),
        floats({2, 2}, {0, 2, 0, 0}));
  check(run(microsoft_call("Pad", {floats({1, 2}, {1, 2}),
                                   Tensor::copy_of<i64>({0, 1, 0, 0}, {1, 4}), floats({1}, {9})})),
        floats({1, 3}, {9, 1, 2}));
  check(run(microsoft_call("GatherND", {floats({2, 2}, {1, 2, 3, 4}),
                                        Tensor::copy_of<i32>({1, -1, 0, 0}, {2, 2})})),
        floats({2}, {4, 1}));
  check(run(microsoft_call("GridSample",
                           {floats({1, 1, 1, 2}, {2, 6}), floats({1, 1, 1, 2}, {0, 0})})),
        floats({1, 1, 1, 1}, {4}));
}

TEST_CASE("ConvTransposeWithDynamicPads takes pads as an input", "[ops]") {
  const Tensor x = floats({1, 1, 2}, {1, 10}), w = floats({1, 1, 2}, {2, 3});
  const auto transposed = [&](std::vector<Value> rest) {
    std::vector<Value> inputs{x, w};
    inputs.insert(inputs.end(), rest.begin(), rest.end());
    return run(microsoft_call("ConvTransposeWithDynamicPads", inputs));
  };
  check(transposed({}), floats({1, 1, 3}, {2, 23, 30}));
  check(transposed({Tensor::copy_of<i64>({1, 0})}), floats({1, 1, 2}, {23, 30}));
  check(transposed({Tensor::copy_of<i64>({0, 1}), floats({1}, {100})}),
        floats({1, 1, 2}, {102, 123}));
  CHECK_THROWS_AS(transposed({Tensor::copy_of<i64>({1})}), Error);
  CHECK_THROWS_AS(transposed({Tensor::copy_of<i64>({9, 9})}), Error);
  CHECK_THROWS_AS(transposed({none, floats({2}, {1, 2})}), Error);
}
