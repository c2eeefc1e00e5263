#include <catch2/catch.hpp>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

const float infinity = std::numeric_limits<float>::infinity();
const float nan_value = std::numeric_limits<float>::quiet_NaN();

Tensor row(std::initializer_list<float> values) {
  return Tensor::copy_of(values, {1, 1, static_cast<std::int64_t>(values.size())});
}

}  // namespace

TEST_CASE("MaxPool gives maxima and where they were", "[ops]") {
  Call call{"MaxPool",
            {Tensor::copy_of({1.f, 2.f, 9.f, 4.f, 5.f, 6.f}, {1, 1, 2, 3})},
            attributes({{"kernel_shape", Int64s{2, 2}}})};
  call.outputs = 2;
  auto outputs = run(call);
  check(outputs, Tensor::copy_of({5.f, 9.f}, {1, 1, 1, 2}));
  check(outputs, Tensor::copy_of<std::int64_t>({4, 2}, {1, 1, 1, 2}), 0, 1);
  call.attributes.set("storage_order", std::int64_t{1});
  check(run(call), Tensor::copy_of<std::int64_t>({3, 4}, {1, 1, 1, 2}), 0, 1);
}

TEST_CASE("MaxPool indices count through channels and batches", "[ops]") {
  Call call{"MaxPool",
            {Tensor::copy_of({1.f, 2.f, 4.f, 3.f, 6.f, 5.f, 7.f, 8.f}, {2, 2, 2})},
            attributes({{"kernel_shape", Int64s{2}}})};
  call.outputs = 2;
  check(run(call), Tensor::copy_of<std::int64_t>({1, 2, 4, 7}, {2, 2, 1}), 0, 1);
}

TEST_CASE("MaxPool takes bytes, dilations, padding and ceil_mode", "[ops]") {
  check(run({"MaxPool",
             {Tensor::copy_of<std::int8_t>({-3, -1, -2}, {1, 1, 3})},
             attributes({{"kernel_shape", Int64s{2}}, {"pads", Int64s{1, 0}}})}),
        Tensor::copy_of<std::int8_t>({-3, -1, -1}, {1, 1, 3}));
  check(run({"MaxPool",
             {row({5, 1, 2, 7, 3})},
             attributes({{"kernel_shape", Int64s{2}}, {"dilations", Int64s{3}}})}),
        row({7, 3}));
  const auto strided = [](std::int64_t ceil_mode) {
    return run(
        {"MaxPool",
         {row({1, 2, 3, 4, 5})},
         attributes(
             {{"kernel_shape", Int64s{2}}, {"strides", Int64s{2}}, {"ceil_mode", ceil_mode}})});
  };
  check(strided(0), row({2, 4}));
  check(strided(1), row({2, 4, 5}));
  // A window that would start in the padding at the end is dropped.
  check(run({"MaxPool",
             {row({1, 2, 3})},
             attributes({{"kernel_shape", Int64s{1}},
                         {"strides", Int64s{3}},
                         {"pads", Int64s{0, 1}},
                         {"ceil_mode", std::int64_t{1}}})}),
        row({1}));
}

TEST_CASE("MaxPool keeps NaN and is -infinity where a window sees nothing", "[ops]") {
  check(run({"MaxPool", {row({1, nan_value, 2, 3})}, attributes({{"kernel_shape", Int64s{2}}})}),
        row({nan_value, nan_value, 3}));
  check(run({"MaxPool",
             {Tensor(DType::float32, {1, 1, 0})},
             attributes({{"kernel_shape", Int64s{1}}, {"pads", Int64s{1, 0}}})}),
        row({-infinity}));
  check(run({"MaxPool",
             {Tensor(DType::float32, {0, 3, 4})},
             attributes({{"kernel_shape", Int64s{2}}})}),
        Tensor(DType::float32, {0, 3, 3}));
  CHECK_THROWS_AS(run({"MaxPool", {row({1})}, attributes({{"kernel_shape", Int64s{2}}})}), Error);
  CHECK_THROWS_AS(run({"MaxPool", {row({1})}}), Error);
}

