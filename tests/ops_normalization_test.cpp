#include <cmath>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

Attributes::Item axis(std::int64_t value) { return {"axis", value}; }
const Attributes::Item no_epsilon{"epsilon", 0.0f};

}  // namespace

TEST_CASE("Softmax goes along one axis", "[ops][normalization]") {
  const float third = std::log(3.0f);
  const Tensor x = Tensor::copy_of<float>({0, third, 0, 0}, {2, 2});
  check<float>(run(call("Softmax", {x}))[0], {2, 2}, {0.25f, 0.75f, 0.5f, 0.5f});
  check<float>(run(call("Softmax", {x}, {axis(0)}))[0], {2, 2}, {0.5f, 0.75f, 0.5f, 0.25f});
  check<float>(run(call("LogSoftmax", {x}))[0], {2, 2},
               {std::log(0.25f), std::log(0.75f), std::log(0.5f), std::log(0.5f)});
  check<float>(run(call("Hardmax", {x}))[0], {2, 2}, {0, 1, 1, 0});
  check<float>(run(call("Softmax", {Tensor::copy_of<float>({1e30f, -1e30f})}))[0], {2}, {1, 0});
  const Tensor huge = Tensor::copy_of<float>({1e30f, 1e30f, 1e30f, 1e30f});
  check<float>(run(call("Softmax", {huge}))[0], {4}, {0.25f, 0.25f, 0.25f, 0.25f});
  check<float>(run(call("LogSoftmax", {huge}))[0], {4}, std::vector<float>(4, std::log(0.25f)));
  check<float16>(run(call("Softmax", {tensor<float16>({2}, {3, 3})}))[0], {2},
                 {float16(0.5f), float16(0.5f)});
  check<float>(run(call("Softmax", {Tensor(DType::float32, {2, 0})}))[0], {2, 0}, {});
  CHECK_THROWS_AS(run(call("Softmax", {Tensor::scalar(1.0f)})), Error);
}

TEST_CASE("before opset 13 Softmax flattened the axes from axis on", "[ops][normalization]") {
  const Tensor x = Tensor(Tensor::zeros(DType::float32, {2, 2, 2}));
  const std::vector<float> quarters(8, 0.25f);
  const std::vector<float> halves(8, 0.5f);
  const std::vector<float> eighths(8, 0.125f);
  check<float>(run(call("Softmax", {x}, {}, 11))[0], {2, 2, 2}, quarters);
  check<float>(run(call("Softmax", {x}, {axis(0)}, 7))[0], {2, 2, 2}, eighths);
  check<float>(run(call("Softmax", {x}, {axis(-1)}, 11))[0], {2, 2, 2}, halves);
  check<float>(run(call("Softmax", {x}, {}, 13))[0], {2, 2, 2}, halves);
  check<float>(run(call("Softmax", {Tensor::copy_of<float>({5, 6})}, {}, 7))[0], {2}, {1, 1});
}

TEST_CASE("BatchNormalization with given and with its own statistics", "[ops][normalization]") {
  const Tensor x = Tensor::copy_of<float>({1, 3, 10, 30, 5, 7, 50, 70}, {2, 2, 2});
  const Tensor scale = Tensor::copy_of<float>({1, 10});
  const Tensor bias = Tensor::copy_of<float>({0, 1});
  const Tensor mean = Tensor::copy_of<float>({1, 10});
  const Tensor variance = Tensor::copy_of<float>({4, 100});
  check<float>(
      run(call("BatchNormalization", {x, scale, bias, mean, variance}, {no_epsilon}, 9))[0],
      {2, 2, 2}, {0, 1, 1, 21, 2, 3, 41, 61});

  const auto trained =
      run(call("BatchNormalization", {x, scale, bias, mean, variance},
               {no_epsilon, {"training_mode", std::int64_t{1}}, {"momentum", 0.5f}}, 15, 3));
  const float s = 1 / std::sqrt(5.0f);  // channel 0: mean 4, variance 5; channel 1: ten times that
  check<float>(trained[0], {2, 2, 2},
               {-3 * s, -s, 1 - 30 * s, 1 - 10 * s, s, 3 * s, 1 + 10 * s, 1 + 30 * s});
  check<float>(trained[1], {2}, {2.5f, 25});
  check<float>(trained[2], {2}, {4.5f, 300});

  const Tensor one = Tensor::copy_of<float>({1});
  check<float>(run(call("BatchNormalization", {Tensor::copy_of<float>({3, 5}), one, one, one, one},
                        {no_epsilon}, 15))[0],
               {2}, {3, 5});
  CHECK_THROWS_AS(run(call("BatchNormalization", {x, one, bias, mean, variance}, {}, 15)), Error);
}

