#include <catch2/catch.hpp>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Names = std::vector<std::string>;
using Reals = std::vector<float>;

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

Tensor filled(const Shape& shape, float value) {
  Tensor tensor(DType::float32, shape);
  for (float& x : tensor.as_mutable<float>()) x = value;
  return tensor;
}

Call call_of(const std::string& op, std::vector<Value> inputs, Attributes items,
             std::size_t outputs = 2) {
  Call call{op, std::move(inputs), std::move(items)};
  call.version = 22;
  call.outputs = outputs;
  return call;
}

}  // namespace

TEST_CASE("RNN carries its state forward and backward", "[ops]") {
  // h = x + 10 h, the identity as activation
  const Tensor x = Tensor::copy_of({1.f, 2.f, 3.f}, {3, 1, 1});
  const Tensor w = filled({1, 1, 1}, 1), r = filled({1, 1, 1}, 10);
  Attributes items = attributes({{"hidden_size", std::int64_t{1}},
                                 {"activations", Names{"Affine"}},
                                 {"activation_alpha", Reals{1}},
                                 {"activation_beta", Reals{0}}});
  auto outputs = run(call_of("RNN", {x, w, r}, items));
  check(outputs, Tensor::copy_of({1.f, 12.f, 123.f}, {3, 1, 1, 1}));
  check(outputs, filled({1, 1, 1}, 123), 0, 1);
  items.set("direction", std::string("reverse"));
  outputs = run(call_of("RNN", {x, w, r}, items));
  check(outputs, Tensor::copy_of({321.f, 32.f, 3.f}, {3, 1, 1, 1}));
  check(outputs, filled({1, 1, 1}, 321), 0, 1);
  items.set("direction", std::string("bidirectional"));
  items.set("activations", Names{"Affine", "Affine"});
  items.set("activation_alpha", Reals{1, 2});
  items.set("activation_beta", Reals{0, 0});
  outputs = run(call_of("RNN", {x, filled({2, 1, 1}, 1), filled({2, 1, 1}, 0)}, items));
  check(outputs, Tensor::copy_of({1.f, 2.f, 2.f, 4.f, 3.f, 6.f}, {3, 2, 1, 1}));
  check(outputs, Tensor::copy_of({3.f, 2.f}, {2, 1, 1}), 0, 1);
}

TEST_CASE("RNN stops at each sequence's length and takes batches first", "[ops]") {
  const Tensor x = Tensor::copy_of({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}, {2, 3, 1});  // [batch, steps, 1]
  const Tensor w = filled({1, 1, 1}, 1), r = filled({1, 1, 1}, 10);
  const Tensor lengths = Tensor::copy_of<std::int32_t>({2, 3});
  Attributes items = attributes({{"layout", std::int64_t{1}},
                                 {"activations", Names{"Relu"}},
                                 {"hidden_size", std::int64_t{1}}});
  auto outputs = run(call_of("RNN", {x, w, r, Value(), lengths}, items));
  check(outputs, Tensor::copy_of({1.f, 12.f, 0.f, 4.f, 45.f, 456.f}, {2, 3, 1, 1}));
  check(outputs, Tensor::copy_of({12.f, 456.f}, {2, 1, 1}), 0, 1);
  items.set("direction", std::string("reverse"));
  outputs = run(call_of("RNN", {x, w, r, Value(), lengths}, items));
  check(outputs, Tensor::copy_of({21.f, 2.f, 0.f, 654.f, 65.f, 6.f}, {2, 3, 1, 1}));
  check(outputs, Tensor::copy_of({21.f, 654.f}, {2, 1, 1}), 0, 1);
  const Tensor too_long = Tensor::copy_of<std::int32_t>({2, 4});
  CHECK_THROWS_AS(run(call_of("RNN", {x, w, r, Value(), too_long}, items)), Error);
}

TEST_CASE("RNN starts from initial_h, adds both biases and clips", "[ops]") {
  const Tensor x = filled({1, 1, 1}, 1);
  const Tensor w = filled({1, 1, 1}, 1), r = filled({1, 1, 1}, 10);
  const Tensor bias = Tensor::copy_of({0.25f, 0.5f}, {1, 2});
  Attributes items = attributes({{"activations", Names{"Relu"}}, {"hidden_size", std::int64_t{1}}});
  const std::vector<Value> inputs{x, w, r, bias, Value(), filled({1, 1, 1}, 0.5f)};
  check(run(call_of("RNN", inputs, items)), filled({1, 1, 1, 1}, 6.75f));
  items.set("clip", 2.f);
  check(run(call_of("RNN", inputs, items)), filled({1, 1, 1, 1}, 2));
}

