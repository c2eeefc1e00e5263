#include <catch2/catch.hpp>
#include <limits>
#include <numbers>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using i32 = std::int32_t;

Tensor int32s(const Shape& shape, std::initializer_list<i32> values) {
  return Tensor::copy_of(values, shape);
}

/// Attention of one head that looks everywhere alike: Q is 0, K and V are the tokens 2 and 4.
std::vector<Value> attend_means(std::vector<Value> rest,
                                std::initializer_list<Attributes::Item> items = {},
                                std::size_t outputs = 1) {
  std::vector<Value> inputs{floats({1, 2, 1}, {2, 4}), floats({1, 3}, {0, 1, 1})};
  inputs.insert(inputs.end(), rest.begin(), rest.end());
  Call call = microsoft_call("Attention", inputs, items, outputs);
  call.attributes.set("num_heads", std::int64_t{1});
  return run(call);
}

const float log3 = std::log(3.f);

}  // namespace

TEST_CASE("com.microsoft Attention averages what its masks leave", "[ops]") {
  const auto means = [](float a, float b) { return floats({1, 2, 1}, {a, b}); };
  check(attend_means({}), means(3, 3));
  check(attend_means({}, {{"unidirectional", std::int64_t{1}}}), means(2, 3));
  check(attend_means({floats({3}, {0, 0, 10})}), means(13, 13));  // bias of V
  const Value none;
  check(attend_means({none, int32s({1}, {1})}), means(2, 2));              // one key
  check(attend_means({none, int32s({2}, {2, 1})}), means(4, 4));           // end, start
  check(attend_means({none, int32s({5}, {1, 0, 9, 0, 9})}), means(2, 2));  // end and sums
  check(attend_means({none, int32s({1, 2}, {-1, 1})}), means(4, 4));
  check(attend_means({none, int32s({1, 2, 2}, {0, 1, 1, 0})}), means(4, 2));
  check(attend_means({none, int32s({1, 1, 3, 3}, {0, 1, 0, 1, 0, 1, 1, 1, 1})}), means(4, 2));
  // A filter of -log(3) leaves a third: (2 + 4 / 3) / (4 / 3).
  check(attend_means({none, int32s({1}, {1})}, {{"mask_filter_value", -log3}}), means(2.5, 2.5));
  // A row that is masked throughout sees all keys alike, but never one that comes later.
  check(attend_means({none, int32s({1, 2}, {0, 0})}), means(3, 3));
  check(attend_means({none, int32s({1, 2}, {0, 1})}, {{"unidirectional", std::int64_t{1}}}),
        means(2, 4));
  check(attend_means({none, none, none, floats({1, 1, 2, 2}, {0, log3, log3, 0})}),
        means(3.5, 2.5));
}

TEST_CASE("com.microsoft Attention keeps a past", "[ops]") {
  const Value none;
  const Tensor past = floats({2, 1, 1, 1, 1}, {7, 9});  // K, V
  const auto joined = attend_means({none, none, past}, {}, 2);
  check(joined, floats({1, 2, 1}, {5, 5}));
  check(joined, floats({2, 1, 1, 3, 1}, {7, 2, 4, 9, 2, 4}), 1e-6, 1);
  check(attend_means({none, none, past}, {{"unidirectional", std::int64_t{1}}}, 2),
        floats({1, 2, 1}, {5.5, 5}));
  // A buffer of four rows with one in use.
  const Tensor buffer = floats({2, 1, 1, 4, 1}, {7, 8, 8, 8, 9, 8, 8, 8});
  const auto shared = attend_means({none, none, buffer, none, int32s({1}, {1})}, {}, 2);
  check(shared, floats({1, 2, 1}, {5, 5}));
  check(shared, floats({2, 1, 1, 4, 1}, {7, 2, 4, 8, 9, 2, 4, 8}), 1e-6, 1);
  CHECK_THROWS_AS(attend_means({none, none, buffer, none, int32s({1}, {3})}, {}, 2), Error);
  CHECK_THROWS_AS(attend_means({none, none, buffer, none, int32s({1}, {-1})}, {}, 2), Error);
  CHECK_THROWS_AS(attend_means({none, none, floats({1, 1, 1, 1, 1}, {7})}, {}, 2), Error);
}