TEST_CASE("AveragePool counts padding only when asked", "[ops]") {
  const auto average = [](std::int64_t count_include_pad, std::int64_t ceil_mode) {
    return run({"AveragePool",
                {row({2, 4, 6, 8, 10})},
                attributes({{"kernel_shape", Int64s{3}},
                            {"strides", Int64s{2}},
                            {"pads", Int64s{1, 0}},
                            {"count_include_pad", count_include_pad},
                            {"ceil_mode", ceil_mode}})});
  };
  check(average(0, 0), row({3, 6}));
  check(average(1, 0), row({2, 6}));
  // Places beyond the padding are never counted.
  check(average(1, 1), row({2, 6, 9}));
}

TEST_CASE("AveragePool spreads its window by dilations", "[ops]") {
  check(run({"AveragePool",
             {row({1, 2, 3, 4, 5})},
             attributes({{"kernel_shape", Int64s{2}}, {"dilations", Int64s{2}}})}),
        row({2, 3, 4}));
}

TEST_CASE("LpPool takes the p-norm of each window", "[ops]") {
  check(run({"LpPool", {row({3, -4, 0})}, attributes({{"kernel_shape", Int64s{2}}})}), row({5, 4}));
  check(run({"LpPool",
             {row({3, -4, 0})},
             attributes({{"kernel_shape", Int64s{2}}, {"p", std::int64_t{1}}})}),
        row({7, 4}));
}

TEST_CASE("global pools reduce every spatial axis", "[ops]") {
  const Tensor x = Tensor::copy_of({1.f, -2.f, 3.f, 4.f, 0.f, 0.f, -3.f, 4.f}, {1, 2, 2, 2});
  check(run({"GlobalMaxPool", {x}}), Tensor::copy_of({4.f, 4.f}, {1, 2, 1, 1}));
  check(run({"GlobalAveragePool", {x}}), Tensor::copy_of({1.5f, 0.25f}, {1, 2, 1, 1}));
  check(run({"GlobalLpPool", {x}}), Tensor::copy_of({std::sqrt(30.f), 5.f}, {1, 2, 1, 1}));
  check(run({"GlobalAveragePool", {Tensor(DType::float32, {2, 0, 3})}}),
        Tensor(DType::float32, {2, 0, 1}));
  check(run({"GlobalAveragePool", {Tensor(DType::float32, {1, 1, 0})}}), row({nan_value}));
  check(run({"GlobalMaxPool", {Tensor(DType::float32, {1, 1, 0})}}), row({-infinity}));
}

TEST_CASE("MaxUnpool puts maxima back", "[ops]") {
  const Tensor x = Tensor::copy_of({5.f, 9.f}, {1, 1, 1, 2});
  const Attributes items = attributes({{"kernel_shape", Int64s{2, 2}}, {"strides", Int64s{2, 2}}});
  check(run({"MaxUnpool", {x, Tensor::copy_of<std::int64_t>({5, 2}, {1, 1, 1, 2})}, items}),
        Tensor::copy_of({0.f, 0.f, 9.f, 0.f, 0.f, 5.f, 0.f, 0.f}, {1, 1, 2, 4}));
  CHECK_THROWS_AS(
      run({"MaxUnpool", {x, Tensor::copy_of<std::int64_t>({5, 8}, {1, 1, 1, 2})}, items}), Error);
  CHECK_THROWS_AS(
      run({"MaxUnpool", {x, Tensor::copy_of<std::int64_t>({-1, 2}, {1, 1, 1, 2})}, items}), Error);
}

TEST_CASE("MaxRoiPool divides each region into bins", "[ops]") {
  Tensor x(DType::float32, {1, 1, 4, 4});
  float next = 0;
  for (float& value : x.as_mutable<float>()) value = ++next;
  const Tensor rois = Tensor::copy_of({0.f, 0.f, 0.f, 3.f, 3.f, 0.f, 1.f, 1.f, 2.f, 1.f}, {2, 5});
  check(run({"MaxRoiPool", {x, rois}, attributes({{"pooled_shape", Int64s{2, 2}}})}),
        Tensor::copy_of({6.f, 8.f, 14.f, 16.f, 6.f, 7.f, 6.f, 7.f}, {2, 1, 2, 2}));
  const Tensor outside = Tensor::copy_of({1.f, 0.f, 0.f, 3.f, 3.f}, {1, 5});
  CHECK_THROWS_AS(run({"MaxRoiPool", {x, outside}, attributes({{"pooled_shape", Int64s{1, 1}}})}),
                  Error);
}
