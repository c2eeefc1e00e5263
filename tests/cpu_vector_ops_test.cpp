// The cpu backend's operators that are not matrix products, against the reference backend.
#include <catch2/catch.hpp>
#include <cmath>
#include <initializer_list>

#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::with;

namespace {

using Integers = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("cpu: elementwise operators of one operand", "[cpu]") {
  std::mt19937 engine(1);
  const Tensor x = test::random_tensor(engine, {3, 50, 201}, -6, 6);
  const Tensor positive = test::random_tensor(engine, {77}, 0.01, 9);
  for (const char* op : {"Abs",      "Neg",      "Relu", "LeakyRelu",   "ThresholdedRelu",
                         "Elu",      "Celu",     "Selu", "HardSigmoid", "HardSwish",
                         "Sigmoid",  "Tanh",     "Exp",  "Erf",         "Gelu",
                         "Softplus", "Softsign", "Mish", "Floor",       "Ceil",
                         "Round",    "Sign",     "Sin",  "Cos"}) {
    check({.op = op, .inputs = {x}});
  }
  for (const char* op : {"Log", "Sqrt", "Reciprocal"}) check({.op = op, .inputs = {positive}});
  check({.op = "Gelu", .inputs = {x}, .attributes = with({{"approximate", std::string("tanh")}})});
  check({.op = "LeakyRelu", .inputs = {x}, .attributes = with({{"alpha", 0.3f}})});
  check({.op = "Selu", .inputs = {x}, .attributes = with({{"alpha", 1.5f}, {"gamma", 0.5f}})});
  check({.op = "Swish", .inputs = {x}, .attributes = with({{"alpha", 1.5f}}), .version = 24});
  check({.op = "Clip", .inputs = {x, Tensor::scalar(-1.5f), Tensor::scalar(2.0f)}});
  check({.op = "Clip", .inputs = {x, Value(), Tensor::scalar(2.0f)}});
  check({.op = "Clip", .inputs = {x}, .attributes = with({{"min", -1.0f}}), .version = 6});
}

TEST_CASE("cpu: operators of several operands broadcast", "[cpu]") {
  std::mt19937 engine(2);
  const std::pair<Shape, Shape> shapes[] = {{{4, 5}, {4, 5}},
                                            {{2, 3, 40, 41}, {40, 41}},
                                            {{2, 3, 40, 41}, {3, 1, 1}},
                                            {{7, 1}, {1, 9}},
                                            {{}, {5}},
                                            {{3, 1, 17}, {1, 4, 1}},
                                            {{40000}, {1}},
                                            {{2, 0, 3}, {1, 3}},
                                            {{1, 1}, {1}},
                                            {{5, 1, 1, 30}, {2, 6, 30}}};
  for (const auto& [a, b] : shapes) {
    CAPTURE(to_string(a), to_string(b));
    for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum"}) {
      check({.op = op,
             .inputs = {test::random_tensor(engine, a, 0.5, 2),
                        test::random_tensor(engine, b, 0.5, 2)}});
      check({.op = op,
             .inputs = {test::random_tensor(engine, b, 0.5, 2),
                        test::random_tensor(engine, a, 0.5, 2)}});
    }
    check({.op = "Pow",
           .inputs = {test::random_tensor(engine, a, 0.1, 3),
                      test::random_tensor(engine, b, -3, 3)}});
    for (const char* op : {"Add", "Sub", "Mul", "Max", "Min"}) {
      check({.op = op,
             .inputs = {test::random_tensor<std::int32_t>(engine, a, -1e9, 1e9),
                        test::random_tensor<std::int32_t>(engine, b, -1e9, 1e9)}});
      check({.op = op,
             .inputs = {test::random_tensor<std::int64_t>(engine, a, -1e18, 1e18),
                        test::random_tensor<std::int64_t>(engine, b, -9, 9)}});
    }
  }
  check({.op = "PRelu",
         .inputs = {test::random_tensor(engine, {2, 3, 5, 6}),
                    test::random_tensor(engine, {3, 1, 1})}});
  check({.op = "Max",
         .inputs = {test::random_tensor(engine, {3, 1}), test::random_tensor(engine, {1}),
                    test::random_tensor(engine, {2, 1, 8})}});
}

