#include <catch2/catch.hpp>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using i32 = std::int32_t;

/// One head of one number that looks everywhere alike (Q is 0), its keys and values.
struct MeanCache {
  std::vector<Value> inputs = std::vector<Value>(17);
  Attributes attributes;
  std::size_t outputs = 3;

  MeanCache(std::initializer_list<float> added, const Value& past_key, const Value& past_value,
            i32 total) {
    const auto count = static_cast<std::int64_t>(added.size());
    inputs[0] = Tensor::zeros(DType::float32, {1, count, 1});
    inputs[1] = inputs[2] = Tensor::copy_of(added, {1, count, 1});
    inputs[3] = past_key;
    inputs[4] = past_value;
    lengths(total, total);
    attributes.set("num_heads", std::int64_t{1});
    attributes.set("kv_num_heads", std::int64_t{1});
  }
  void lengths(i32 own, i32 total) {
    inputs[5] = Tensor::copy_of<i32>({own - 1});
    inputs[6] = Tensor::copy_of<i32>({total});
  }
  std::vector<Value> run() const {
    Call call = microsoft_call("GroupQueryAttention", inputs, {}, outputs);
    call.attributes = attributes;
    return test::run(call);
  }
};

Tensor cache(std::initializer_list<float> rows) {
  return Tensor::copy_of(rows, {1, 1, static_cast<std::int64_t>(rows.size()), 1});
}
const Value none;

}  // namespace

TEST_CASE("GroupQueryAttention of a prompt", "[ops]") {
  MeanCache prompt({2, 4, 9}, none, none, 3);
  check(prompt.run(), floats({1, 3, 1}, {2, 3, 5}));
  check(prompt.run(), cache({2, 4, 9}), 1e-6, 2);
  prompt.attributes.set("local_window_size", std::int64_t{2});
  check(prompt.run(), floats({1, 3, 1}, {2, 3, 6.5f}));
  prompt.attributes.erase("local_window_size");
  prompt.attributes.set("causal", std::int64_t{0});
  check(prompt.run(), floats({1, 3, 1}, {5, 5, 5}));
  // A buffer that is larger, and a prompt whose last token is padding.
  MeanCache padded({2, 4, 9}, cache({1, 1, 1, 1}), cache({1, 1, 1, 1}), 3);
  padded.lengths(2, 3);
  check(padded.run(), floats({1, 3, 1}, {2, 3, 0}));
  check(padded.run(), cache({2, 4, 0, 0}), 1e-6, 1);
}

TEST_CASE("GroupQueryAttention of the next tokens", "[ops]") {
  MeanCache next({8}, cache({0, 0, 7}), cache({2, 5, 7}), 3);  // two of three rows are in use
  check(next.run(), floats({1, 1, 1}, {5}));
  check(next.run(), cache({0, 0, 8}), 1e-6, 1);
  check(next.run(), cache({2, 5, 8}), 1e-6, 2);
  MeanCache grown({8}, cache({0, 0, 7}), cache({2, 5, 7}), 4);
  check(grown.run(), floats({1, 1, 1}, {5.5f}));
  check(grown.run(), cache({2, 5, 7, 8}), 1e-6, 2);
  MeanCache chunk({8, 11}, cache({0, 0, 7}), cache({2, 5, 7}), 4);
  check(chunk.run(), floats({1, 2, 1}, {5, 6.5f}));
  chunk.attributes.set("local_window_size", std::int64_t{1});
  check(chunk.run(), floats({1, 2, 1}, {8, 11}));
}

TEST_CASE("GroupQueryAttention of padded chunks", "[ops]") {
  MeanCache chunk({8, 11}, cache({0, 0, 7}), cache({2, 5, 7}), 3);
  chunk.inputs[16] = Tensor::copy_of<i32>({1});  // one of the two is a token
  check(chunk.run(), floats({1, 2, 1}, {5, 0}));
  check(chunk.run(), cache({2, 5, 8}), 1e-6, 2);
  chunk.inputs[16] = Tensor::copy_of<i32>({0});  // none is
  check(chunk.run(), cache({2, 5, 7}), 1e-6, 2);
  chunk.inputs[16] = Tensor::copy_of<i32>({3});
  CHECK_THROWS_AS(chunk.run(), Error);
  chunk.inputs[16] = Tensor::copy_of<i32>({-1});
  CHECK_THROWS_AS(chunk.run(), Error);
}

