#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Floats = std::vector<float>;
using Longs = std::vector<std::int64_t>;

Attributes::Item text(std::string name, std::string value) { return {name, std::move(value)}; }

/// GridSample of the row 1, 2, 3 at x coordinates.
Value sampled(std::vector<float> xs, std::initializer_list<Attributes::Item> attributes) {
  const auto n = static_cast<std::int64_t>(xs.size());
  return run(call("GridSample",
                  {Tensor::copy_of<float>({1, 2, 3}, {1, 1, 3}),
                   Tensor::copy_of(std::span<const float>(xs), {1, n, 1})},
                  attributes, 20))[0];
}

}  // namespace

TEST_CASE("GridSample in one dimension", "[ops][sampling]") {
  const Attributes::Item corners{"align_corners", std::int64_t{1}};
  check<float>(sampled({-1, -0.5F, 0, 1}, {corners}), {1, 1, 4}, Floats{1, 1.5F, 2, 3});
  check<float>(sampled({-1, 0, 2.0F / 3}, {}), {1, 1, 3}, Floats{0.5F, 2, 3});
  check<float>(sampled({-2, 2}, {corners}), {1, 1, 2}, Floats{0, 0});
  check<float>(sampled({-2, 2}, {corners, text("padding_mode", "border")}), {1, 1, 2},
               Floats{1, 3});
  check<float>(sampled({-2, 3}, {corners, text("padding_mode", "reflection")}), {1, 1, 2},
               Floats{2, 1});
  check<float>(sampled({-0.4F, 5}, {corners, text("mode", "nearest")}), {1, 1, 2}, Floats{2, 0});
  check<float>(sampled({0}, {text("mode", "cubic")}), {1, 1, 1}, Floats{2});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check<float>(sampled({nan, 1e30F, -1e30F}, {}), {1, 1, 3}, Floats{0, 0, 0});
}

TEST_CASE("GridSample in two dimensions lists x before y", "[ops][sampling]") {
  const Value image = Tensor::copy_of<float>({1, 2, 3, 4}, {1, 1, 2, 2});
  const auto sample = [&](std::string mode, float x, float y) {
    return run(call("GridSample", {image, Tensor::copy_of<float>({x, y}, {1, 1, 1, 2})},
                    {text("mode", std::move(mode)), {"align_corners", std::int64_t{1}}}, 16))[0];
  };
  check<float>(sample("nearest", 1, -1), {1, 1, 1, 1}, Floats{2});
  check<float>(sample("bilinear", 0, -1), {1, 1, 1, 1}, Floats{1.5F});
  check<float>(sample("bilinear", 0, 0), {1, 1, 1, 1}, Floats{2.5F});
  // Weights -3/32, 19/32, 19/32, -3/32 on each side, zeros around the image.
  check<float>(sample("bicubic", 0, 0), {1, 1, 1, 1}, Floats{10 * 0.59375F * 0.59375F});
  check<std::int32_t>(run(call("GridSample",
                               {Tensor::copy_of<std::int32_t>({7}, {1, 1, 1, 1}),
                                Tensor::copy_of<float>({0, 0}, {1, 1, 1, 2})},
                               {text("mode", "nearest")}, 20))[0],
                      {1, 1, 1, 1}, {7});
  CHECK(run(call("GridSample", {Tensor::zeros(DType::float32, {1, 0, 2, 2}),
                                Tensor::zeros(DType::float32, {1, 1, 1, 2})}))[0]
            .tensor()
            .shape() == Shape{1, 0, 1, 1});
  CHECK_THROWS_AS(run(call("GridSample", {Tensor::zeros(DType::float32, {1, 1, 0, 2}),
                                          Tensor::zeros(DType::float32, {1, 1, 1, 2})})),
                  Error);
}