TEST_CASE("com.microsoft Attention of heads, masks and a past", "[ops]") {
  const auto outputs =
      run(microsoft_call("Attention",
                         {pattern({2, 2, 3}), pattern({3, 12}, 1), pattern({12}, 2),
                          int32s({2, 3}, {1, 1, 0, 1, 0, 1}), pattern({2, 2, 2, 1, 2}, 3)},
                         {{"num_heads", std::int64_t{2}}, {"unidirectional", std::int64_t{1}}}, 2));
  check(
      outputs,
      floats({2, 2, 4}, {1.15168f, 0.348325f, -0.721583f, 1.02131f, 0.477177f, 1.02282f, -0.318062f,
                         1.32395f, 0, -1, 0.75f, -0.25f, 0, -0.963744f, 0.592834f, -0.389703f}),
      1e-4);
  const auto present = outputs[1].tensor().as<float>();
  CHECK(present[1] == 0);
  CHECK(present[2] == -1.75f);
  CHECK(present[47] == -0.75f);
}

TEST_CASE("com.microsoft Attention takes values of another size", "[ops]") {
  const Tensor x = floats({1, 1, 1}, {2});
  const Call call =
      microsoft_call("Attention", {x, floats({1, 4}, {0, 1, 1, 3})},
                     {{"num_heads", std::int64_t{1}}, {"qkv_hidden_sizes", Int64s{1, 1, 2}}});
  check(run(call), floats({1, 1, 2}, {2, 6}));
  Call wrong = call;
  wrong.attributes.set("qkv_hidden_sizes", Int64s{1, 2, 1});
  CHECK_THROWS_AS(run(wrong), Error);
  wrong.attributes.set("qkv_hidden_sizes", Int64s{INT64_MAX, INT64_MAX, 6});
  CHECK_THROWS_AS(run(wrong), Error);
  wrong.attributes.set("qkv_hidden_sizes", Int64s{INT64_MIN, INT64_MIN, 6});
  CHECK_THROWS_AS(run(wrong), Error);
  wrong = call;
  wrong.attributes.set("do_rotary", std::int64_t{1});
  CHECK_THROWS_AS(run(wrong), Error);
  wrong = call;
  wrong.attributes.set("num_heads", std::int64_t{0});
  CHECK_THROWS_AS(run(wrong), Error);
  wrong = call;
  wrong.outputs = 2;  // a present has one size for K and V
  CHECK_THROWS_AS(run(wrong), Error);
}

TEST_CASE("com.microsoft Attention refuses what does not fit", "[ops]") {
  const Value none;
  CHECK_THROWS_AS(attend_means({floats({2}, {0, 0})}), Error);
  CHECK_THROWS_AS(attend_means({none, int32s({3}, {1, 1, 1})}), Error);
  CHECK_THROWS_AS(attend_means({none, int32s({1, 3}, {1, 1, 1})}), Error);
  CHECK_THROWS_AS(attend_means({none, none, none, floats({3}, {0, 0, 0})}), Error);
  CHECK_THROWS_AS(run(microsoft_call("Attention", {pattern({1, 2, 2}), pattern({3, 3})},
                                     {{"num_heads", std::int64_t{1}}})),
                  Error);
  // No batch, no tokens.
  check(run(microsoft_call("Attention", {pattern({0, 2, 1}), pattern({1, 3})},
                           {{"num_heads", std::int64_t{1}}})),
        floats({0, 2, 1}, {}));
  check(run(microsoft_call("Attention", {pattern({1, 0, 1}), pattern({1, 3})},
                           {{"num_heads", std::int64_t{1}}})),
        floats({1, 0, 1}, {}));
}

