#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Floats = std::vector<float>;
using Longs = std::vector<std::int64_t>;

Attributes::Item text(std::string name, std::string value) { return {name, std::move(value)}; }

/// Resize of a row of floats by scales, unless sizes are given.
Value resized(Floats row, float scale, std::initializer_list<Attributes::Item> attributes,
              Value sizes = {}, Value roi = {}) {
  const auto n = static_cast<std::int64_t>(row.size());
  const Value scales = sizes.has_value() ? Value() : Value(Tensor::copy_of<float>({scale}));
  return run(call(
      "Resize",
      {Tensor::copy_of(std::span<const float>(row), {n}), std::move(roi), scales, std::move(sizes)},
      attributes, 19))[0];
}

Value to_size(std::int64_t size) { return Tensor::copy_of<std::int64_t>({size}); }

}  // namespace

TEST_CASE("Resize to the nearest element", "[ops][resize]") {
  check<float>(resized({1, 2}, 2, {}), {4}, Floats{1, 1, 2, 2});
  check<float>(resized({1, 2, 3, 4}, 0.5F, {}), {2}, Floats{1, 3});
  check<float>(resized({1, 2, 3, 4}, 0.5F, {text("nearest_mode", "round_prefer_ceil")}), {2},
               Floats{2, 4});
  check<float>(resized({1, 2, 3, 4}, 0.5F, {text("nearest_mode", "floor")}), {2}, Floats{1, 3});
  check<float>(resized({1, 2, 3, 4}, 0.5F, {text("nearest_mode", "ceil")}), {2}, Floats{2, 4});
  check<float>(
      resized({1, 2, 3}, 1,
              {text("coordinate_transformation_mode", "asymmetric"), text("nearest_mode", "floor")},
              to_size(5)),
      {5}, Floats{1, 1, 2, 2, 3});
  check<float>(
      resized({1, 2, 3, 4}, 0.5F, {text("coordinate_transformation_mode", "tf_half_pixel_for_nn")}),
      {2}, Floats{2, 4});
  CHECK_THROWS_AS(resized({1, 2}, 2, {text("coordinate_transformation_mode", "corners")}), Error);
}

TEST_CASE("Resize moves any dtype to the nearest element", "[ops][resize]") {
  const auto outputs = run(call(
      "Resize", {Tensor::copy_of<std::string>({"a", "b"}), Value(), Tensor::copy_of<float>({2})},
      {}, 13));
  check<std::string>(outputs[0], {4}, {"a", "a", "b", "b"});
}

TEST_CASE("Resize before opset 11 has no half pixels", "[ops][resize]") {
  const Value x = Tensor::copy_of<float>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 1, 2, 4});
  const Value scales = Tensor::copy_of<float>({1, 1, 0.6F, 0.6F});
  check<float>(run(call("Resize", {x, scales}, {}, 10))[0], {1, 1, 1, 2}, Floats{1, 3});
  const Value twice = Tensor::copy_of<float>({2});
  const Value row = Tensor::copy_of<float>({1, 2});
  check<float>(run(call("Resize", {row, twice}, {text("mode", "linear")}, 10))[0], {4},
               Floats{1, 1.5F, 2, 2});
  check<float>(run(call("Upsample", {row, twice}, {text("mode", "linear")}, 9))[0], {4},
               Floats{1, 1.5F, 2, 2});
  check<float>(run(call("Upsample", {row}, {{"scales", std::vector<float>{2}}}, 7))[0], {4},
               Floats{1, 1, 2, 2});
}

TEST_CASE("Resize with linear weights", "[ops][resize]") {
  const Attributes::Item linear = text("mode", "linear");
  check<float>(resized({0, 1}, 2, {linear}), {4}, Floats{0, 0.25F, 0.75F, 1});
  check<float>(
      resized({0, 3}, 2, {linear, text("coordinate_transformation_mode", "align_corners")}), {4},
      Floats{0, 1, 2, 3});
  check<float>(
      resized({4, 6, 9}, 1, {linear, text("coordinate_transformation_mode", "pytorch_half_pixel")},
              to_size(1)),
      {1}, Floats{4});
  check<float>(resized({0, 4}, 1, {linear}, to_size(0)), {0}, Floats{});
  // scale 2.5 makes 7.5 elements, 7 of them whole: the middle stays in the middle.
  check<float>(resized({0, 1, 2}, 2.5F,
                       {linear, text("coordinate_transformation_mode", "half_pixel_symmetric")}),
               {7}, Floats{0, 0.2F, 0.6F, 1, 1.4F, 1.8F, 2}, 1e-5);
}

