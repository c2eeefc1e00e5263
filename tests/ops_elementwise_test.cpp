#include <cmath>
#include <limits>
#include <numbers>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Ints = std::vector<std::int32_t>;
using Floats = std::vector<float>;
using Bools = std::vector<bool>;

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float no_number = std::numeric_limits<float>::quiet_NaN();

void check_bools(const Value& value, const Shape& shape, const Bools& expected) {
  REQUIRE(to_string(value.tensor().shape()) == to_string(shape));
  const auto actual = value.tensor().as<bool>();
  CHECK(Bools(actual.begin(), actual.end()) == expected);
}

}  // namespace

TEST_CASE("unary functions of floats", "[ops][elementwise]") {
  const Tensor x = Tensor::copy_of<float>({-1.5f, -0.0f, 0.5f, 2.5f}, {2, 2});
  check<float>(run(call("Abs", {x}))[0], {2, 2}, {1.5f, 0, 0.5f, 2.5f});
  check<float>(run(call("Neg", {x}))[0], {2, 2}, {1.5f, 0, -0.5f, -2.5f});
  check<float>(run(call("Floor", {x}))[0], {2, 2}, {-2, 0, 0, 2});
  check<float>(run(call("Ceil", {x}))[0], {2, 2}, {-1, 0, 1, 3});
  check<float>(run(call("Round", {x}))[0], {2, 2}, {-2, 0, 0, 2});
  check<float>(run(call("Sign", {x}))[0], {2, 2}, {-1, 0, 1, 1});
  check<float>(run(call("Exp", {x}))[0], {2, 2}, {0.22313016f, 1, 1.6487213f, 12.182494f});
  check<float>(run(call("Erf", {x}))[0], {2, 2}, {-0.96610515f, 0, 0.5204999f, 0.99959305f});
  check<float>(run(call("Sqrt", {x}))[0], {2, 2}, {no_number, 0, 0.70710678f, 1.5811388f});
  check<float>(run(call("Reciprocal", {x}))[0], {2, 2}, {-2 / 3.0f, -inf, 2, 0.4f});
}

TEST_CASE("every float type computes in its own or a wider precision", "[ops][elementwise]") {
  check<float16>(run(call("Tanh", {tensor<float16>({2}, {0, 1})}))[0], {2},
                 {float16(0), float16(0.76159416f)});
  check<bfloat16>(run(call("Sigmoid", {tensor<bfloat16>({1}, {2})}))[0], {1},
                  {bfloat16(0.880797f)});
  check<double>(run(call("Log", {tensor<double>({1}, {2})}))[0], {1}, {std::numbers::ln2}, 1e-15);
}

TEST_CASE("integers wrap around", "[ops][elementwise]") {
  const Tensor x = Tensor::copy_of<std::int8_t>({-128, 127, 3});
  const Tensor y = Tensor::copy_of<std::int8_t>({-1, 127, -5});
  using Small = std::vector<std::int8_t>;
  check(run(call("Abs", {x}))[0], {3}, Small{-128, 127, 3});
  check(run(call("Add", {x, y}))[0], {3}, Small{127, -2, -2});
  check(run(call("Mul", {x, y}))[0], {3}, Small{-128, 1, -15});
  check(run(call("Div", {x, y}))[0], {3}, Small{-128, 1, 0});
}

TEST_CASE("dividing integers by zero is an error, floats give infinity", "[ops][elementwise]") {
  const Tensor one = Tensor::copy_of<std::int32_t>({1});
  const Tensor zero = Tensor::copy_of<std::int32_t>({0});
  CHECK_THROWS_AS(run(call("Div", {one, zero})), Error);
  CHECK_THROWS_AS(run(call("Mod", {one, zero})), Error);
  check<float>(run(call("Div", {Tensor::scalar(1.0f), Tensor::scalar(0.0f)}))[0], {}, {inf});
}

TEST_CASE("binary operators broadcast both ways", "[ops][elementwise]") {
  const Tensor column = Tensor::copy_of<float>({1, 2}, {2, 1});
  const Tensor row = Tensor::copy_of<float>({10, 20, 30}, {3});
  check<float>(run(call("Add", {column, row}))[0], {2, 3}, {11, 21, 31, 12, 22, 32});
  check<float>(run(call("Sub", {Tensor::scalar(1.0f), row}))[0], {3}, {-9, -19, -29});
  const Tensor cube = Tensor::copy_of<std::int32_t>({1, 2, 3, 4}, {2, 1, 2});
  const Tensor two = Tensor::copy_of<std::int32_t>({10, 100}, {2, 1});
  check(run(call("Mul", {cube, two}))[0], {2, 2, 2}, Ints{10, 20, 100, 200, 30, 40, 300, 400});
  CHECK_THROWS_AS(run(call("Add", {row, Tensor(DType::float32, {2})})), Error);
}