TEST_CASE("com.microsoft attention of every float type", "[ops]") {
  const auto means = [&]<class T>(T) {
    check(run(microsoft_call("Attention",
                             {tensor<T>({1, 2, 1}, {2, 4}), tensor<T>({1, 3}, {0, 1, 1})},
                             {{"num_heads", std::int64_t{1}}})),
          tensor<T>({1, 2, 1}, {3, 3}));
    const Tensor q = tensor<T>({1, 1, 1}, {0}), kv = tensor<T>({1, 2, 1}, {2, 4});
    const auto outputs =
        run(microsoft_call("MultiHeadAttention", {q, kv, kv}, {{"num_heads", std::int64_t{1}}}, 3));
    check(outputs, tensor<T>({1, 1, 1}, {3}));
    check(outputs, tensor<T>({1, 1, 2, 1}, {2, 4}), 1e-6, 2);
  };
  means(float{});
  means(double{});
  means(float16{});
  means(bfloat16{});
}

TEST_CASE("QAttention projects codes", "[ops]") {
  Tensor x = Tensor::copy_of<std::uint8_t>({0, 20, 40, 60, 80, 100}, {1, 2, 3});
  Tensor w(DType::int8, {3, 6});
  for (std::size_t i = 0; i < 18; ++i) {
    w.as_mutable<std::int8_t>()[i] = static_cast<std::int8_t>(static_cast<int>(i % 7) - 3);
  }
  const Value none;
  const Call call =
      microsoft_call("QAttention",
                     {x, w, pattern({6}, 2), Tensor::scalar(0.02f), Tensor::scalar(0.5f), none,
                      Tensor::scalar(std::uint8_t{40}), Tensor::scalar(std::int8_t{1})},
                     {{"num_heads", std::int64_t{1}}, {"unidirectional", std::int64_t{1}}});
  check(run(call), floats({1, 2, 2}, {-0.8f, 0.35f, -2.18627f, 0.35f}));
  Call by_column = call;  // the same scale for all six columns
  by_column.inputs[4] = floats({6}, {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f});
  by_column.inputs[7] = Tensor::copy_of<std::int8_t>({1, 1, 1, 1, 1, 1});
  by_column.inputs.push_back(Tensor::zeros(DType::float32, {2, 1, 1, 0, 2}));
  by_column.outputs = 2;
  const auto outputs = run(by_column);
  check(outputs, floats({1, 2, 2}, {-0.8f, 0.35f, -2.18627f, 0.35f}));
  CHECK(outputs[1].tensor().shape() == Shape{2, 1, 1, 2, 2});
  by_column.inputs[4] = floats({2}, {0.5f, 0.5f});
  CHECK_THROWS_AS(run(by_column), Error);
}

TEST_CASE("MultiHeadAttention of projected inputs", "[ops]") {
  const auto outputs =
      run(microsoft_call("MultiHeadAttention",
                         {pattern({1, 2, 4}), pattern({1, 3, 4}, 1), pattern({1, 3, 6}, 2),
                          pattern({14}, 3), int32s({1}, {2}), pattern({1, 2, 2, 3}, 4)},
                         {{"num_heads", std::int64_t{2}}, {"scale", 0.5f}}, 4));
  check(outputs,
        floats({1, 2, 6}, {1.11135f, -0.88865f, -0.13865f, 0.595966f, 0.818151f, -0.654034f,
                           1.02042f, -0.979577f, -0.229577f, 0.803832f, -0.117242f, -0.446168f}),
        1e-4);
  check(outputs,
        floats({1, 2, 3, 2},
               {-0.75f, 0, 0.75f, -1.25f, -0.5f, -2.5f, 0.75f, -1.25f, -0.5f, 0.25f, 1, -1}),
        1e-6, 1);
  check(outputs,
        floats({1, 2, 3, 3}, {1.5f, -0.5f, 0.25f, 1, -1, -0.25f, 0.5f, 1.25f, -0.75f, 1, -1, -0.25f,
                              0.5f, 1.25f, -0.75f, 0, 0.75f, -1.25f}),
        1e-6, 2);
  // Scores with bias and filter, before the softmax.
  check(outputs,
        floats({1, 2, 2, 3}, {-0.90625f, 0.34375f, -10000.8f, -1.71875f, 1.4375f, -9999.88f,
                              -0.5625f, 0.875f, -10002.5f, 0.53125f, 0.09375f, -10001.4f}),
        1e-6, 3);
}

