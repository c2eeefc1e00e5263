#include <catch2/catch.hpp>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using i32 = std::int32_t;

const Value none;

}  // namespace

TEST_CASE("SkipLayerNormalization normalizes a sum", "[ops]") {
  const auto outputs = run(microsoft_call(
      "SkipLayerNormalization",
      {pattern({1, 2, 4}), pattern({2, 4}, 1), pattern({4}, 2), pattern({4}, 3), pattern({4}, 4)},
      {{"epsilon", 0.01f}}, 4));
  check(outputs, floats({1, 2, 4}, {0.683783f, -1.14837f, -1.06657f, 0.75f, 1.31581f, -0.315807f,
                                    -1.42108f, 0.75f}));
  check(outputs, floats({1, 2, 1}, {-0.375f, -0.125f}), 1e-6, 1);
  check(outputs, floats({1, 2, 1}, {0.532576f, 3.36861f}), 1e-6, 2);
  check(outputs, floats({1, 2, 4}, {-2.75f, 2.5f, -0.5f, -0.75f, 0.25f, 0, -0.25f, -0.5f}), 1e-6,
        3);
  // Without beta and bias: 1 + 1 and 3 + 3 are a deviation of 2 about 4.
  const Tensor x = floats({1, 2}, {1, 3});
  check(run(microsoft_call("SkipLayerNormalization", {x, x, floats({2}, {1, 10})})),
        floats({1, 2}, {-1, 10}));
}

TEST_CASE("SkipSimplifiedLayerNormalization divides a sum by its root mean square", "[ops]") {
  const auto outputs =
      run(microsoft_call("SkipSimplifiedLayerNormalization",
                         {pattern({1, 2, 4}), pattern({2, 4}, 1), pattern({4}, 2), pattern({4}, 4)},
                         {{"epsilon", 0.01f}}, 4));
  check(outputs,
        floats({1, 2, 4}, {-0.359056f, -0.979242f, -0.261131f, 0, 0.194038f, 0, -0.776151f, 0}));
  check(outputs, floats({1, 2, 1}, {0, 0}), 1e-6, 1);
  check(outputs, floats({1, 2, 1}, {0.522263f, 3.1046f}), 1e-5, 2);
  check(outputs, floats({1, 2, 4}, {-2.75f, 2.5f, -0.5f, -0.75f, 0.25f, 0, -0.25f, -0.5f}), 1e-6,
        3);
}

TEST_CASE("SimplifiedLayerNormalization of both domains", "[ops]") {
  for (const char* domain : {"", "com.microsoft"}) {
    Call call =
        microsoft_call("SimplifiedLayerNormalization", {pattern({2, 2, 2}), pattern({2, 2}, 1)},
                       {{"axis", std::int64_t{-2}}}, 2);
    call.domain = domain;
    const auto outputs = run(call);
    check(outputs, floats({2, 2, 2}, {0.656529f, 0.656529f, -0.131306f, -0.984793f, -0.196114f,
                                      -1.47085f, 0.392227f, 0}));
    check(outputs, floats({2, 1, 1}, {1.05045f, 1.56891f}), 1e-5, 1);
  }
  // The output has the scale's type.
  check(run(microsoft_call("SimplifiedLayerNormalization",
                           {tensor<float16>({1, 2}, {3, 3}), floats({2}, {0.1f, 0.2f})})),
        floats({1, 2}, {0.1f, 0.2f}), 1e-4);
}

