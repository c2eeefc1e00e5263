#include <cmath>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Longs = std::vector<std::int64_t>;

std::int64_t number(DType dtype) { return static_cast<std::int64_t>(dtype); }

}  // namespace

TEST_CASE("Constant takes its value from any of its attributes", "[ops][generator]") {
  const Tensor value = Tensor::copy_of<float>({1, 2}, {1, 2});
  check<float>(run(call("Constant", {}, {{"value", value}}))[0], {1, 2}, {1, 2});
  check<float>(run(call("Constant", {}, {{"value_float", 2.0f}}))[0], {}, {2});
  check(run(call("Constant", {}, {{"value_ints", Longs{3, 4}}}))[0], {2}, Longs{3, 4});
  check(run(call("Constant", {}, {{"value_strings", std::vector<std::string>{"a"}}}))[0], {1},
        std::vector<std::string>{"a"});
  CHECK_THROWS_AS(run(call("Constant", {})), Error);
}

TEST_CASE("ConstantOfShape fills any shape with any type", "[ops][generator]") {
  const Tensor shape = Tensor::copy_of<std::int64_t>({2, 1});
  check<float>(run(call("ConstantOfShape", {shape}))[0], {2, 1}, {0, 0});
  const Tensor seven = Tensor::copy_of<std::int64_t>({7});
  check(run(call("ConstantOfShape", {shape}, {{"value", seven}}))[0], {2, 1}, Longs{7, 7});
  check(run(call("ConstantOfShape", {Tensor::copy_of<std::int64_t>({0})}, {{"value", seven}}))[0],
        {0}, Longs{});
  check<float>(run(call("ConstantOfShape", {Tensor(DType::int64, {0})}))[0], {}, {0});
  CHECK_THROWS_AS(run(call("ConstantOfShape", {Tensor::copy_of<std::int64_t>({-1})})), Error);

  Tensor three(DType::uint4, {1});
  static_cast<std::uint8_t*>(three.mutable_data())[0] = 3;
  const auto packed =
      run(call("ConstantOfShape", {Tensor::copy_of<std::int64_t>({2})}, {{"value", three}}, 25));
  CHECK(static_cast<const std::uint8_t*>(packed[0].tensor().data())[0] == 0x33);
}

TEST_CASE("Range counts up, down and not at all", "[ops][generator]") {
  const auto range = [](auto start, auto limit, auto delta) {
    return run(
        call("Range", {Tensor::scalar(start), Tensor::scalar(limit), Tensor::scalar(delta)}));
  };
  using L = std::int64_t;
  check(range(L{3}, L{9}, L{3})[0], {2}, Longs{3, 6});
  check(range(L{10}, L{4}, L{-2})[0], {3}, Longs{10, 8, 6});
  check(range(L{1}, L{1}, L{1})[0], {0}, Longs{});
  check(range(L{2}, L{1}, L{1})[0], {0}, Longs{});
  check<float>(range(0.0f, 1.0f, 0.3f)[0], {4}, {0, 0.3f, 0.6f, 0.9f});
  check(range(INT64_MIN, INT64_MAX, INT64_MAX)[0], {3}, Longs{INT64_MIN, -1, INT64_MAX - 1});
  CHECK_THROWS_AS(range(L{0}, L{1}, L{0}), Error);
  CHECK_THROWS_AS(range(0.0f, NAN, 1.0f), Error);
}

TEST_CASE("EyeLike puts ones on any diagonal", "[ops][generator]") {
  const Tensor x(DType::int32, {2, 3});
  check(run(call("EyeLike", {x}))[0], {2, 3}, std::vector<std::int32_t>{1, 0, 0, 0, 1, 0});
  check<float>(
      run(call("EyeLike", {x}, {{"k", std::int64_t{1}}, {"dtype", number(DType::float32)}}))[0],
      {2, 3}, {0, 1, 0, 0, 0, 1});
  check(run(call("EyeLike", {x}, {{"k", std::int64_t{-1}}}))[0], {2, 3},
        std::vector<std::int32_t>{0, 0, 0, 1, 0, 0});
  check(run(call("EyeLike", {x}, {{"k", INT64_MIN}}))[0], {2, 3},
        std::vector<std::int32_t>{0, 0, 0, 0, 0, 0});
}

TEST_CASE("windows", "[ops][generator]") {
  const Tensor four = Tensor::scalar<std::int64_t>(4);
  const Attributes::Item symmetric{"periodic", std::int64_t{0}};
  check<float>(run(call("HannWindow", {four}))[0], {4}, {0, 0.5f, 1, 0.5f});
  check<float>(run(call("HannWindow", {four}, {symmetric}))[0], {4}, {0, 0.75f, 0.75f, 0});
  check<float>(run(call("HammingWindow", {four}))[0], {4}, {4 / 46.0f, 25 / 46.0f, 1, 25 / 46.0f});
  check<float>(run(call("BlackmanWindow", {four}))[0], {4}, {0, 0.34f, 1, 0.34f});
  check<float>(run(call("HannWindow", {Tensor::scalar<std::int32_t>(0)}))[0], {0}, {});
  check<double>(run(call("HannWindow", {Tensor::scalar<std::int64_t>(1)},
                         {symmetric, {"output_datatype", number(DType::float64)}}))[0],
                {1}, {1});
}

TEST_CASE("windows of every size and type", "[ops][generator]") {
  const std::vector<std::string> all{"HannWindow", "HammingWindow", "BlackmanWindow"};
  for (const std::string& op : all) {
    INFO(op);
    // The ends of the window, by its formula.
    const float end = op == "HammingWindow" ? 4 / 46.0f : 0.0f;
    const auto window = [&](std::int64_t size, std::int64_t periodic, DType dtype) {
      return run(call(op, {Tensor::scalar(size)},
                      {{"periodic", periodic}, {"output_datatype", number(dtype)}}))[0];
    };
    check<float>(window(0, 0, DType::float32), {0}, {});
    check<float>(window(0, 1, DType::float32), {0}, {});
    check<float>(window(1, 0, DType::float32), {1}, {1});
    check<float>(window(1, 1, DType::float32), {1}, {end});
    check<float>(window(2, 0, DType::float32), {2}, {end, end});
    check<float>(window(2, 1, DType::float32), {2}, {end, 1});
    // An integer is 1 only where the window is 1 exactly.
    for (const std::int64_t size : {3, 31, 127, 255}) {
      const std::int64_t middle = size / 2;
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
      bytes[static_cast<std::size_t>(middle)] = 1;
      check(window(size, 0, DType::uint8), {size}, bytes);
      std::vector<std::int64_t> longs(static_cast<std::size_t>(size + 1));
      longs[static_cast<std::size_t>(middle + 1)] = 1;
      check(window(size + 1, 1, DType::int64), {size + 1}, longs);
    }
    check<bfloat16>(window(2, 1, DType::bfloat16), {2}, {bfloat16(end), bfloat16(1)});
    check<float16>(window(2, 1, DType::float16), {2}, {float16(end), float16(1)});
    CHECK_THROWS_AS(window(-1, 1, DType::float32), Error);
  }
}