TEST_CASE("GroupQueryAttention with a sink, a bias and a softcap", "[ops]") {
  MeanCache prompt({2, 4}, none, none, 2);
  prompt.attributes.set("smooth_softmax", std::int64_t{1});  // one more key without a value
  check(prompt.run(), floats({1, 2, 1}, {1, 2}));
  prompt.inputs[11] = floats({1}, {std::log(2.f)});  // as much as two keys
  check(prompt.run(), floats({1, 2, 1}, {2.f / 3, 1.5f}));
  MeanCache biased({2, 4}, none, none, 2);
  biased.inputs[10] = floats({1, 1, 2, 2}, {0, 9, std::log(3.f), 0});
  check(biased.run(), floats({1, 2, 1}, {2, 2.5f}));
  // Scores 0 and 4 become 0 and tanh(4).
  MeanCache capped({0, 4}, none, none, 2);
  capped.inputs[0] = floats({1, 2, 1}, {1, 1});
  capped.attributes.set("softcap", 1.f);
  capped.attributes.set("qk_output", std::int64_t{1});
  capped.outputs = 4;
  check(capped.run(), floats({1, 2, 1}, {0, 4 / (1 + std::exp(-std::tanh(4.f)))}));
  check(capped.run(), floats({1, 1, 2, 2}, {0, 0, 0, std::tanh(4.f)}), 1e-6, 3);
  capped.attributes.set("qk_output", std::int64_t{2});
  check(capped.run(), floats({1, 1, 2, 2}, {1, 0, 0.276f, 0.724f}), 2e-2, 3);
}

TEST_CASE("GroupQueryAttention turns queries and keys", "[ops]") {
  const Tensor angles = pattern({4, 8}, 5);
  std::vector<Value> inputs{pattern({1, 2, 32}),
                            pattern({1, 2, 16}, 1),
                            pattern({1, 2, 16}, 2),
                            pattern({1, 1, 3, 16}, 3),
                            pattern({1, 1, 3, 16}, 4),
                            Tensor::copy_of<i32>({2}),
                            Tensor::copy_of<i32>({3}),
                            mapped(angles.clone(), [](float a) { return std::cos(a); }),
                            mapped(angles.clone(), [](float a) { return std::sin(a); })};
  const std::initializer_list<Attributes::Item> items{
      {"num_heads", std::int64_t{2}},         {"kv_num_heads", std::int64_t{1}},
      {"do_rotary", std::int64_t{1}},         {"softcap", 2.f},
      {"local_window_size", std::int64_t{2}}, {"smooth_softmax", std::int64_t{1}}};
  const auto first = [&](const std::vector<Value>& values) {
    const auto all = values[0].tensor().as<float>();
    return Tensor::copy_of({all[0], all[1], all[2], all[32], all[33], all[63]});
  };
  const Tensor expected =
      Tensor::copy_of({-0.269837f, 0.0389265f, 0.20496f, 0.441586f, -0.349844f, -0.527195f});
  check({first(run(microsoft_call("GroupQueryAttention", inputs, items)))}, expected, 1e-4);
  inputs.emplace_back(Tensor::copy_of<std::int64_t>({1, 2}, {1, 2}));  // the same positions
  check({first(run(microsoft_call("GroupQueryAttention", inputs, items)))}, expected, 1e-4);
  inputs[9] = Tensor::copy_of<std::int64_t>({1, 4}, {1, 2});
  CHECK_THROWS_AS(run(microsoft_call("GroupQueryAttention", inputs, items)), Error);
  inputs[9] = Tensor::copy_of<std::int64_t>({1}, {1, 1});
  CHECK_THROWS_AS(run(microsoft_call("GroupQueryAttention", inputs, items)), Error);
}

TEST_CASE("GroupQueryAttention takes Q, K and V in one tensor", "[ops]") {
  // Two heads of Q share K and V; K is 0.
  const Tensor packed = floats({1, 2, 4}, {1, 2, 0, 3, 4, 5, 0, 7});
  check(run(microsoft_call(
            "GroupQueryAttention",
            {packed, none, none, none, none, Tensor::copy_of<i32>({1}), Tensor::copy_of<i32>({2})},
            {{"num_heads", std::int64_t{2}}, {"kv_num_heads", std::int64_t{1}}})),
        floats({1, 2, 2}, {3, 3, 5, 5}));
}

TEST_CASE("GroupQueryAttention normalizes heads", "[ops]") {
  // Keys 3 and -5 become 1 and -1, the query 2 becomes 1, times the weights 2 and 0.5.
  MeanCache prompt({3, -5}, none, none, 2);
  prompt.inputs[0] = floats({1, 2, 1}, {2, 2});
  prompt.inputs[14] = floats({1}, {2});
  prompt.inputs[15] = floats({1}, {0.5f});
  const float weight = 1 / (1 + std::exp(-2.f));
  check(prompt.run(), floats({1, 2, 1}, {3, 3 * weight - 5 * (1 - weight)}), 1e-4);
  check(prompt.run(), cache({0.5f, -0.5f}), 1e-4, 1);
  prompt.inputs[15] = none;
  CHECK_THROWS_AS(prompt.run(), Error);
}

TEST_CASE("GroupQueryAttention forgets what leaves its window", "[ops]") {
  // Three rows hold the last positions of which two are in the window: when the cache is full, two
  // are dropped at once.
  MeanCache next({8}, cache({0, 0, 0}), cache({1, 2, 3}), 4);
  next.attributes.set("local_window_size", std::int64_t{2});
  next.attributes.set("sliding_window_cache", std::int64_t{1});
  check(next.run(), floats({1, 1, 1}, {5.5f}));
  check(next.run(), cache({3, 8, 0}), 1e-6, 2);
  MeanCache after({9}, cache({0, 8, 0}), cache({3, 8, 0}), 5);
  after.attributes = next.attributes;
  check(after.run(), floats({1, 1, 1}, {8.5f}));
  check(after.run(), cache({3, 8, 9}), 1e-6, 2);
  after.attributes.set("local_window_size", std::int64_t{4});  // more than the cache holds
  CHECK_THROWS_AS(after.run(), Error);
}

