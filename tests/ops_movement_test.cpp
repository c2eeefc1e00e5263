#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Longs = std::vector<std::int64_t>;

Tensor iota(const Shape& shape) {
  Tensor tensor(DType::int32, shape);
  std::int32_t next = 0;
  for (std::int32_t& x : tensor.as_mutable<std::int32_t>()) x = next++;
  return tensor;
}

Tensor longs(std::initializer_list<std::int64_t> values) {
  return Tensor::copy_of<std::int64_t>(values);
}

void check_ints(const Value& value, const Shape& shape, const std::vector<std::int32_t>& expected) {
  check<std::int32_t>(value, shape, expected);
}

}  // namespace

TEST_CASE("Concat", "[ops][movement]") {
  const auto joined = [](std::vector<Value> parts, std::int64_t axis) {
    return run(call("Concat", std::move(parts), {{"axis", axis}}))[0];
  };
  check_ints(joined({iota({2, 2}), iota({1, 2})}, 0), {3, 2}, {0, 1, 2, 3, 0, 1});
  check_ints(joined({iota({2, 2}), iota({2, 1})}, -1), {2, 3}, {0, 1, 0, 2, 3, 1});
  check_ints(joined({iota({2, 0}), iota({2, 1})}, 1), {2, 1}, {0, 1});
  check_ints(joined({iota({0, 2})}, 0), {0, 2}, {});
  check<std::string>(
      joined({Tensor::copy_of<std::string>({"a"}), Tensor::copy_of<std::string>({"b"})}, 0), {2},
      {"a", "b"});
  CHECK_THROWS_AS(joined({iota({2, 2}), iota({2, 3})}, 0), Error);
  CHECK_THROWS_AS(joined({iota({2, 2}), iota({2})}, 0), Error);
}

TEST_CASE("Split into listed, equal and uneven parts", "[ops][movement]") {
  const auto two =
      run(call("Split", {iota({2, 3}), longs({1, 2})}, {{"axis", std::int64_t{1}}}, 13, 2));
  check_ints(two[0], {2, 1}, {0, 3});
  check_ints(two[1], {2, 2}, {1, 2, 4, 5});
  const auto old = run(call("Split", {iota({3})}, {{"split", Longs{3, 0}}}, 11, 2));
  check_ints(old[0], {3}, {0, 1, 2});
  check_ints(old[1], {0}, {});
  const auto equal = run(call("Split", {iota({4})}, {}, 13, 2));
  check_ints(equal[1], {2}, {2, 3});
  const auto uneven = run(call(
      "Split", {iota({5})}, {{"num_outputs", std::int64_t{3}}, {"axis", std::int64_t{-1}}}, 18, 3));
  check_ints(uneven[0], {2}, {0, 1});
  check_ints(uneven[2], {1}, {4});
  CHECK_THROWS_AS(run(call("Split", {iota({3}), longs({1, 1})}, {}, 13, 2)), Error);
  CHECK_THROWS_AS(run(call("Split", {iota({3}), longs({4, -1})}, {}, 13, 2)), Error);
}

TEST_CASE("Slice clamps its bounds and steps backwards", "[ops][movement]") {
  const auto sliced = [](std::vector<Value> inputs) {
    return run(call("Slice", std::move(inputs)))[0];
  };
  const Value x = iota({3, 4});
  check_ints(sliced({x, longs({1, 0}), longs({3, 2})}), {2, 2}, {4, 5, 8, 9});
  check_ints(sliced({x, longs({0}), longs({1000}), longs({-1}), longs({3})}), {3, 2},
             {0, 3, 4, 7, 8, 11});
  check_ints(sliced({x, longs({-1}), longs({INT64_MIN}), longs({0}), longs({-2})}), {2, 4},
             {8, 9, 10, 11, 0, 1, 2, 3});
  check_ints(sliced({x, longs({2, 100}), longs({0, -100}), longs({0, 1}), longs({-1, -3})}), {2, 2},
             {11, 8, 7, 4});
  check_ints(sliced({x, longs({2}), longs({1}), longs({0})}), {0, 4}, {});
  check_ints(sliced({x, longs({0}), longs({3}), longs({0}), longs({INT64_MAX})}), {1, 4},
             {0, 1, 2, 3});
  check_ints(sliced({x, longs({2}), longs({INT64_MIN}), longs({0}), longs({INT64_MIN})}), {1, 4},
             {8, 9, 10, 11});
  check_ints(sliced({iota({0}), longs({5}), longs({-7}), longs({0}), longs({-1})}), {0}, {});
  check_ints(sliced({x, Tensor::copy_of<std::int32_t>({1}), Tensor::copy_of<std::int32_t>({2})}),
             {1, 4}, {4, 5, 6, 7});
  check_ints(run(call("Slice", {x}, {{"starts", Longs{0}}, {"ends", Longs{-2}}, {"axes", Longs{1}}},
                      9))[0],
             {3, 2}, {0, 1, 4, 5, 8, 9});
  CHECK_THROWS_AS(sliced({x, longs({0}), longs({1}), longs({0}), longs({0})}), Error);
  CHECK_THROWS_AS(sliced({x, longs({0}), longs({1}), longs({2})}), Error);
}