TEST_CASE("cpu: Where chooses among operands that broadcast", "[cpu]") {
  std::mt19937 engine(12);
  const std::array<Shape, 3> shapes[] = {{{{4, 5}, {4, 5}, {4, 5}}},
                                         {{{70}, {}, {70}}},
                                         {{{3, 1, 33}, {1}, {3, 7, 33}}},
                                         {{{7, 1}, {7, 19}, {1, 19}}},
                                         {{{40000}, {40000}, {1}}},
                                         {{{2, 1, 3}, {2, 0, 3}, {1}}},
                                         {{{}, {2, 9}, {9}}},
                                         {{{5, 1, 1, 30}, {2, 6, 30}, {5, 2, 1, 1}}}};
  for (const auto& operands : shapes) {
    const Shape &c = operands[0], &a = operands[1], &b = operands[2];
    CAPTURE(to_string(c), to_string(a), to_string(b));
    const Tensor signs = test::random_tensor(engine, c, -1, 1);
    Tensor condition(DType::boolean, c);
    std::transform(signs.as<float>().begin(), signs.as<float>().end(),
                   condition.as_mutable<bool>().begin(), [](float x) { return x > 0; });
    const auto choose = [&](auto zero) {
      using T = decltype(zero);
      check({.op = "Where",
             .inputs = {condition, test::random_tensor<T>(engine, a, -100, 100),
                        test::random_tensor<T>(engine, b, -100, 100)}});
    };
    choose(0.0f);
    choose(0.0);
    choose(std::int8_t());
    choose(std::int16_t());
    choose(std::int64_t());
  }
}

TEST_CASE("cpu: reductions over any axes", "[cpu]") {
  std::mt19937 engine(3);
  const Tensor x = test::random_tensor(engine, {3, 4, 1, 35, 6}, 0.5, 1.5);
  for (const char* op :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare",
        "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"}) {
    for (const Integers& axes :
         {Integers{0}, {-1}, {1, 3}, {3, 4}, {0, 2, 4}, {1}, {0, 1, 2, 3, 4}}) {
      const Tensor list =
          Tensor::copy_of(std::span(axes), {static_cast<std::int64_t>(axes.size())});
      check({.op = op,
             .inputs = {x, list},
             .attributes = with({{"keepdims", std::int64_t{axes.size() % 2 == 0}}})},
            1e-5);
    }
    check({.op = op, .inputs = {x}}, 2e-5);
    check(
        {.op = op, .inputs = {x}, .attributes = with({{"noop_with_empty_axes", std::int64_t{1}}})});
    check({.op = op,
           .inputs = {Tensor(DType::float32, {2, 0, 3}), Tensor::copy_of({std::int64_t{1}})}});
  }
  check({.op = "ReduceMean",
         .inputs = {x},
         .attributes = with({{"axes", Integers{1, 2}}}),
         .version = 13});
}

TEST_CASE("cpu: softmax over any axis, before and after opset 13", "[cpu]") {
  std::mt19937 engine(4);
  const Tensor x = test::random_tensor(engine, {3, 70, 5, 9}, -20, 20);
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    for (const std::int64_t axis : {-1, 0, 1, 2}) {
      for (const int version : {11, 13}) {
        check({.op = op, .inputs = {x}, .attributes = with({{"axis", axis}}), .version = version},
              5e-6);
      }
    }
    check({.op = op, .inputs = {x}}, 5e-6);
    for (const std::int64_t n : {1, 2, 5, 8}) {
      check({.op = op, .inputs = {test::random_tensor(engine, {1501, n}, -20, 20)}}, 5e-6);
    }
  }
}