TEST_CASE("tensors without elements stay so", "[ops][elementwise]") {
  const Tensor none(DType::float32, {0, 3});
  check<float>(run(call("Relu", {none}))[0], {0, 3}, {});
  check<float>(run(call("Add", {none, Tensor::scalar(1.0f)}))[0], {0, 3}, {});
  check<float>(run(call("Max", {none, Tensor(DType::float32, {1, 3})}))[0], {0, 3}, {});
  CHECK_THROWS_AS(run(call("Add", {none, Tensor(DType::float32, {2, 3})})), Error);
}

TEST_CASE("Mod takes the sign of the divisor, fmod that of the dividend", "[ops][elementwise]") {
  const Tensor a = Tensor::copy_of<std::int32_t>({-4, 7, 5, 4, -7, 8});
  const Tensor b = Tensor::copy_of<std::int32_t>({2, -3, 8, -2, 3, 5});
  check(run(call("Mod", {a, b}))[0], {6}, Ints{0, -2, 5, 0, 2, 3});
  check(run(call("Mod", {a, b}, {{"fmod", std::int64_t{1}}}))[0], {6}, Ints{0, 1, 5, 0, -1, 3});
  const Tensor x = Tensor::copy_of<float>({-1, 1, -1});
  const Tensor y = Tensor::copy_of<float>({inf, inf, 0});
  check<float>(run(call("Mod", {x, y}, {}, 28))[0], {3}, {inf, 1, no_number});
}

TEST_CASE("Pow keeps the base's type", "[ops][elementwise]") {
  const Tensor base = Tensor::copy_of<std::int32_t>({2, -3, 1, -1});
  check(run(call("Pow", {base, Tensor::scalar<std::int64_t>(5)}))[0], {4}, Ints{32, -243, 1, -1});
  check(run(call("Pow", {base, Tensor::copy_of<std::int8_t>({-1, -1, -3, -3})}))[0], {4},
        Ints{0, 0, 1, -1});
  check(run(call("Pow", {Tensor::copy_of<std::int32_t>({9}), Tensor::scalar(0.5f)}))[0], {1},
        Ints{3});
  check<float>(run(call("Pow", {Tensor::scalar(2.0f), Tensor::scalar<std::int32_t>(-1)}))[0], {},
               {0.5f});
}

TEST_CASE("Max and Min take any number of tensors and keep NaN", "[ops][elementwise]") {
  const Tensor a = Tensor::copy_of<float>({1, no_number, 3});
  const Tensor b = Tensor::copy_of<float>({2, 1, no_number});
  check<float>(run(call("Max", {a, b, Tensor::scalar(1.5f)}))[0], {3}, {2, no_number, no_number});
  check<float>(run(call("Min", {a, b, Tensor::scalar(1.5f)}))[0], {3}, {1, no_number, no_number});
  check<float>(run(call("Sum", {a}))[0], {3}, {1, no_number, 3});
  const Tensor c = Tensor::copy_of<float>({3, 5}, {2, 1});
  check<float>(run(call("Mean", {c, Tensor::copy_of<float>({1, 3})}))[0], {2, 2}, {2, 3, 3, 4});
}

