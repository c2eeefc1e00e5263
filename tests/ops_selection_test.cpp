#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Longs = std::vector<std::int64_t>;
using Floats = std::vector<float>;

Tensor bools(std::initializer_list<bool> values) { return Tensor::copy_of<bool>(values); }

}  // namespace

TEST_CASE("NonZero", "[ops][selection]") {
  const auto found = [](Value x) { return run(call("NonZero", {std::move(x)}))[0]; };
  check<std::int64_t>(found(Tensor::copy_of<float>({1, 0, -0.0F, 2}, {2, 2})), {2, 2},
                      Longs{0, 1, 0, 1});
  check<std::int64_t>(found(Tensor::copy_of<bool>({false, true})), {1, 1}, Longs{1});
  check<std::int64_t>(found(Tensor(DType::float32, {0, 3})), {2, 0}, Longs{});
  check<std::int64_t>(found(Tensor::scalar(3)), {0, 1}, Longs{});
}

TEST_CASE("Compress", "[ops][selection]") {
  const Value x = Tensor::copy_of<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  check<float>(
      run(call("Compress", {x, bools({false, true, true})}, {{"axis", std::int64_t{0}}}))[0],
      {2, 2}, Floats{3, 4, 5, 6});
  check<float>(run(call("Compress", {x, bools({false, true})}, {{"axis", std::int64_t{-1}}}))[0],
               {3, 1}, Floats{2, 4, 6});
  check<float>(run(call("Compress", {x, bools({false, true, false, false, true})}))[0], {2},
               Floats{2, 5});
  check<float>(run(call("Compress", {x, bools({false})}))[0], {0}, Floats{});
  CHECK_THROWS_AS(
      run(call("Compress", {x, bools({false, false, true})}, {{"axis", std::int64_t{1}}})), Error);
}

TEST_CASE("Unique elements, sorted or as they appear", "[ops][selection]") {
  const Value x = Tensor::copy_of<float>({2, 1, 1, 3, 4, 3});
  const auto sorted = run(call("Unique", {x}, {}, 21, 4));
  check<float>(sorted[0], {4}, Floats{1, 2, 3, 4});
  check<std::int64_t>(sorted[1], {4}, Longs{1, 0, 3, 4});
  check<std::int64_t>(sorted[2], {6}, Longs{1, 0, 0, 2, 3, 2});
  check<std::int64_t>(sorted[3], {4}, Longs{2, 1, 2, 1});
  const auto unsorted = run(call("Unique", {x}, {{"sorted", std::int64_t{0}}}, 21, 4));
  check<float>(unsorted[0], {4}, Floats{2, 1, 3, 4});
  check<std::int64_t>(unsorted[1], {4}, Longs{0, 1, 3, 4});
  check<std::int64_t>(unsorted[2], {6}, Longs{0, 1, 1, 2, 3, 2});
  check<std::int64_t>(unsorted[3], {4}, Longs{1, 2, 2, 1});
}

TEST_CASE("Unique slices, strings, NaN and nothing", "[ops][selection]") {
  const Value rows = Tensor::copy_of<float>({1, 0, 0, 1, 0, 0, 2, 3, 4}, {3, 3});
  check<float>(run(call("Unique", {rows}, {{"axis", std::int64_t{0}}}))[0], {2, 3},
               Floats{1, 0, 0, 2, 3, 4});
  const Value columns = Tensor::copy_of<float>({2, 1, 2, 5, 6, 5}, {2, 3});
  check<float>(run(call("Unique", {columns}, {{"axis", std::int64_t{-1}}}))[0], {2, 2},
               Floats{1, 2, 6, 5});
  check<std::string>(run(call("Unique", {Tensor::copy_of<std::string>({"b", "a", "b"})}))[0], {2},
                     {"a", "b"});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check<float>(run(call("Unique", {Tensor::copy_of<float>({nan, 1, nan})}))[0], {2},
               Floats{1, nan});
  check<float>(run(call("Unique", {Tensor(DType::float32, {0})}))[0], {0}, Floats{});
}

TEST_CASE("OneHot", "[ops][selection]") {
  const auto hot = [](Value indices, Value depth, std::int64_t axis) {
    return run(call("OneHot",
                    {std::move(indices), std::move(depth), Tensor::copy_of<float>({-1, 5})},
                    {{"axis", axis}}))[0];
  };
  const Value three = Tensor::scalar<std::int64_t>(3);
  check<float>(hot(Tensor::copy_of<std::int64_t>({0, -1, 3}), three, -1), {3, 3},
               Floats{5, -1, -1, -1, -1, 5, -1, -1, -1});
  check<float>(hot(Tensor::copy_of<float>({1, 0}), Tensor::copy_of<float>({2}), 0), {2, 2},
               Floats{-1, 5, 5, -1});
  check<float>(hot(Tensor::copy_of<std::uint8_t>({255}), three, -1), {1, 3}, Floats{-1, -1, -1});
  check<float>(hot(Tensor::scalar<std::int32_t>(2), three, 0), {3}, Floats{-1, -1, 5});
  check<float>(hot(Tensor(DType::int64, {0}), three, -1), {0, 3}, Floats{});
  CHECK_THROWS_AS(hot(Tensor::copy_of<std::int64_t>({0}), Tensor::scalar<std::int64_t>(-1), -1),
                  Error);
}

TEST_CASE("NonMaxSuppression", "[ops][selection]") {
  const Value boxes =
      Tensor::copy_of<float>({0, 0, 1, 1, 0, 0.1F, 1, 1.1F, 0, 10, 1, 11, 1, 11, 0, 10}, {1, 4, 4});
  const Value scores = Tensor::copy_of<float>({0.9F, 0.75F, 0.6F, 0.95F}, {1, 1, 4});
  const auto kept = [&](std::int64_t most, float overlap, std::vector<Value> threshold = {}) {
    std::vector<Value> inputs{boxes, scores, Tensor::copy_of<std::int64_t>({most}),
                              Tensor::copy_of<float>({overlap})};
    inputs.insert(inputs.end(), threshold.begin(), threshold.end());
    return run(call("NonMaxSuppression", std::move(inputs)))[0];
  };
  // Box 3 is box 2 with its corners swapped.
  check<std::int64_t>(kept(3, 0.5F), {2, 3}, Longs{0, 0, 3, 0, 0, 0});
  check<std::int64_t>(kept(1, 0.5F), {1, 3}, Longs{0, 0, 3});
  check<std::int64_t>(kept(4, 1), {4, 3}, Longs{0, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 2});
  check<std::int64_t>(kept(3, 0.5F, {Tensor::copy_of<float>({0.92F})}), {1, 3}, Longs{0, 0, 3});
  check<std::int64_t>(kept(0, 0.5F), {0, 3}, Longs{});
  check<std::int64_t>(run(call("NonMaxSuppression", {boxes, scores}))[0], {0, 3}, Longs{});
  const Value centers = Tensor::copy_of<float>({1, 1, 2, 2, 1, 1.2F, 2, 2}, {1, 2, 4});
  const Value two = Tensor::copy_of<float>({0.3F, 0.4F}, {1, 1, 2});
  check<std::int64_t>(
      run(call("NonMaxSuppression", {centers, two, Tensor::copy_of<std::int64_t>({2})},
               {{"center_point_box", std::int64_t{1}}}))[0],
      {1, 3}, Longs{0, 0, 1});
}