TEST_CASE("LayerNormalization gives its statistics, too", "[ops][normalization]") {
  const Tensor x = Tensor::copy_of<float>({1, 3, 5, 5, 9, 13}, {2, 3});
  const Tensor scale = Tensor::copy_of<float>({1, 2, 3});
  const Tensor bias = Tensor::copy_of<float>({10});
  const auto out = run(call("LayerNormalization", {x, scale, bias}, {no_epsilon}, 17, 3));
  const float s = std::sqrt(1.5f);
  check<float>(out[0], {2, 3}, {10 - s, 10, 10 + 3 * s, 10 - s, 10, 10 + 3 * s});
  check<float>(out[1], {2, 1}, {3, 9});
  check<float>(out[2], {2, 1}, {s / 2, s / 4});
  check<float>(
      run(call("LayerNormalization", {x, Tensor::scalar(1.0f)}, {axis(0), no_epsilon}, 17, 2))[1],
      {1, 1}, {6});
  const auto half = run(call("LayerNormalization",
                             {tensor<float16>({1, 2}, {1, 3}), tensor<float16>({2}, {1, 2})},
                             {no_epsilon}, 17, 2));
  check<float16>(half[0], {1, 2}, {float16(-1), float16(2)});
  check<float>(half[1], {1, 1}, {2});
  check<float>(run(call("LayerNormalization", {Tensor(DType::float32, {0, 3}), scale}, {}, 17))[0],
               {0, 3}, {});
}

TEST_CASE("InstanceNormalization and GroupNormalization", "[ops][normalization]") {
  const Tensor x = Tensor::copy_of<float>({1, 3, 10, 30}, {1, 2, 2});
  const Tensor scale = Tensor::copy_of<float>({1, 2});
  const Tensor bias = Tensor::copy_of<float>({0, 1});
  check<float>(run(call("InstanceNormalization", {x, scale, bias}, {no_epsilon}))[0], {1, 2, 2},
               {-1, 1, -1, 3});
  const Attributes::Item two{"num_groups", std::int64_t{2}};
  check<float>(run(call("GroupNormalization", {x, scale, bias}, {no_epsilon, two}))[0], {1, 2, 2},
               {-1, 1, -1, 3});
  // Four channels in two groups: opset 18 scales groups, opset 21 channels.
  const Tensor wide = Tensor::copy_of<float>({1, 3, 10, 30}, {1, 4, 1});
  check<float>(run(call("GroupNormalization", {wide, scale, bias}, {no_epsilon, two}, 18))[0],
               {1, 4, 1}, {-1, 1, -1, 3});
  const Tensor four = Tensor::copy_of<float>({1, 2, 3, 4});
  const Tensor zeros = Tensor::zeros(DType::float32, {4});
  check<float>(run(call("GroupNormalization", {wide, four, zeros}, {no_epsilon, two}, 21))[0],
               {1, 4, 1}, {-1, 2, -3, 4});
  CHECK_THROWS_AS(
      run(call("GroupNormalization", {wide, four, zeros}, {{"num_groups", std::int64_t{3}}}, 21)),
      Error);
}