TEST_CASE("The skip normalizations of other shapes and types", "[ops]") {
  for (const char* op : {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}) {
    const auto one = [&]<class T>(T) {
      const Tensor x = tensor<T>({1, 2}, {-1, 1}), scale = tensor<T>({2}, {2, 4});
      const auto outputs = run(microsoft_call(op, {x, tensor<T>({1, 2}, {-3, 3}), scale}, {}, 4));
      check(outputs, tensor<T>({1, 2}, {-2, 4}));
      check(outputs, floats({1, 1}, {0.25f}), 1e-6, 2);
      check(outputs, tensor<T>({1, 2}, {-4, 4}), 1e-6, 3);
    };
    one(float{});
    one(double{});
    one(float16{});
    one(bfloat16{});
    const Tensor scale = pattern({4});
    check(run(microsoft_call(op, {pattern({0, 3, 4}), pattern({0, 3, 4}), scale})),
          floats({0, 3, 4}, {}));
    check(run(microsoft_call(op, {pattern({2, 3, 0}), pattern({3, 0}), pattern({0})})),
          floats({2, 3, 0}, {}));
    CHECK_THROWS_AS(run(microsoft_call(op, {pattern({2, 4}), pattern({3, 4}), scale})), Error);
    CHECK_THROWS_AS(run(microsoft_call(op, {pattern({2, 4}), pattern({2, 4}), pattern({3})})),
                    Error);
    CHECK_THROWS_AS(run(microsoft_call(op, {pattern({2, 4}), pattern({2, 4}), none})), Error);
    CHECK_THROWS_AS(run(microsoft_call(op, {pattern({}), pattern({}), pattern({1})})), Error);
    CHECK_THROWS_AS(run(microsoft_call(
                        op, {pattern({2, 4}), pattern({2, 4}), tensor<double>({4}, {1, 1, 1, 1})})),
                    Error);
  }
}

TEST_CASE("EmbedLayerNormalization looks rows up", "[ops]") {
  const auto ids = [](std::initializer_list<i32> values) {
    return Tensor::copy_of(values, {1, static_cast<std::int64_t>(values.size())});
  };
  std::vector<Value> inputs{ids({1, 0}),        ids({0, 1}),        pattern({2, 3}),
                            pattern({3, 3}, 1), pattern({2, 3}, 2), pattern({3}, 3),
                            pattern({3}, 4),    ids({1, 1}),        ids({2, 0})};
  const auto embed = [&] { return run(microsoft_call("EmbedLayerNormalization", inputs, {}, 3)); };
  check(embed(), floats({1, 2, 3}, {0.224745f, 0.75f, 0.974745f, -2.40837f, 0.75f, -0.842999f}));
  check(embed(), Tensor::copy_of<i32>({2}), 0, 1);
  check(embed(), floats({1, 2, 3}, {0.5f, 0.25f, 0, -1.75f, 0.75f, 0.5f}), 1e-6, 2);
  // Without segments, mask and position ids: words + positions, position i for token i.
  inputs[1] = inputs[4] = inputs[7] = inputs[8] = none;
  const auto word = pattern({2, 3}), position = pattern({3, 3}, 1);
  Tensor sum(DType::float32, {1, 2, 3});
  for (std::size_t i = 0; i < 6; ++i) {
    sum.as_mutable<float>()[i] = word.as<float>()[(i + 3) % 6] + position.as<float>()[i];
  }
  check(embed(), sum, 1e-6, 2);
  check(embed(), Tensor::copy_of<i32>({0}), 0, 1);
  inputs[0] = ids({1, 2});
  CHECK_THROWS_AS(embed(), Error);
  inputs[0] = ids({1, -1});
  CHECK_THROWS_AS(embed(), Error);
  inputs[0] = ids({1, 1, 1, 1});  // more than there are positions
  CHECK_THROWS_AS(embed(), Error);
  inputs[0] = ids({1, 1});
  inputs[1] = ids({0, 0});  // segment_ids without a segment_embedding
  CHECK_THROWS_AS(embed(), Error);
  inputs[1] = none;
  inputs[6] = pattern({4});
  CHECK_THROWS_AS(embed(), Error);
  inputs[6] = pattern({3});
  inputs[0] = Tensor(DType::int32, {0, 2});
  check(embed(), floats({0, 2, 3}, {}));
}

