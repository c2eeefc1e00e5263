#include <cmath>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Longs = std::vector<std::int64_t>;
using Ints = std::vector<std::int32_t>;

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float no_number = std::numeric_limits<float>::quiet_NaN();
const Attributes::Item drop{"keepdims", std::int64_t{0}};

Tensor axes(std::initializer_list<std::int64_t> values) {
  return Tensor::copy_of<std::int64_t>(values);
}

/// [[[1, 2], [3, 4]], [[5, 6], [7, 8]]].
Tensor cube() { return Tensor::copy_of<float>({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2}); }

}  // namespace

TEST_CASE("a reduction takes any axes, keeping them or not", "[ops][reduction]") {
  check<float>(run(call("ReduceSum", {cube(), axes({1})}))[0], {2, 1, 2}, {4, 6, 12, 14});
  check<float>(run(call("ReduceSum", {cube(), axes({-2})}, {drop}))[0], {2, 2}, {4, 6, 12, 14});
  check<float>(run(call("ReduceSum", {cube(), axes({2, 0})}, {drop}))[0], {2}, {14, 22});
  check<float>(run(call("ReduceSum", {cube()}))[0], {1, 1, 1}, {36});
  check<float>(run(call("ReduceSum", {cube()}, {drop}))[0], {}, {36});
  check<float>(run(call("ReduceSum", {Tensor::scalar(3.0f)}))[0], {}, {3});
  CHECK_THROWS_AS(run(call("ReduceSum", {cube(), axes({3})})), Error);
}

TEST_CASE("axes known at load time and later give the same", "[ops][reduction]") {
  Call c = call("ReduceSum", {cube(), axes({0})}, {drop});
  c.constants = {1};
  check<float>(run(c)[0], {2, 2}, {6, 8, 10, 12});
}

TEST_CASE("before opset 18 (13 for ReduceSum) axes were an attribute", "[ops][reduction]") {
  check<float>(run(call("ReduceSum", {cube()}, {{"axes", Longs{-1}}, drop}, 11))[0], {2, 2},
               {3, 7, 11, 15});
  check<float>(run(call("ReduceMean", {cube()}, {{"axes", Longs{0, 1}}}, 13))[0], {1, 1, 2},
               {4, 5});
}

TEST_CASE("empty axes mean all, or none with noop_with_empty_axes", "[ops][reduction]") {
  const Attributes::Item noop{"noop_with_empty_axes", std::int64_t{1}};
  const Tensor x = Tensor::copy_of<float>({-2, 3});
  check<float>(run(call("ReduceSum", {x, axes({})}))[0], {1}, {1});
  check<float>(run(call("ReduceSum", {x, axes({})}, {noop}))[0], {2}, {-2, 3});
  check<float>(run(call("ReduceSum", {x}, {noop}))[0], {2}, {-2, 3});
  check<float>(run(call("ReduceSumSquare", {x}, {noop}))[0], {2}, {4, 9});
  check<float>(run(call("ReduceL1", {x}, {noop}))[0], {2}, {2, 3});
}

TEST_CASE("each reduction's formula", "[ops][reduction]") {
  const Tensor x = Tensor::copy_of<float>({-3, 4});
  check<float>(run(call("ReduceMean", {x}))[0], {1}, {0.5f});
  check<float>(run(call("ReduceMax", {x}))[0], {1}, {4});
  check<float>(run(call("ReduceMin", {x}))[0], {1}, {-3});
  check<float>(run(call("ReduceProd", {x}))[0], {1}, {-12});
  check<float>(run(call("ReduceL1", {x}))[0], {1}, {7});
  check<float>(run(call("ReduceL2", {x}))[0], {1}, {5});
  check<float>(run(call("ReduceSumSquare", {x}))[0], {1}, {25});
  check<float>(run(call("ReduceLogSum", {x}))[0], {1}, {0});
  check<float>(run(call("ReduceLogSumExp", {x}))[0], {1}, {4.0009115f});
  check<float>(run(call("ReduceLogSumExp", {Tensor::copy_of<float>({1000, 1000})}))[0], {1},
               {1000.6931f});
  check<float>(run(call("ReduceLogSumExp", {Tensor::copy_of<float>({-inf, -inf})}))[0], {1},
               {-inf});
  check<float>(run(call("ReduceLogSumExp", {Tensor::copy_of<float>({inf, 0, inf})}))[0], {1},
               {inf});
  check<float>(run(call("ReduceMax", {Tensor::copy_of<float>({1, no_number, 2})}))[0], {1},
               {no_number});
}

TEST_CASE("reductions of integers, booleans and 16-bit floats", "[ops][reduction]") {
  const Tensor x = Tensor::copy_of<std::int32_t>({3, 4, 5});
  check(run(call("ReduceMean", {x}))[0], {1}, Ints{4});
  check(run(call("ReduceL2", {x}))[0], {1}, Ints{7});
  const Tensor large = Tensor::copy_of<std::int64_t>({9007199254740993, 2});
  check(run(call("ReduceSum", {large}))[0], {1}, Longs{9007199254740995});
  const Tensor flags = Tensor::copy_of<bool>({false, true, false, false}, {2, 2});
  const auto any = run(call("ReduceMax", {flags, axes({1})}, {drop}));
  CHECK(any[0].tensor().as<bool>()[0] == true);
  CHECK(any[0].tensor().as<bool>()[1] == false);
  const auto all = run(call("ReduceMin", {flags, axes({0})}, {drop}));
  CHECK(all[0].tensor().as<bool>()[1] == false);
  // A running sum in half would stop at 2048.
  const Tensor ones = tensor<float16>({1}, {1});
  Tensor many(DType::float16, {4096});
  for (float16& one : many.as_mutable<float16>()) one = ones.item<float16>();
  check<float16>(run(call("ReduceSum", {many}))[0], {1}, {float16(4096)});
}