TEST_CASE("Resize with antialiasing takes every element into account", "[ops][resize]") {
  const Attributes::Item linear = text("mode", "linear"), smooth{"antialias", std::int64_t{1}};
  // A triangle of half width 2 around 0.5: weights 0.125, 0.375, 0.375, 0.125 of elements -1 ... 2.
  check<float>(resized({8, 8, 16, 8}, 0.5F, {linear, smooth}), {2}, Floats{9, 11}, 1e-5);
  check<float>(resized({8, 8, 16, 8}, 0.5F, {linear, smooth, {"exclude_outside", std::int64_t{1}}}),
               {2}, Floats{8 + 8.0F / 7, 8 + 8 * 3.0F / 7}, 1e-5);
}

TEST_CASE("Resize with cubic weights", "[ops][resize]") {
  const Attributes::Item cubic = text("mode", "cubic");
  // At a quarter, a = -0.75: -0.10546875, 0.87890625, 0.26171875, -0.03515625.
  check<float>(resized({0, 0, 1, 0}, 2, {cubic}), {8},
               Floats{0, -0.03515625F, -0.10546875F, 0.26171875F, 0.87890625F, 0.87890625F,
                      0.26171875F, -0.10546875F});
  check<float>(resized({5, 5}, 2, {cubic, {"exclude_outside", std::int64_t{1}}}), {4},
               Floats{5, 5, 5, 5});
}

TEST_CASE("Resize crops and extrapolates", "[ops][resize]") {
  const std::initializer_list<Attributes::Item> crop = {
      text("mode", "linear"),
      text("coordinate_transformation_mode", "tf_crop_and_resize"),
      {"extrapolation_value", 9.0F}};
  check<float>(resized({0, 1, 2, 3}, 1, crop, to_size(3), Tensor::copy_of<float>({0, 2.0F / 3})),
               {3}, Floats{0, 1, 2}, 1e-5);
  check<float>(resized({0, 1, 2}, 1, crop, to_size(3), Tensor::copy_of<float>({0.5F, 1.5F})), {3},
               Floats{1, 2, 9});
  check<float>(resized({0, 1, 2, 3}, 1, crop, {}, Tensor::copy_of<float>({0, 0.5F})), {2},
               Floats{0, 1.5F});
}

TEST_CASE("Resize keeps the aspect ratio", "[ops][resize]") {
  const auto shape_of = [](std::string policy, std::vector<std::int64_t> sizes, Longs axes) {
    const auto n = static_cast<std::int64_t>(sizes.size());
    return run(call(
        "Resize",
        {Tensor::zeros(DType::float32, {1, 4, 2}), Value(), Value(),
         Tensor::copy_of(std::span<const std::int64_t>(sizes), {n})},
        {text("keep_aspect_ratio_policy", std::move(policy)), {"axes", std::move(axes)}}, 18))[0]
        .tensor()
        .shape();
  };
  CHECK(shape_of("not_larger", {6, 6}, {1, 2}) == Shape{1, 6, 3});
  CHECK(shape_of("not_smaller", {6, 6}, {-2, -1}) == Shape{1, 12, 6});
  CHECK(shape_of("stretch", {7}, {2}) == Shape{1, 4, 7});
}

TEST_CASE("Resize of integers truncates and clamps", "[ops][resize]") {
  const Value x = Tensor::copy_of<std::uint8_t>({255, 255, 0});
  const auto linear =
      run(call("Resize", {x, Value(), Tensor::copy_of<float>({2})}, {text("mode", "linear")}, 13));
  check<std::uint8_t>(linear[0], {6}, {255, 255, 255, 191, 63, 0});
  const auto cubic =
      run(call("Resize", {x, Value(), Tensor::copy_of<float>({2})}, {text("mode", "cubic")}, 13));
  CHECK(cubic[0].tensor().as<std::uint8_t>()[2] == 255);
}

TEST_CASE("Resize refuses what makes no sense", "[ops][resize]") {
  CHECK_THROWS_AS(resized({1, 2}, -1, {}), Error);
  CHECK_THROWS_AS(resized({1, 2}, 1e30F, {}), Error);
  CHECK_THROWS_AS(resized({}, 1, {}, to_size(2)), Error);
  CHECK_THROWS_AS(resized({1, 2}, 2, {text("mode", "quadratic")}), Error);
}