TEST_CASE("activations", "[ops][elementwise]") {
  const Tensor x = Tensor::copy_of<float>({-2, 0, 3});
  check<float>(run(call("LeakyRelu", {x}, {{"alpha", 0.1f}}))[0], {3}, {-0.2f, 0, 3});
  check<float>(run(call("Elu", {x}))[0], {3}, {-0.86466472f, 0, 3});
  check<float>(run(call("Selu", {x}))[0], {3}, {-1.5201665f, 0, 3.152103f});
  check<float>(run(call("Celu", {x}, {{"alpha", 2.0f}}))[0], {3}, {-1.2642411f, 0, 3});
  check<float>(run(call("HardSigmoid", {x}))[0], {3}, {0.1f, 0.5f, 1});
  check<float>(run(call("HardSwish", {x}))[0], {3}, {-1 / 3.0f, 0, 3});
  check<float>(run(call("Softplus", {x}))[0], {3}, {0.12692801f, 0.6931472f, 3.0485873f});
  check<float>(run(call("Softsign", {x}))[0], {3}, {-2 / 3.0f, 0, 0.75f});
  check<float>(run(call("Gelu", {x}))[0], {3}, {-0.04550026f, 0, 2.9959502f});
  check<float>(run(call("Gelu", {x}, {{"approximate", std::string("tanh")}}))[0], {3},
               {-0.04540229f, 0, 2.9963627f});
  check<float>(run(call("Mish", {x}))[0], {3}, {-0.25250148f, 0, 2.9865351f});
  check<float>(run(call("Swish", {x}, {{"alpha", 2.0f}}, 24))[0], {3},
               {-0.03597242f, 0, 2.9925821f});
  check<float>(run(call("Shrink", {x}, {{"lambd", 1.5f}, {"bias", 1.0f}}))[0], {3}, {-1, 0, 2});
  check<float>(run(call("ThresholdedRelu", {x}, {{"alpha", 2.0f}}))[0], {3}, {0, 0, 3});
  check<float>(run(call("SwiGLU", {x, x}, {}, 28))[0], {3}, {0.4768117f, 0, 8.573168f});
  check(run(call("Relu", {Tensor::copy_of<std::int32_t>({-1, 2})}))[0], {2}, Ints{0, 2});
  const Tensor slope = Tensor::copy_of<float>({0.5f, 2}, {2, 1});
  const Tensor matrix = Tensor::copy_of<float>({-1, 1, -1, 1}, {2, 2});
  check<float>(run(call("PRelu", {matrix, slope}))[0], {2, 2}, {-0.5f, 1, -2, 1});
  check<float>(run(call("Sigmoid", {Tensor::copy_of<float>({-1000, 1000})}))[0], {2}, {0, 1});
}

TEST_CASE("Clip takes its bounds as inputs, before opset 11 as attributes", "[ops][elementwise]") {
  const Tensor x = Tensor::copy_of<float>({-2, 0, 3, inf});
  const Value absent;
  check<float>(run(call("Clip", {x, Tensor::scalar(-1.0f), Tensor::scalar(1.0f)}))[0], {4},
               {-1, 0, 1, 1});
  check<float>(run(call("Clip", {x, absent, Tensor::scalar(1.0f)}))[0], {4}, {-2, 0, 1, 1});
  check<float>(run(call("Clip", {x}))[0], {4}, {-2, 0, 3, inf});
  check<float>(run(call("Clip", {x}, {{"min", -1.0f}, {"max", 2.0f}}, 6))[0], {4}, {-1, 0, 2, 2});
  check<float>(run(call("Clip", {x, Tensor::scalar(2.0f), Tensor::scalar(1.0f)}))[0], {4},
               {1, 1, 1, 1});
  check(run(call("Clip", {Tensor::copy_of<std::int32_t>({-5, 5}), absent,
                          Tensor::scalar<std::int32_t>(3)}))[0],
        {2}, Ints{-5, 3});
}

TEST_CASE("comparisons and logic", "[ops][elementwise]") {
  const Tensor a = Tensor::copy_of<float>({1, 2, no_number}, {3});
  const Tensor b = Tensor::copy_of<float>({2, 2, no_number}, {3});
  check_bools(run(call("Equal", {a, b}))[0], {3}, {false, true, false});
  check_bools(run(call("Less", {a, b}))[0], {3}, {true, false, false});
  check_bools(run(call("GreaterOrEqual", {a, b}))[0], {3}, {false, true, false});
  check_bools(run(call("IsNaN", {a}))[0], {3}, {false, false, true});
  const Tensor ends = Tensor::copy_of<float>({inf, -inf, 1});
  check_bools(run(call("IsInf", {ends}))[0], {3}, {true, true, false});
  check_bools(run(call("IsInf", {ends}, {{"detect_negative", std::int64_t{0}}}))[0], {3},
              {true, false, false});
  const Tensor words = Tensor::copy_of<std::string>({"a", "b"});
  check_bools(run(call("Equal", {words, Tensor::scalar<std::string>("b")}))[0], {2}, {false, true});
  const Tensor flags = Tensor::copy_of<bool>({false, true}, {2, 1});
  const Tensor others = Tensor::copy_of<bool>({false, true}, {2});
  check_bools(run(call("And", {flags, others}))[0], {2, 2}, {false, false, false, true});
  check_bools(run(call("Xor", {flags, others}))[0], {2, 2}, {false, true, true, false});
  check_bools(run(call("Not", {flags}))[0], {2, 1}, {true, false});
}