TEST_CASE("cpu: normalizations", "[cpu]") {
  std::mt19937 engine(5);
  const auto random = [&](const Shape& shape) { return test::random_tensor(engine, shape); };
  const Tensor x = test::random_tensor(engine, {2, 6, 7, 33}, -3, 5);
  for (const std::int64_t axis : {-1, 2, 1}) {
    Shape row;
    for (int i = axis < 0 ? 3 : static_cast<int>(axis); i < 4; ++i) row.push_back(x.dim(i));
    const Attributes attributes = with({{"axis", axis}, {"epsilon", 1e-3f}});
    check({.op = "LayerNormalization",
           .inputs = {x, random(row), random(row)},
           .attributes = attributes,
           .outputs = 3},
          1e-5);
    check({.op = "LayerNormalization", .inputs = {x, random({33})}, .attributes = attributes},
          1e-5);
    check({.op = "RMSNormalization",
           .inputs = {x, random(row)},
           .attributes = attributes,
           .version = 23},
          1e-5);
  }
  const Tensor variance = test::random_tensor(engine, {6}, 0.1, 2);
  check(
      {.op = "BatchNormalization", .inputs = {x, random({6}), random({6}), random({6}), variance}},
      1e-5);
  check({.op = "BatchNormalization",
         .inputs = {random({50, 6}), random({6}), random({6}), random({6}), variance}},
        1e-5);
  check({.op = "InstanceNormalization", .inputs = {x, random({6}), random({6})}}, 1e-5);
  for (const std::int64_t groups : {1, 2, 6}) {
    const Attributes attributes = with({{"num_groups", groups}});
    check({.op = "GroupNormalization",
           .inputs = {x, random({6}), random({6})},
           .attributes = attributes},
          1e-5);
    check({.op = "GroupNormalization",
           .inputs = {x, random({groups}), random({groups})},
           .attributes = attributes,
           .version = 18},
          1e-5);
  }
}

TEST_CASE("cpu: pooling", "[cpu]") {
  std::mt19937 engine(6);
  for (const Shape& shape : {Shape{2, 3, 37}, {2, 17, 19, 23}, {1, 2, 7, 8, 9}}) {
    const Tensor x = test::random_tensor(engine, shape);
    const auto spatial = to_string(shape);
    const std::size_t rank = shape.size() - 2;
    const auto all = [&](std::int64_t value) { return Integers(rank, value); };
    CAPTURE(spatial);
    check({.op = "GlobalMaxPool", .inputs = {x}});
    check({.op = "GlobalAveragePool", .inputs = {x}});
    for (const std::int64_t stride : {1, 2, 3}) {
      for (const std::int64_t ceil : {0, 1}) {
        Attributes attributes = with({{"kernel_shape", all(3)},
                                      {"strides", all(stride)},
                                      {"pads", Integers(2 * rank, 1)},
                                      {"ceil_mode", ceil}});
        check({.op = "AveragePool", .inputs = {x}, .attributes = attributes});
        attributes.set("dilations", all(2));
        check({.op = "MaxPool", .inputs = {x}, .attributes = attributes});
        attributes.set("count_include_pad", std::int64_t{1});
        check({.op = "AveragePool", .inputs = {x}, .attributes = attributes});
      }
    }
    check({.op = "MaxPool",
           .inputs = {x},
           .attributes = with({{"kernel_shape", all(2)},
                               {"strides", all(2)},
                               {"auto_pad", std::string("SAME_UPPER")}})});
  }
}

TEST_CASE("cpu: transposes", "[cpu]") {
  std::mt19937 engine(7);
  const Shape shape{2, 30, 1, 5, 33};
  for (const Integers& perm :
       {Integers{4, 3, 2, 1, 0}, {0, 1, 2, 4, 3}, {1, 0, 2, 3, 4}, {0, 3, 1, 2, 4}}) {
    const Attributes attributes = with({{"perm", perm}});
    check({.op = "Transpose",
           .inputs = {test::random_tensor(engine, shape)},
           .attributes = attributes});
    check({.op = "Transpose",
           .inputs = {test::random_tensor<std::int64_t>(engine, shape, -9, 9)},
           .attributes = attributes});
    check({.op = "Transpose",
           .inputs = {test::random_tensor<std::uint8_t>(engine, shape, 0, 255)},
           .attributes = attributes});
  }
  check({.op = "Transpose", .inputs = {test::random_tensor(engine, {3, 0, 2})}});
  check({.op = "Transpose", .inputs = {test::random_tensor(engine, {})}});
}