TEST_CASE("QEmbedLayerNormalization reads codes", "[ops]") {
  const auto codes = [](const Shape& shape) {
    Tensor result(DType::uint8, shape);
    unsigned i = 0;
    for (std::uint8_t& code : result.as_mutable<std::uint8_t>()) {
      code = static_cast<std::uint8_t>(i++ * 37 % 256);
    }
    return result;
  };
  const auto scale = [](float value) { return Tensor::scalar(value); };
  const auto zero = [](int value) { return Tensor::scalar(static_cast<std::uint8_t>(value)); };
  const Call call = microsoft_call(
      "QEmbedLayerNormalization",
      {Tensor::copy_of<i32>({1, 0}, {1, 2}), none, codes({2, 3}), codes({3, 3}), none, codes({3}),
       codes({3}), Tensor::copy_of<i32>({1, 0}, {1, 2}), scale(0.1f), scale(0.05f), none,
       scale(0.02f), scale(0.03f), zero(10), zero(20), none, zero(30), zero(40)},
      {}, 2);
  check(run(call), floats({1, 2, 3}, {-0.465153f, -0.09f, 2.09778f, -0.465153f, -0.09f, 2.09778f}));
  check(run(call), Tensor::copy_of<i32>({1}), 0, 1);
}

TEST_CASE("The Gelu family of com.microsoft", "[ops]") {
  const Tensor x = floats({1, 4}, {-2, -0.5f, 0, 1.5f}), bias = floats({4}, {1, 0.5f, -1, 0});
  check(run(microsoft_call("Gelu", {x})), floats({1, 4}, {-0.0455003f, -0.154269f, 0, 1.39979f}));
  check(run(microsoft_call("BiasGelu", {x, bias})),
        floats({1, 4}, {-0.158655f, 0, -0.158655f, 1.39979f}));
  check(run(microsoft_call("FastGelu", {x, bias})),
        floats({1, 4}, {-0.158808f, 0, -0.158808f, 1.39957f}));
  check(run(microsoft_call("FastGelu", {floats({2}, {-1, 1.5f})})),
        floats({2}, {-0.158808f, 1.39957f}));
  check(run(microsoft_call("QuickGelu", {x})),
        floats({1, 4}, {-0.0643414f, -0.149612f, 0, 1.39166f}));
  check(run(microsoft_call("QuickGelu", {x}, {{"alpha", 1.f}})),
        floats({1, 4}, {-0.238406f, -0.18877f, 0, 1.22636f}));
  // (2 + 1) * gelu(1.5 + 0), (1 - 1) * gelu(...)
  check(run(microsoft_call("BiasSplitGelu",
                           {floats({1, 1, 4}, {2, 1, 1.5f, 9}), floats({4}, {1, -1, 0, 0})})),
        floats({1, 1, 2}, {3 * 1.39979f, 0}));
  check(run(microsoft_call("Gelu", {floats({}, {1.5f})})), floats({}, {1.39979f}));
  check(run(microsoft_call("BiasGelu", {pattern({3, 0}), pattern({0})})), floats({3, 0}, {}));
  check(run(microsoft_call("BiasSplitGelu", {pattern({2, 0}), pattern({0})})), floats({2, 0}, {}));
  for (const char* op : {"BiasGelu", "FastGelu"}) {
    CHECK_THROWS_AS(run(microsoft_call(op, {x, pattern({1})})), Error);
    CHECK_THROWS_AS(run(microsoft_call(op, {x, pattern({1, 4})})), Error);
    CHECK_THROWS_AS(run(microsoft_call(op, {pattern({}), pattern({1})})), Error);
  }
  CHECK_THROWS_AS(run(microsoft_call("BiasSplitGelu", {pattern({1, 3}), pattern({3})})), Error);
  const auto typed = [&]<class T>(T) {
    check(run(microsoft_call("BiasGelu", {tensor<T>({2, 1}, {1, -2}), tensor<T>({1}, {0.5})})),
          tensor<T>({2, 1}, {1.39979, -0.100211}));
  };
  typed(double{});
  typed(float16{});
  typed(bfloat16{});
}