TEST_CASE("MultiHeadAttention reads heads wherever they are", "[ops]") {
  // Two heads of one number, two tokens; K is 0, so that both keys count alike.
  const Tensor q = floats({1, 2, 2}, {1, 2, 3, 4}), k = floats({1, 2, 2}, {0, 0, 0, 0});
  const Tensor v = floats({1, 2, 2}, {2, 10, 4, 30});
  const Tensor expected = floats({1, 2, 2}, {3, 20, 3, 20});
  const std::initializer_list<Attributes::Item> two_heads{{"num_heads", std::int64_t{2}}};
  check(run(microsoft_call("MultiHeadAttention", {q, k, v}, two_heads)), expected);
  const Tensor k4 = floats({1, 2, 2, 1}, {0, 0, 0, 0});
  const Tensor v4 = floats({1, 2, 2, 1}, {2, 4, 10, 30});
  check(run(microsoft_call("MultiHeadAttention", {q, k4, v4}, two_heads)), expected);
  // [batch, sequence, heads, 2, size]: K, V of each head.
  const Tensor kv = floats({1, 2, 2, 2, 1}, {0, 2, 0, 10, 0, 4, 0, 30});
  check(run(microsoft_call("MultiHeadAttention", {q, kv}, two_heads)), expected);
  const Tensor qkv = floats({1, 2, 2, 3, 1}, {1, 0, 2, 2, 0, 10, 3, 0, 4, 4, 0, 30});
  check(run(microsoft_call("MultiHeadAttention", {qkv}, two_heads)), expected);
  const Tensor bias = floats({6}, {0, 0, 0, 0, 1, 2});
  const Tensor raised = floats({1, 2, 2}, {4, 22, 4, 22});
  check(run(microsoft_call("MultiHeadAttention", {qkv, {}, {}, bias}, two_heads)), raised);
  check(run(microsoft_call("MultiHeadAttention", {q, k, v, bias}, two_heads)), raised);
  // Heads given apart have had their bias.
  check(run(microsoft_call("MultiHeadAttention", {q, k4, v4, bias}, two_heads)), expected);
  CHECK_THROWS_AS(run(microsoft_call("MultiHeadAttention", {q}, two_heads)), Error);
  CHECK_THROWS_AS(run(microsoft_call("MultiHeadAttention", {q, k}, two_heads)), Error);
  CHECK_THROWS_AS(run(microsoft_call("MultiHeadAttention", {qkv, k, v}, two_heads)), Error);
  CHECK_THROWS_AS(
      run(microsoft_call("MultiHeadAttention", {q, k, v}, {{"num_heads", std::int64_t{3}}})),
      Error);
  CHECK_THROWS_AS(
      run(microsoft_call("MultiHeadAttention", {q, k, v, floats({5}, {0, 0, 0, 0, 0})}, two_heads)),
      Error);
  CHECK_THROWS_AS(
      run(microsoft_call("MultiHeadAttention", {q, k4, pattern({1, 2, 3, 1})}, two_heads)), Error);
}

TEST_CASE("MultiHeadAttention writes into a shared buffer", "[ops]") {
  const Value none;
  const Tensor q = floats({1, 1, 1}, {0}), k = floats({1, 1, 1}, {5}), v = floats({1, 1, 1}, {6});
  const Tensor past_k = floats({1, 1, 3, 1}, {1, 2, 3}), past_v = floats({1, 1, 3, 1}, {4, 8, 9});
  const auto cached = [&](std::vector<Value> last) {
    std::vector<Value> inputs{q, k, v, none, none, none, past_k, past_v};
    inputs.insert(inputs.end(), last.begin(), last.end());
    return run(microsoft_call("MultiHeadAttention", inputs, {{"num_heads", std::int64_t{1}}}, 3));
  };
  check(cached({}), floats({1, 1, 1}, {6.75f}));
  check(cached({}), floats({1, 1, 4, 1}, {1, 2, 3, 5}), 1e-6, 1);
  check(cached({int32s({1}, {1})}), floats({1, 1, 1}, {5}));
  check(cached({int32s({1}, {1})}), floats({1, 1, 3, 1}, {4, 6, 9}), 1e-6, 2);
  CHECK_THROWS_AS(cached({int32s({1}, {3})}), Error);
  CHECK_THROWS_AS(cached({int32s({1}, {1}), int32s({1, 1, 3}, {0, 0, 0})}), Error);  // beams
}