TEST_CASE("GroupQueryAttention keeps integers in its cache", "[ops]") {
  MeanCache next({8}, none, none, 3);
  next.inputs[3] = Tensor::copy_of<std::int8_t>({0, 0, 0}, {1, 1, 3, 1});
  next.inputs[4] = Tensor::copy_of<std::int8_t>({4, 10, 0}, {1, 1, 3, 1});  // 2 and 5
  next.inputs[12] = next.inputs[13] = Tensor::copy_of({0.5f});
  check(next.run(), floats({1, 1, 1}, {5}));
  check(next.run(), Tensor::copy_of<std::int8_t>({4, 10, 16}, {1, 1, 3, 1}), 0, 2);
  // Two numbers a byte, 8 above the code: 2 and 3, then -1 and 1 of scale 2 and 1.
  std::vector<Value> inputs(14);
  inputs[0] = Tensor::zeros(DType::float32, {1, 1, 2});
  inputs[1] = inputs[2] = floats({1, 1, 2}, {-2.4f, 100});
  inputs[3] = inputs[4] = Tensor::copy_of<std::uint8_t>({0xB9, 0}, {1, 1, 2, 1});
  inputs[5] = Tensor::copy_of<i32>({1});
  inputs[6] = Tensor::copy_of<i32>({2});
  inputs[12] = inputs[13] = floats({1, 1, 1, 2}, {2, 1});
  Call call = microsoft_call("GroupQueryAttention", inputs,
                             {{"num_heads", std::int64_t{1}},
                              {"kv_num_heads", std::int64_t{1}},
                              {"kv_cache_bit_width", std::int64_t{4}}},
                             3);
  check(run(call), floats({1, 1, 2}, {0, 5}));  // 2 and -2, 3 and 7
  check(run(call), Tensor::copy_of<std::uint8_t>({0xB9, 0xF7}, {1, 1, 2, 1}), 0, 2);
  call.attributes.set("kv_cache_bit_width", std::int64_t{8});
  CHECK_THROWS_AS(run(call), Error);
}

TEST_CASE("GroupQueryAttention of the 16-bit floats", "[ops]") {
  const auto means = [&]<class T>(T) {
    const Tensor kv = tensor<T>({1, 2, 1}, {2, 4});
    const auto outputs = run(microsoft_call(
        "GroupQueryAttention",
        {tensor<T>({1, 2, 1}, {0, 0}), kv, kv, tensor<T>({1, 1, 3, 1}, {0, 0, 0}),
         tensor<T>({1, 1, 3, 1}, {9, 9, 9}), Tensor::copy_of<i32>({2}), Tensor::copy_of<i32>({3})},
        {{"num_heads", std::int64_t{1}}, {"kv_num_heads", std::int64_t{1}}}, 3));
    check(outputs, tensor<T>({1, 2, 1}, {5.5, 5}));
    check(outputs, tensor<T>({1, 1, 3, 1}, {9, 2, 4}), 1e-6, 2);
  };
  means(float16{});
  means(bfloat16{});
}

TEST_CASE("GroupQueryAttention refuses what does not fit", "[ops]") {
  MeanCache next({8}, cache({0, 0, 7}), cache({2, 5, 7}), 3);
  next.lengths(4, 3);
  CHECK_THROWS_AS(next.run(), Error);
  next.lengths(0, 3);
  CHECK_THROWS_AS(next.run(), Error);
  next.lengths(9, 9);  // eight tokens before, three rows of past
  CHECK_THROWS_AS(next.run(), Error);
  next.lengths(3, 3);
  next.inputs[5] = Tensor::copy_of<i32>({2, 2});
  CHECK_THROWS_AS(next.run(), Error);
  next.lengths(3, 3);
  next.inputs[4] = cache({2, 5});
  CHECK_THROWS_AS(next.run(), Error);
  next.inputs[4] = none;
  CHECK_THROWS_AS(next.run(), Error);
  MeanCache odd({8}, none, none, 1);
  odd.attributes.set("num_heads", std::int64_t{3});
  odd.attributes.set("kv_num_heads", std::int64_t{2});
  CHECK_THROWS_AS(odd.run(), Error);
  odd.attributes.set("num_heads", std::int64_t{2});
  CHECK_THROWS_AS(odd.run(), Error);
  MeanCache windowed({8}, none, none, 1);
  windowed.attributes.set("local_window_size", std::int64_t{2});
  windowed.attributes.set("causal", std::int64_t{0});
  CHECK_THROWS_AS(windowed.run(), Error);
  MeanCache empty({}, none, none, 0);  // no token at all
  CHECK_THROWS_AS(empty.run(), Error);
  MeanCache sunk({8}, none, none, 1);
  sunk.inputs[11] = floats({2}, {0, 0});
  CHECK_THROWS_AS(sunk.run(), Error);
}