TEST_CASE("Pad in every mode", "[ops][movement]") {
  const auto padded = [](std::string mode, std::vector<Value> inputs) {
    return run(call("Pad", std::move(inputs), {{"mode", std::move(mode)}}))[0];
  };
  const Value row = iota({3});
  const Value seven = Tensor::scalar<std::int32_t>(7);
  check_ints(padded("constant", {row, longs({1, 2}), seven}), {6}, {7, 0, 1, 2, 7, 7});
  check_ints(padded("constant", {row, longs({1, -1})}), {3}, {0, 0, 1});
  check_ints(padded("constant", {row, longs({-3, 1}), seven}), {1}, {7});
  check_ints(padded("reflect", {row, longs({2, 2})}), {7}, {2, 1, 0, 1, 2, 1, 0});
  check_ints(padded("reflect", {row, longs({5, 0})}), {8}, {1, 0, 1, 2, 1, 0, 1, 2});
  check_ints(padded("edge", {row, longs({1, 2})}), {6}, {0, 0, 1, 2, 2, 2});
  check_ints(padded("wrap", {row, longs({2, 4})}), {9}, {1, 2, 0, 1, 2, 0, 1, 2, 0});
  check_ints(padded("constant", {iota({2, 2}), longs({1, 0}), seven, longs({-1})}), {2, 3},
             {7, 0, 1, 7, 2, 3});
  check_ints(padded("constant", {iota({0}), longs({1, 1}), seven}), {2}, {7, 7});
  check_ints(padded("edge", {Tensor::scalar<std::int32_t>(4), Tensor(DType::int64, {0})}), {}, {4});
  check<std::string>(padded("constant", {Tensor::copy_of<std::string>({"a"}), longs({0, 1})}), {2},
                     {"a", ""});
  check<float16>(
      run(call("Pad", {tensor<float16>({1}, {2})}, {{"pads", Longs{1, 0}}, {"value", 1.5F}}, 2))[0],
      {2}, {float16(1.5F), float16(2)});
  CHECK_THROWS_AS(padded("edge", {iota({0}), longs({1, 1})}), Error);
  CHECK_THROWS_AS(padded("constant", {row, longs({-2, -2})}), Error);
  CHECK_THROWS_AS(padded("constant", {row, longs({INT64_MAX, INT64_MAX})}), Error);
}

TEST_CASE("CenterCropPad", "[ops][movement]") {
  check_ints(run(call("CenterCropPad", {iota({4}), longs({1})}))[0], {1}, {1});
  check_ints(run(call("CenterCropPad", {iota({2}), longs({5})}))[0], {5}, {0, 0, 1, 0, 0});
  check_ints(run(call("CenterCropPad", {iota({3, 2}), longs({4})}, {{"axes", Longs{-1}}}))[0],
             {3, 4}, {0, 0, 1, 0, 0, 2, 3, 0, 0, 4, 5, 0});
}

