#include <catch2/catch.hpp>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

/// 1, 2, 3 … in a tensor of that shape.
Tensor counting(const Shape& shape) {
  Tensor tensor(DType::float32, shape);
  float next = 0;
  for (float& x : tensor.as_mutable<float>()) x = ++next;
  return tensor;
}

/// Conv as its definition says, over any number of spatial axes, in double.
Tensor direct_conv(const Tensor& x, const Tensor& w, std::int64_t groups, const Int64s& strides,
                   const Int64s& dilations, const Int64s& pads, const Shape& output) {
  Tensor y = Tensor::zeros(DType::float32, output);
  const int rank = x.rank() - 2;
  const std::int64_t channels = w.dim(1), filters = w.dim(0) / groups;
  const std::int64_t outputs = output.product(2, output.rank());
  const std::int64_t taps = w.shape().product(2, w.rank());
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const std::int64_t filter = i / outputs % w.dim(0), n = i / outputs / w.dim(0);
    double sum = 0;
    for (std::int64_t k = 0; k < channels * taps; ++k) {
      std::int64_t at = n * x.dim(1) + filter / filters * channels + k / taps;
      std::int64_t out = i % outputs, tap = k % taps, size = 1, place = 0;
      bool inside = true;
      for (int axis = rank - 1; axis >= 0; --axis) {
        const auto s = static_cast<std::size_t>(axis);
        const std::int64_t position =
            out % output[axis + 2] * strides[s] - pads[s] + tap % w.dim(axis + 2) * dilations[s];
        inside = inside && position >= 0 && position < x.dim(axis + 2);
        place += position * size;
        size *= x.dim(axis + 2);
        out /= output[axis + 2];
        tap /= w.dim(axis + 2);
      }
      at = at * size + place;
      if (inside) {
        sum += static_cast<double>(x.as<float>()[static_cast<std::size_t>(at)]) *
               static_cast<double>(
                   w.as<float>()[static_cast<std::size_t>(filter * channels * taps + k)]);
      }
    }
    y.as_mutable<float>()[static_cast<std::size_t>(i)] = static_cast<float>(sum);
  }
  return y;
}

}  // namespace

TEST_CASE("Conv slides a kernel over a padded image", "[ops]") {
  const Tensor x = counting({1, 1, 3, 3});
  const Tensor ones = Tensor::copy_of({1.f, 1.f, 1.f, 1.f}, {1, 1, 2, 2});
  check(run({"Conv", {x, ones}}), Tensor::copy_of({12.f, 16.f, 24.f, 28.f}, {1, 1, 2, 2}));
  check(run({"Conv", {x, ones, Tensor::copy_of({100.f})}}),
        Tensor::copy_of({112.f, 116.f, 124.f, 128.f}, {1, 1, 2, 2}));
  check(run({"Conv",
             {x, ones},
             attributes({{"pads", Int64s{1, 1, 0, 0}}, {"strides", Int64s{2, 2}}})}),
        Tensor::copy_of({1.f, 5.f, 11.f, 28.f}, {1, 1, 2, 2}));
  check(run({"Conv", {x, ones}, attributes({{"auto_pad", std::string("SAME_LOWER")}})}),
        Tensor::copy_of({1.f, 3.f, 5.f, 5.f, 12.f, 16.f, 11.f, 24.f, 28.f}, {1, 1, 3, 3}));
  check(run({"Conv", {x, ones}, attributes({{"auto_pad", std::string("SAME_UPPER")}})}),
        Tensor::copy_of({12.f, 16.f, 9.f, 24.f, 28.f, 15.f, 15.f, 17.f, 9.f}, {1, 1, 3, 3}));
  check(run({"Conv", {x, ones}, attributes({{"dilations", Int64s{2, 2}}})}),
        Tensor::copy_of({20.f}, {1, 1, 1, 1}));
}

TEST_CASE("Conv agrees with its definition over groups, ranks and odd geometry", "[ops]") {
  std::mt19937 engine(11);
  struct Geometry {
    Shape x, w;
    std::int64_t groups;
    Int64s strides, dilations, pads;
    Shape output;
  };
  const Geometry geometry = GENERATE(
      Geometry{{2, 4, 9}, {6, 2, 3}, 2, {2}, {2}, {3, 1}, {2, 6, 5}},
      Geometry{{1, 3, 7, 6}, {4, 3, 3, 2}, 1, {1, 2}, {2, 1}, {0, 1, 2, 0}, {1, 4, 5, 3}},
      Geometry{{2, 6, 5, 5}, {6, 1, 3, 3}, 6, {1, 1}, {1, 1}, {1, 1, 1, 1}, {2, 6, 5, 5}},
      Geometry{{1, 4, 3, 70}, {2, 4, 1, 1}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 2, 3, 70}},
      Geometry{{1, 2, 4, 4, 4},
               {3, 2, 2, 3, 2},
               1,
               {2, 1, 3},
               {1, 1, 2},
               {1, 0, 2, 0, 1, 0},
               {1, 3, 2, 3, 2}});
  const Tensor x = random_tensor(engine, geometry.x), w = random_tensor(engine, geometry.w);
  check(run({"Conv",
             {x, w},
             attributes({{"group", geometry.groups},
                         {"strides", geometry.strides},
                         {"dilations", geometry.dilations},
                         {"pads", geometry.pads}})},
            "reference", 2),
        direct_conv(x, w, geometry.groups, geometry.strides, geometry.dilations, geometry.pads,
                    geometry.output),
        1e-4);
}