TEST_CASE("nothing reduces to the identity", "[ops][reduction]") {
  const Tensor none(DType::float32, {2, 0, 3});
  const Tensor middle = axes({1});
  const auto first = [&](const char* op) {
    const Value value = run(call(op, {none, middle}, {drop}))[0];
    REQUIRE(to_string(value.tensor().shape()) == "[2, 3]");
    return value.tensor().as<float>()[0];
  };
  CHECK(first("ReduceSum") == 0);
  CHECK(first("ReduceProd") == 1);
  CHECK(first("ReduceMax") == -inf);
  CHECK(first("ReduceMin") == inf);
  CHECK(first("ReduceL1") == 0);
  CHECK(first("ReduceL2") == 0);
  CHECK(first("ReduceSumSquare") == 0);
  CHECK(first("ReduceLogSum") == -inf);
  CHECK(first("ReduceLogSumExp") == -inf);
  CHECK(std::isnan(first("ReduceMean")));
  check(run(call("ReduceMax", {Tensor(DType::int32, {0})}))[0], {1},
        Ints{std::numeric_limits<std::int32_t>::min()});
  check<float>(run(call("ReduceSum", {none, axes({0})}))[0], {1, 0, 3}, {});
}

TEST_CASE("ArgMax and ArgMin", "[ops][reduction]") {
  const Tensor x = Tensor::copy_of<float>({2, 2, 1, 3, 10, 10}, {2, 3});
  const Attributes::Item along_rows{"axis", std::int64_t{-1}};
  const Attributes::Item last{"select_last_index", std::int64_t{1}};
  check(run(call("ArgMax", {x}))[0], {1, 3}, Longs{1, 1, 1});
  check(run(call("ArgMax", {x}, {along_rows, drop}))[0], {2}, Longs{0, 1});
  check(run(call("ArgMax", {x}, {along_rows, drop, last}))[0], {2}, Longs{1, 2});
  check(run(call("ArgMin", {x}, {along_rows}))[0], {2, 1}, Longs{2, 0});
  const Tensor with_nan = Tensor::copy_of<float>({1, no_number, 3});
  check(run(call("ArgMax", {with_nan}))[0], {1}, Longs{1});
  check(run(call("ArgMin", {with_nan}))[0], {1}, Longs{1});
  check(run(call("ArgMax", {Tensor(DType::float32, {3, 0})}))[0], {1, 0}, Longs{});
  CHECK_THROWS_AS(run(call("ArgMax", {Tensor(DType::float32, {0, 3})})), Error);
}

TEST_CASE("TopK", "[ops][reduction]") {
  const Tensor x = Tensor::copy_of<float>({1, 4, 4, 3, 0, 9, 8, 9}, {2, 4});
  const auto top = run(call("TopK", {x, axes({3})}, {}, 11, 2));
  check<float>(top[0], {2, 3}, {4, 4, 3, 9, 9, 8});
  check(top[1], {2, 3}, Longs{1, 2, 3, 1, 3, 2});
  const Attributes::Item smallest{"largest", std::int64_t{0}};
  const Attributes::Item rows{"axis", std::int64_t{0}};
  const auto low = run(call("TopK", {x, axes({1})}, {smallest, rows}, 11, 2));
  check<float>(low[0], {1, 4}, {0, 4, 4, 3});
  check(low[1], {1, 4}, Longs{1, 0, 0, 0});
  const auto old = run(call("TopK", {x}, {{"k", std::int64_t{1}}}, 9, 2));
  check(old[1], {2, 1}, Longs{1, 1});
  check<float>(run(call("TopK", {x, axes({0})}, {}, 11, 2))[0], {2, 0}, {});
  CHECK_THROWS_AS(run(call("TopK", {x, axes({5})}, {}, 11, 2)), Error);
}

TEST_CASE("CumSum and CumProd", "[ops][reduction]") {
  const Tensor x = Tensor::copy_of<float>({1, 2, 3});
  const Tensor zero = Tensor::scalar<std::int32_t>(0);
  const Attributes::Item exclusive{"exclusive", std::int64_t{1}};
  const Attributes::Item reverse{"reverse", std::int64_t{1}};
  check<float>(run(call("CumSum", {x, zero}))[0], {3}, {1, 3, 6});
  check<float>(run(call("CumSum", {x, zero}, {exclusive}))[0], {3}, {0, 1, 3});
  check<float>(run(call("CumSum", {x, zero}, {reverse}))[0], {3}, {6, 5, 3});
  check<float>(run(call("CumSum", {x, zero}, {exclusive, reverse}))[0], {3}, {5, 3, 0});
  check<float>(run(call("CumProd", {x, zero}, {exclusive, reverse}, 26))[0], {3}, {6, 3, 1});
  const Tensor matrix = Tensor::copy_of<std::int64_t>({1, 2, 3, 4}, {2, 2});
  check(run(call("CumSum", {matrix, Tensor::scalar<std::int64_t>(-2)}))[0], {2, 2},
        Longs{1, 2, 4, 6});
  check<float>(run(call("CumSum", {Tensor(DType::float32, {0, 2}), zero}))[0], {0, 2}, {});
}