TEST_CASE("RMSNormalization, LpNormalization, MeanVarianceNormalization", "[ops][normalization]") {
  const Tensor x = Tensor::copy_of<float>({1, 7, -3, 4}, {2, 2});
  check<float>(
      run(call("RMSNormalization", {x, Tensor::copy_of<float>({1, 2})}, {no_epsilon}, 23))[0],
      {2, 2}, {0.2f, 2.8f, -3 / std::sqrt(12.5f), 8 / std::sqrt(12.5f)});
  check<float>(run(call("LpNormalization", {x}, {{"p", std::int64_t{1}}}))[0], {2, 2},
               {0.125f, 0.875f, -3 / 7.0f, 4 / 7.0f});
  const Tensor line = Tensor::copy_of<float>({3, 4, 0, 0}, {2, 2});
  check<float>(run(call("LpNormalization", {line}))[0], {2, 2}, {0.6f, 0.8f, 0, 0});
  const Tensor image = Tensor::copy_of<float>({1, 3, 10, 30}, {1, 2, 1, 2});
  check<float>(run(call("MeanVarianceNormalization", {image}))[0], {1, 2, 1, 2}, {-1, 1, -1, 1});
}

TEST_CASE("LRN sums over neighbouring channels", "[ops][normalization]") {
  const Tensor x = Tensor::copy_of<float>({1, 2, 3}, {1, 3, 1, 1});
  const auto y = run(call(
      "LRN", {x}, {{"size", std::int64_t{2}}, {"alpha", 2.0f}, {"beta", 1.0f}, {"bias", 1.0f}}));
  // The region of an even size reaches further up than down.
  check<float>(y[0], {1, 3, 1, 1}, {1 / 6.0f, 2 / 14.0f, 3 / 10.0f});
}

TEST_CASE("losses weight, ignore and reduce", "[ops][normalization]") {
  const Tensor scores = Tensor::copy_of<float>({1, 2, 3, 4}, {2, 2});
  const Tensor labels = Tensor::copy_of<std::int64_t>({0, 1});
  const Tensor weights = Tensor::copy_of<float>({1, 3});
  const Attributes::Item none{"reduction", std::string("none")};
  const Attributes::Item sum{"reduction", std::string("sum")};
  const char* nll = "NegativeLogLikelihoodLoss";
  check<float>(run(call(nll, {scores, labels}, {none}))[0], {2}, {-1, -4});
  check<float>(run(call(nll, {scores, labels}))[0], {}, {-2.5f});
  check<float>(run(call(nll, {scores, labels, weights}))[0], {}, {-13 / 4.0f});
  check<float>(run(call(nll, {scores, labels, weights}, {sum}))[0], {}, {-13});
  check<float>(run(call(nll, {scores, labels}, {{"ignore_index", std::int64_t{0}}}))[0], {}, {-4});
  check<float>(run(call(nll, {scores, Tensor::copy_of<std::int64_t>({-1, 1})},
                        {{"ignore_index", std::int64_t{-1}}, none}))[0],
               {2}, {0, -4});
  CHECK_THROWS_AS(run(call(nll, {scores, Tensor::copy_of<std::int64_t>({2, 0})})), Error);
  CHECK_THROWS_AS(run(call(nll, {scores, Tensor::copy_of<std::int64_t>({0})})), Error);

  const Tensor flat = Tensor::zeros(DType::float32, {1, 2, 2});
  const Tensor pixels = Tensor::copy_of<std::int32_t>({0, 1}, {1, 2});
  const auto entropy = run(call("SoftmaxCrossEntropyLoss", {flat, pixels}, {none}, 13, 2));
  const float ln2 = std::log(2.0f);
  check<float>(entropy[0], {1, 2}, {ln2, ln2});
  check<float>(entropy[1], {1, 2, 2}, {-ln2, -ln2, -ln2, -ln2});
}