TEST_CASE("LSTM follows its equations, peepholes and coupled gates included", "[ops]") {
  const float x = 0.5f, h0 = 0.25f, c0 = -0.75f;
  const Tensor w = Tensor::copy_of({0.1f, 0.2f, 0.3f, 0.4f}, {1, 4, 1});  // i, o, f, c
  const Tensor r = Tensor::copy_of({-0.5f, 0.6f, 0.7f, -0.8f}, {1, 4, 1});
  const Tensor b =
      Tensor::copy_of({0.01f, 0.02f, 0.03f, 0.04f, 0.05f, 0.06f, 0.07f, 0.08f}, {1, 8});
  const Tensor p = Tensor::copy_of({0.9f, -1.1f, 1.3f}, {1, 3});  // i, o, f
  const auto sum = [&](std::size_t gate) {
    return x * w.as<float>()[gate] + h0 * r.as<float>()[gate] + b.as<float>()[gate] +
           b.as<float>()[gate + 4];
  };
  const bool coupled = GENERATE(false, true);
  const float input = sigmoid(sum(0) + 0.9f * c0);
  const float forget = coupled ? 1 - input : sigmoid(sum(2) + 1.3f * c0);
  const float cell = forget * c0 + input * std::tanh(sum(3));
  const float hidden = sigmoid(sum(1) - 1.1f * cell) * std::tanh(cell);
  const auto outputs = run(call_of(
      "LSTM",
      {filled({1, 1, 1}, x), w, r, b, Value(), filled({1, 1, 1}, h0), filled({1, 1, 1}, c0), p},
      attributes({{"hidden_size", std::int64_t{1}}, {"input_forget", std::int64_t{coupled}}}), 3));
  check(outputs, filled({1, 1, 1, 1}, hidden));
  check(outputs, filled({1, 1, 1}, hidden), 1e-6, 1);
  check(outputs, filled({1, 1, 1}, cell), 1e-6, 2);
}

TEST_CASE("GRU follows both forms of its hidden gate", "[ops]") {
  // Two units, so that resetting before and after the product differ.
  const Tensor x = filled({1, 1, 1}, 0.5f);
  const Tensor w = Tensor::copy_of({0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f}, {1, 6, 1});
  const Tensor r = Tensor::copy_of(
      {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f, 0.9f, 1.f, -1.1f, 1.2f}, {1, 6, 2});
  Tensor b(DType::float32, {1, 12});
  float next = 0;
  for (float& value : b.as_mutable<float>()) value = next += 0.01f;
  const std::array<float, 2> h0{0.25f, -0.5f};
  const auto R = r.as<float>(), B = b.as<float>();
  const auto input = [&](std::size_t row) { return 0.5f * w.as<float>()[row] + B[row]; };
  const auto recurrent = [&](std::size_t row, const std::array<float, 2>& h) {
    return R[2 * row] * h[0] + R[2 * row + 1] * h[1];
  };
  const bool before = GENERATE(false, true);
  std::array<float, 2> reset{}, expected{};
  for (std::size_t i = 0; i < 2; ++i) {
    reset[i] = sigmoid(input(2 + i) + recurrent(2 + i, h0) + B[8 + i]);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const float z = sigmoid(input(i) + recurrent(i, h0) + B[6 + i]);
    const float inner = before ? reset[i] * (recurrent(4 + i, h0) + B[10 + i])
                               : recurrent(4 + i, {reset[0] * h0[0], reset[1] * h0[1]}) + B[10 + i];
    expected[i] = (1 - z) * std::tanh(input(4 + i) + inner) + z * h0[i];
  }
  check(run(call_of("GRU", {x, w, r, b, Value(), Tensor::copy_of({h0[0], h0[1]}, {1, 1, 2})},
                    attributes({{"hidden_size", std::int64_t{2}},
                                {"linear_before_reset", std::int64_t{before}}}))),
        Tensor::copy_of({expected[0], expected[1]}, {1, 1, 1, 2}));
}

TEST_CASE("recurrent layers take no steps, no sequences and 16-bit floats", "[ops]") {
  const Tensor w = filled({1, 4, 2}, 1), r = filled({1, 4, 1}, 1);
  const Attributes items = attributes({{"hidden_size", std::int64_t{1}}});
  auto outputs = run(call_of("LSTM", {Tensor(DType::float32, {0, 2, 2}), w, r}, items, 3));
  check(outputs, Tensor(DType::float32, {0, 1, 2, 1}));
  check(outputs, filled({1, 2, 1}, 0), 0, 1);
  outputs = run(call_of("LSTM", {Tensor(DType::float32, {3, 0, 2}), w, r}, items, 3));
  check(outputs, Tensor(DType::float32, {3, 1, 0, 1}));
  check(outputs, Tensor(DType::float32, {1, 0, 1}), 0, 2);
  const auto half = [](float value) { return Tensor::copy_of({float16(value)}, {1, 1, 1}); };
  check(run(call_of("RNN", {half(0.5f), half(1), half(0)}, items)),
        Tensor::copy_of({float16(std::tanh(0.5f))}, {1, 1, 1, 1}));
  CHECK_THROWS_AS(run(call_of("GRU", {filled({1, 1, 1}, 0), w, r}, items)), Error);
  CHECK_THROWS_AS(
      run(call_of("RNN", {filled({1, 1, 1}, 0), filled({1, 1, 1}, 0), filled({1, 1, 1}, 0)},
                  attributes({{"activations", Names{"Cosine"}}}))),
      Error);
}