TEST_CASE("AffineGrid", "[ops][sampling]") {
  const Value identity = Tensor::copy_of<float>({1, 0, 0, 0, 1, 0.5F}, {1, 2, 3});
  const auto grid = [&](std::initializer_list<std::int64_t> size, std::int64_t corners) {
    return run(call("AffineGrid", {identity, Tensor::copy_of<std::int64_t>(size)},
                    {{"align_corners", corners}}))[0];
  };
  check<float>(grid({1, 3, 1, 2}, 0), {1, 1, 2, 2}, Floats{-0.5F, 0.5F, 0.5F, 0.5F});
  check<float>(grid({1, 3, 2, 2}, 1), {1, 2, 2, 2}, Floats{-1, -0.5F, 1, -0.5F, -1, 1.5F, 1, 1.5F});
  check<float>(grid({1, 3, 0, 2}, 0), {1, 0, 2, 2}, Floats{});
}

TEST_CASE("RoiAlign averages or takes the largest sample", "[ops][sampling]") {
  Tensor image(DType::float32, {1, 1, 4, 4});
  float next = 0;
  for (float& x : image.as_mutable<float>()) x = next++;
  const Value batch = Tensor::copy_of<std::int64_t>({0});
  const auto aligned = [&](std::string mode, std::string transform) {
    return run(call("RoiAlign", {image, Tensor::copy_of<float>({0, 0, 2, 2}, {1, 4}), batch},
                    {text("mode", std::move(mode)),
                     text("coordinate_transformation_mode", std::move(transform)),
                     {"output_height", std::int64_t{2}},
                     {"output_width", std::int64_t{2}},
                     {"sampling_ratio", std::int64_t{1}}},
                    16))[0];
  };
  // Samples at 0.5 and 1.5 with output_half_pixel, at 0 and 1 with half_pixel.
  check<float>(aligned("avg", "output_half_pixel"), {1, 1, 2, 2}, Floats{2.5F, 3.5F, 6.5F, 7.5F});
  check<float>(aligned("avg", "half_pixel"), {1, 1, 2, 2}, Floats{0, 1, 4, 5});
  check<float>(aligned("max", "output_half_pixel"), {1, 1, 2, 2}, Floats{1.25F, 1.5F, 2.25F, 2.5F});
  CHECK_THROWS_AS(run(call("RoiAlign", {image, Tensor::copy_of<float>({0, 0, 2, 2}, {1, 4}),
                                        Tensor::copy_of<std::int64_t>({1})})),
                  Error);
}

TEST_CASE("Col2Im adds up overlapping blocks", "[ops][sampling]") {
  const auto folded = [](const Shape& shape, Longs image, Longs block,
                         std::initializer_list<Attributes::Item> attributes) {
    Tensor columns(DType::float32, shape);
    float next = 1;
    for (float& x : columns.as_mutable<float>()) x = next++;
    const auto n = static_cast<std::int64_t>(image.size());
    return run(call("Col2Im",
                    {columns, Tensor::copy_of(std::span<const std::int64_t>(image), {n}),
                     Tensor::copy_of(std::span<const std::int64_t>(block), {n})},
                    attributes))[0];
  };
  // Blocks [1, 3] at 0 and [2, 4] at 1.
  check<float>(folded({1, 2, 2}, {1, 3}, {1, 2}, {}), {1, 1, 1, 3}, Floats{1, 5, 4});
  check<float>(folded({1, 2, 2}, {1, 4}, {1, 2}, {{"strides", Longs{1, 2}}}), {1, 1, 1, 4},
               Floats{1, 3, 2, 4});
  check<float>(folded({1, 2, 2}, {1, 4}, {1, 2}, {{"dilations", Longs{1, 2}}}), {1, 1, 1, 4},
               Floats{1, 2, 3, 4});
  check<float>(folded({1, 2, 2}, {1, 1}, {1, 2}, {{"pads", Longs{0, 1, 0, 1}}}), {1, 1, 1, 1},
               Floats{5});
  check<float>(folded({0, 2, 2}, {1, 3}, {1, 2}, {}), {0, 1, 1, 3}, Floats{});
  CHECK_THROWS_AS(folded({1, 2, 3}, {1, 3}, {1, 2}, {}), Error);
  CHECK_THROWS_AS(folded({1, 3, 2}, {1, 3}, {1, 2}, {}), Error);
}