TEST_CASE("Tile", "[ops][movement]") {
  check_ints(run(call("Tile", {iota({2, 2}), longs({1, 2})}))[0], {2, 4}, {0, 1, 0, 1, 2, 3, 2, 3});
  check_ints(run(call("Tile", {iota({1, 2}), longs({2, 1})}))[0], {2, 2}, {0, 1, 0, 1});
  check_ints(run(call("Tile", {iota({2}), longs({0})}))[0], {0}, {});
  check_ints(run(call("Tile", {iota({0}), longs({Shape::max_elements})}))[0], {0}, {});
  check_ints(run(call("Tile", {iota({}), Tensor(DType::int64, {0})}))[0], {}, {0});
  CHECK_THROWS_AS(run(call("Tile", {iota({2}), longs({INT64_MAX})})), Error);
}

TEST_CASE("ReverseSequence", "[ops][movement]") {
  const Attributes::Item time0{"time_axis", std::int64_t{0}}, batch1{"batch_axis", std::int64_t{1}};
  check_ints(run(call("ReverseSequence", {iota({3, 2}), longs({2, 3})}, {time0, batch1}))[0],
             {3, 2}, {2, 5, 0, 3, 4, 1});
  const Attributes::Item time1{"time_axis", std::int64_t{1}}, batch0{"batch_axis", std::int64_t{0}};
  check_ints(run(call("ReverseSequence", {iota({2, 3}), longs({0, 2})}, {time1, batch0}))[0],
             {2, 3}, {0, 1, 2, 4, 3, 5});
  CHECK_THROWS_AS(run(call("ReverseSequence", {iota({3, 2}), longs({4, 1})}, {time0, batch1})),
                  Error);
}

TEST_CASE("DepthToSpace and SpaceToDepth undo each other", "[ops][movement]") {
  const Attributes::Item block{"blocksize", std::int64_t{2}};
  check_ints(run(call("DepthToSpace", {iota({1, 4, 1, 2})}, {block}))[0], {1, 1, 2, 4},
             {0, 2, 1, 3, 4, 6, 5, 7});
  const Value x = iota({2, 8, 3, 2});
  for (const std::string mode : {"DCR", "CRD"}) {
    const auto space = run(call("DepthToSpace", {x}, {block, {"mode", mode}}));
    CHECK(space[0].tensor().shape() == Shape{2, 2, 6, 4});
    const auto depth = run(call("SpaceToDepth", {space[0]}, {block, {"mode", mode}}, 28));
    const auto values = x.tensor().as<std::int32_t>();
    check_ints(depth[0], {2, 8, 3, 2}, {values.begin(), values.end()});
  }
  // Channels of one pixel stay together in CRD: c = 0 holds 0..3.
  check_ints(
      run(call("DepthToSpace", {iota({1, 8, 1, 1})}, {block, {"mode", std::string("CRD")}}))[0],
      {1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  check_ints(run(call("DepthToSpace", {iota({1, 8, 1, 1})}, {block}))[0], {1, 2, 2, 2},
             {0, 2, 4, 6, 1, 3, 5, 7});
  CHECK_THROWS_AS(run(call("DepthToSpace", {iota({1, 3, 1, 1})}, {block})), Error);
}

TEST_CASE("Trilu", "[ops][movement]") {
  const auto upper = [](std::int64_t flag) { return Attributes::Item{"upper", flag}; };
  const auto k = [](std::int64_t value) { return Value(Tensor::scalar(value)); };
  const Value x = Tensor::copy_of<std::int32_t>({1, 2, 3, 4, 5, 6}, {2, 3});
  check_ints(run(call("Trilu", {x}))[0], {2, 3}, {1, 2, 3, 0, 5, 6});
  check_ints(run(call("Trilu", {x}, {upper(0)}))[0], {2, 3}, {1, 0, 0, 4, 5, 0});
  check_ints(run(call("Trilu", {x, k(1)}))[0], {2, 3}, {0, 2, 3, 0, 0, 6});
  check_ints(run(call("Trilu", {x, k(-1)}, {upper(0)}))[0], {2, 3}, {0, 0, 0, 4, 0, 0});
  check_ints(run(call("Trilu", {x, k(INT64_MAX)}))[0], {2, 3}, {0, 0, 0, 0, 0, 0});
  check_ints(run(call("Trilu", {x, k(INT64_MIN)}))[0], {2, 3}, {1, 2, 3, 4, 5, 6});
  check_ints(run(call("Trilu", {iota({0, 2, 0})}))[0], {0, 2, 0}, {});
}