TEST_CASE("Conv computes 16-bit floats in float and doubles in double", "[ops]") {
  const auto convolve = [](auto one) {
    using T = decltype(one);
    const Tensor x = Tensor::copy_of({T(1.f), T(2.f), T(3.f)}, {1, 1, 3});
    const Tensor w = Tensor::copy_of({T(1.f), T(-1.f)}, {1, 1, 2});
    check(run({"Conv", {x, w, Tensor::copy_of({T(0.5f)})}}),
          Tensor::copy_of({T(-0.5f), T(-0.5f)}, {1, 1, 2}));
  };
  convolve(double{});
  convolve(float16{});
  convolve(bfloat16{});
}

TEST_CASE("Conv of nothing is nothing, or the bias", "[ops]") {
  const Tensor w = Tensor::zeros(DType::float32, {2, 1, 1});
  check(run({"Conv", {Tensor(DType::float32, {0, 1, 3}), w}}), Tensor(DType::float32, {0, 2, 3}));
  check(run({"Conv", {Tensor(DType::float32, {1, 1, 0}), w}}), Tensor(DType::float32, {1, 2, 0}));
  check(run({"Conv",
             {Tensor(DType::float32, {1, 0, 2}), Tensor(DType::float32, {2, 0, 1}),
              Tensor::copy_of({1.f, 2.f})}}),
        Tensor::copy_of({1.f, 1.f, 2.f, 2.f}, {1, 2, 2}));
  check(run({"Conv",
             {Tensor(DType::float32, {1, 1, 0}), w, Tensor::copy_of({1.f, 2.f})},
             attributes({{"pads", Int64s{1, 1}}})}),
        Tensor::copy_of({1.f, 1.f, 2.f, 2.f}, {1, 2, 2}));
}

TEST_CASE("Conv refuses weights and attributes that do not fit", "[ops]") {
  const Tensor x = counting({1, 4, 3, 3});
  const Tensor w = Tensor::zeros(DType::float32, {2, 4, 2, 2});
  CHECK_THROWS_AS(run({"Conv", {x, w}, attributes({{"group", std::int64_t{2}}})}), Error);
  CHECK_THROWS_AS(run({"Conv", {x, w}, attributes({{"group", std::int64_t{0}}})}), Error);
  CHECK_THROWS_AS(run({"Conv", {x, w}, attributes({{"strides", Int64s{0, 1}}})}), Error);
  CHECK_THROWS_AS(run({"Conv", {x, w}, attributes({{"pads", Int64s{1, 1}}})}), Error);
  CHECK_THROWS_AS(run({"Conv", {x, w}, attributes({{"dilations", Int64s{4, 4}}})}), Error);
  CHECK_THROWS_AS(run({"Conv", {x, w}, attributes({{"kernel_shape", Int64s{3, 3}}})}), Error);
  CHECK_THROWS_AS(run({"Conv", {x, w, Tensor::copy_of({1.f})}}), Error);
}

TEST_CASE("ConvTranspose spreads each element over the output", "[ops]") {
  const Tensor x = Tensor::copy_of({1.f, 2.f, 3.f}, {1, 1, 3});
  const Tensor w = Tensor::copy_of({1.f, 10.f}, {1, 1, 2});
  const auto transposed = [&](Attributes items) {
    return run({"ConvTranspose", {x, w}, std::move(items)});
  };
  check(transposed({}), Tensor::copy_of({1.f, 12.f, 23.f, 30.f}, {1, 1, 4}));
  check(transposed(attributes({{"strides", Int64s{2}}})),
        Tensor::copy_of({1.f, 10.f, 2.f, 20.f, 3.f, 30.f}, {1, 1, 6}));
  check(transposed(attributes({{"strides", Int64s{2}}, {"pads", Int64s{1, 1}}})),
        Tensor::copy_of({10.f, 2.f, 20.f, 3.f}, {1, 1, 4}));
  check(transposed(attributes({{"strides", Int64s{3}}, {"output_padding", Int64s{1}}})),
        Tensor::copy_of({1.f, 10.f, 0.f, 2.f, 20.f, 0.f, 3.f, 30.f, 0.f}, {1, 1, 9}));
  check(transposed(attributes({{"dilations", Int64s{2}}})),
        Tensor::copy_of({1.f, 2.f, 13.f, 20.f, 30.f}, {1, 1, 5}));
  check(transposed(attributes({{"output_shape", Int64s{3}}})),
        Tensor::copy_of({12.f, 23.f, 30.f}, {1, 1, 3}));
  check(transposed(attributes({{"auto_pad", std::string("SAME_UPPER")}})),
        Tensor::copy_of({1.f, 12.f, 23.f}, {1, 1, 3}));
}