TEST_CASE("cpu: resizing", "[cpu]") {
  std::mt19937 engine(8);
  const Tensor x = test::random_tensor(engine, {2, 3, 9, 14});
  for (const char* mode : {"nearest", "linear"}) {
    for (const char* transform : {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel",
                                  "half_pixel_symmetric"}) {
      for (const auto& [rows, columns] : {std::pair(2.0f, 2.0f), {0.6f, 1.7f}, {3.3f, 0.4f}}) {
        const Attributes attributes =
            with({{"mode", std::string(mode)},
                  {"coordinate_transformation_mode", std::string(transform)}});
        check({.op = "Resize",
               .inputs = {x, Value(), Tensor::copy_of({1.0f, 1.0f, rows, columns})},
               .attributes = attributes,
               .constants = {2}},
              1e-5);
      }
    }
    for (const char* nearest : {"round_prefer_ceil", "floor", "ceil"}) {
      check({.op = "Resize",
             .inputs = {x, Value(), Value(),
                        Tensor::copy_of(
                            {std::int64_t{2}, std::int64_t{3}, std::int64_t{20}, std::int64_t{5}})},
             .attributes =
                 with({{"mode", std::string(mode)}, {"nearest_mode", std::string(nearest)}}),
             .constants = {3}},
            1e-5);
    }
    check({.op = "Upsample",
           .inputs = {x, Tensor::copy_of({1.0f, 1.0f, 2.0f, 3.0f})},
           .attributes = with({{"mode", std::string(mode)}}),
           .version = 9,
           .constants = {1}},
          1e-5);
  }
}

TEST_CASE("cpu: LSTM and GRU", "[cpu]") {
  std::mt19937 engine(9);
  const auto random = [&](const Shape& shape) {
    return test::random_tensor(engine, shape, -0.5, 0.5);
  };
  const std::int64_t steps = 5, batch = 3, inputs = 7, hidden = 21;
  for (const std::string op : {"LSTM", "GRU"}) {
    const std::int64_t width = (op == "LSTM" ? 4 : 3) * hidden;
    for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
      const std::int64_t n = direction == "bidirectional" ? 2 : 1;
      for (const std::int64_t layout : {0, 1}) {
        for (int variant = 0; variant < 4; ++variant) {
          const bool rich = variant % 2 == 1;
          const Shape state = layout == 0 ? Shape{n, batch, hidden} : Shape{batch, n, hidden};
          Call call{.op = op,
                    .inputs = {random(layout == 0 ? Shape{steps, batch, inputs}
                                                  : Shape{batch, steps, inputs}),
                               random({n, width, inputs}), random({n, width, hidden})},
                    .attributes = with({{"direction", direction},
                                        {"hidden_size", hidden},
                                        {"layout", layout},
                                        {"linear_before_reset", std::int64_t{variant / 2}}}),
                    .outputs = op == "LSTM" ? std::size_t{3} : std::size_t{2},
                    .constants = {1, 2}};
          if (op == "LSTM") call.attributes.erase("linear_before_reset");
          if (rich) {
            call.inputs.push_back(random({n, 2 * width}));
            call.inputs.push_back(Tensor::copy_of({5, 2, 0}));
            call.inputs.push_back(random(state));
            if (op == "LSTM") {
              call.inputs.push_back(random(state));
              call.inputs.push_back(random({n, 3 * hidden}));
            }
            if (variant == 3) call.attributes.set("clip", 0.3f);
          }
          CAPTURE(op, direction, layout, variant);
          check(call, 1e-5);
        }
      }
    }
  }
}