TEST_CASE("bits", "[ops][elementwise]") {
  const Tensor x = Tensor::copy_of<std::uint8_t>({1, 128, 255});
  const Tensor by = Tensor::copy_of<std::uint8_t>({3, 1, 8});
  using Bytes = std::vector<std::uint8_t>;
  check(run(call("BitShift", {x, by}, {{"direction", std::string("LEFT")}}))[0], {3},
        Bytes{8, 0, 0});
  check(run(call("BitShift", {x, by}, {{"direction", std::string("RIGHT")}}))[0], {3},
        Bytes{0, 64, 0});
  const Tensor signed_x = Tensor::copy_of<std::int32_t>({-8, -8, 8});
  const Tensor signed_by = Tensor::copy_of<std::int32_t>({1, 40, -1});
  check(run(call("BitShift", {signed_x, signed_by}, {{"direction", std::string("RIGHT")}}, 28))[0],
        {3}, Ints{-4, -1, 0});
  check(run(call("BitwiseXor", {x, Tensor::scalar<std::uint8_t>(255)}))[0], {3},
        Bytes{254, 127, 0});
  check(run(call("BitwiseNot", {x}))[0], {3}, Bytes{254, 127, 0});
}

TEST_CASE("Where broadcasts all three and moves any type", "[ops][elementwise]") {
  const Tensor condition = Tensor::copy_of<bool>({true, false}, {2, 1});
  const Tensor words = Tensor::copy_of<std::string>({"x", "y"}, {2});
  const auto out = run(call("Where", {condition, words, Tensor::scalar<std::string>("z")}));
  check(out[0], {2, 2}, std::vector<std::string>{"x", "y", "z", "z"});
  const Tensor numbers = Tensor::copy_of<std::int64_t>({1, 2}, {1, 2});
  check(run(call("Where", {condition, numbers, Tensor::scalar<std::int64_t>(9)}))[0], {2, 2},
        std::vector<std::int64_t>{1, 2, 9, 9});
  const Tensor codes = Tensor::wrap(DType::uint4, {3}, "\x21\x03", 2);
  const Tensor choose = Tensor::copy_of<bool>({true, false, true});
  check(run(call("Where", {choose, codes, Tensor::wrap(DType::uint4, {}, "\x07", 1)})),
        Tensor::wrap(DType::uint4, {3}, "\x71\x03", 2));
}

TEST_CASE("a kernel refuses to write elements of another size than was inferred",
          "[ops][elementwise]") {
  auto registry = Registry::create();
  registry->add(
      {.name = "Expand", .min_inputs = 2, .max_inputs = 2, .infer = [](InferContext& context) {
         context.set_output(0, DType::int8);
       }});
  ModelOptions options;
  options.registry = registry;
  options.optimize = false;
  const std::vector<Value> inputs{Tensor::copy_of<float>({1, 2, 3}),
                                  Tensor::copy_of<std::int64_t>({3})};
  Session session(
      Model::from_graph(graph_of({.op = "Expand", .inputs = inputs, .version = 1}), options));
  const auto result = session.try_run(std::span<const Value>(inputs));
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == ErrorCode::type_mismatch);
}

TEST_CASE("Identity passes any value along", "[ops][elementwise]") {
  check<float>(run(call("Identity", {Tensor::scalar(4.0f)}))[0], {}, {4});
}

TEST_CASE("Dropout copies in inference and drops in training", "[ops][elementwise]") {
  const Tensor x = Tensor::copy_of(std::span<const float>(Floats(1000, 1)), {1000});
  const auto copy = run(call("Dropout", {x}, {}, 13, 2));
  check<float>(copy[0], {1000}, Floats(1000, 1));
  check_bools(copy[1], {1000}, Bools(1000, true));

  const Call training = call("Dropout", {x, Tensor::scalar(0.25f), Tensor::scalar(true)},
                             {{"seed", std::int64_t{7}}}, 13, 2);
  const auto first = run(training);
  const auto again = run(training);
  const auto y = first[0].tensor().as<float>();
  const auto mask = first[1].tensor().as<bool>();
  int kept = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    CHECK(y[i] == Approx(mask[i] ? 1 / 0.75f : 0));
    CHECK(y[i] == again[0].tensor().as<float>()[i]);
    kept += mask[i];
  }
  CHECK(kept > 690);
  CHECK(kept < 810);
  // Before opset 10 the mask had the data's type.
  check<float>(run(call("Dropout", {Tensor::scalar(3.0f)}, {}, 7, 2))[1], {}, {1});
}