TEST_CASE("ConvTranspose keeps groups apart and adds the bias", "[ops]") {
  const Tensor x = Tensor::copy_of({1.f, 2.f}, {1, 2, 1});
  const Tensor w = Tensor::copy_of({1.f, 2.f, 3.f, 4.f}, {2, 2, 1});
  check(run({"ConvTranspose",
             {x, w, Tensor::copy_of({10.f, 20.f, 30.f, 40.f})},
             attributes({{"group", std::int64_t{2}}})}),
        Tensor::copy_of({11.f, 22.f, 36.f, 48.f}, {1, 4, 1}));
  check(run({"ConvTranspose", {Tensor(DType::float32, {0, 2, 1}), w}}),
        Tensor(DType::float32, {0, 2, 1}));
}

TEST_CASE("ConvInteger subtracts zero points and pads with them", "[ops]") {
  using u8 = std::uint8_t;
  const Tensor x = Tensor::copy_of({u8{2}, u8{3}, u8{4}}, {1, 1, 3});
  const Tensor w = Tensor::copy_of({u8{1}, u8{1}, u8{5}, u8{5}}, {2, 1, 2});
  check(run({"ConvInteger", {x, w, Tensor::scalar(u8{1})}, attributes({{"pads", Int64s{1, 0}}})}),
        Tensor::copy_of<std::int32_t>({1, 3, 5, 5, 15, 25}, {1, 2, 3}));
  check(run({"ConvInteger", {x, w, Tensor::scalar(u8{1}), Tensor::copy_of({u8{1}, u8{4}})}}),
        Tensor::copy_of<std::int32_t>({0, 0, 3, 5}, {1, 2, 2}));
}

TEST_CASE("DeformConv without offsets is Conv, and samples between elements", "[ops]") {
  const Tensor x = counting({1, 1, 3, 3});
  const Tensor w = Tensor::copy_of({1.f, 1.f, 1.f, 1.f}, {1, 1, 2, 2});
  Tensor offset = Tensor::zeros(DType::float32, {1, 8, 2, 2});
  check(run({"DeformConv", {x, w, offset}}),
        Tensor::copy_of({12.f, 16.f, 24.f, 28.f}, {1, 1, 2, 2}));
  offset.as_mutable<float>()[0] = 0.5f;  // the first tap of the first window, half a row down
  check(run({"DeformConv", {x, w, offset}}),
        Tensor::copy_of({13.5f, 16.f, 24.f, 28.f}, {1, 1, 2, 2}));
  offset.as_mutable<float>()[0] = -0.5f;  // half of it lies outside
  check(run({"DeformConv", {x, w, offset}}),
        Tensor::copy_of({11.5f, 16.f, 24.f, 28.f}, {1, 1, 2, 2}));
  Tensor mask = Tensor::zeros(DType::float32, {1, 4, 2, 2});
  mask.as_mutable<float>()[0] = 2;
  check(run({"DeformConv", {x, w, offset, Tensor::copy_of({1.f}), mask}}),
        Tensor::copy_of({2.f, 1.f, 1.f, 1.f}, {1, 1, 2, 2}));
}

TEST_CASE("CausalConvWithState carries the end of its input to the next call", "[ops]") {
  Call call{
      "CausalConvWithState",
      {Tensor::copy_of({1.f, 2.f}, {1, 1, 2}), Tensor::copy_of({1.f, 10.f, 100.f}, {1, 1, 3})}};
  call.version = 27;
  call.outputs = 2;
  auto outputs = run(call);
  check(outputs, Tensor::copy_of({100.f, 210.f}, {1, 1, 2}));
  check(outputs, Tensor::copy_of({1.f, 2.f}, {1, 1, 2}), 0, 1);
  call.inputs = {Tensor::copy_of({3.f}, {1, 1, 1}), call.inputs[1], Value(), outputs[1]};
  outputs = run(call);
  check(outputs, Tensor::copy_of({321.f}, {1, 1, 1}));
  check(outputs, Tensor::copy_of({2.f, 3.f}, {1, 1, 2}), 0, 1);
}