TEST_CASE("com.microsoft RotaryEmbedding takes positions first", "[ops]") {
  const Tensor x = pattern({1, 2, 8});
  const Tensor angles = pattern({4, 2}, 5);
  const Tensor cos = mapped(angles.clone(), [](float a) { return std::cos(a); });
  const Tensor sin = mapped(angles.clone(), [](float a) { return std::sin(a); });
  const Tensor ids = Tensor::copy_of<std::int64_t>({3, 1}, {1, 2});
  const Tensor expected =
      floats({1, 2, 8}, {-1.25543f, -0.781688f, 0.486204f, 1.09611f, 0.864561f, -0.405227f,
                         0.561279f, -0.631103f, -0.757726f, 0.058905f, -0.698821f, -1.45655f,
                         -0.160491f, -0.318935f, 1.33669f, 0.459108f});
  check(run(microsoft_call("RotaryEmbedding", {x, ids, cos, sin})), expected, 1e-4);
  // The first position alone, and a head of four of which two turn by a quarter.
  const Tensor quarter_cos = floats({3, 1}, {1, 1, 0}), quarter_sin = floats({3, 1}, {0, 0, 1});
  const Tensor row = floats({1, 2, 4}, {1, 2, 3, 4, 1, 2, 3, 4});
  const Tensor one = Tensor::copy_of<std::int64_t>({1});
  const auto part = [&](Attributes items, const Tensor& start) {
    Call call = microsoft_call("RotaryEmbedding", {row, start, quarter_cos, quarter_sin});
    call.attributes = std::move(items);
    return run(call);
  };
  const Attributes two =
      attributes({{"num_heads", std::int64_t{1}}, {"rotary_embedding_dim", std::int64_t{2}}});
  check(part(two, one), floats({1, 2, 4}, {1, 2, 3, 4, -2, 1, 3, 4}));
  check(part({}, one), floats({1, 2, 4}, {1, 2, 3, 4, -2, 1, -4, 3}));  // two heads of two
  CHECK_THROWS_AS(part(two, Tensor::copy_of<std::int64_t>({2})), Error);
  CHECK_THROWS_AS(part(two, Tensor::copy_of<std::int64_t>({-1})), Error);
  CHECK_THROWS_AS(part(two, Tensor::copy_of<std::int64_t>({1, 2})), Error);
  CHECK_THROWS_AS(part(attributes({{"num_heads", std::int64_t{1}}}), one), Error);
  CHECK_THROWS_AS(part(attributes({{"num_heads", std::int64_t{3}}}), one), Error);
}

TEST_CASE("com.microsoft RotaryEmbedding of four axes and neighbours", "[ops]") {
  const Tensor x = floats({1, 2, 1, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor cos = floats({1, 2}, {0, 1}), sin = floats({1, 2}, {1, 0});
  const Tensor ids = Tensor::copy_of<std::int64_t>({0}, {1, 1});
  check(run(microsoft_call("RotaryEmbedding", {x, ids, cos, sin})),
        floats({1, 2, 1, 4}, {-3, 2, 1, 4, -7, 6, 5, 8}));
  check(run(microsoft_call("RotaryEmbedding", {x, ids, cos, sin},
                           {{"interleaved", std::int64_t{1}}})),
        floats({1, 2, 1, 4}, {-2, 1, 3, 4, -6, 5, 7, 8}));
}
