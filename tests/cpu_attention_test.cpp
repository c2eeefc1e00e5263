// Attention of the cpu backend, against the reference backend.
#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;
using test::with;

namespace {

constexpr double tolerance = 1e-5;
const float infinity = std::numeric_limits<float>::infinity();

Call attention(std::vector<Value> inputs, Attributes attributes = {}) {
  return {.op = "Attention",
          .inputs = std::move(inputs),
          .attributes = std::move(attributes),
          .version = 24};
}

Call fused(std::vector<Value> inputs, Attributes attributes = {}) {
  return {.op = "FusedAttention",
          .inputs = std::move(inputs),
          .attributes = std::move(attributes),
          .domain = "inlay",
          .version = 1};
}

/// Addends of which some keep keys out: all keys of the first row.
Tensor random_mask(std::mt19937& engine, const Shape& shape) {
  Tensor mask = random_tensor(engine, shape, -3, 3);
  const auto values = mask.as_mutable<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 3 == 0 || static_cast<std::int64_t>(i) < shape.back()) values[i] = -infinity;
  }
  return mask;
}

}  // namespace

TEST_CASE("cpu: Attention of any number of queries, keys and elements", "[cpu]") {
  std::mt19937 engine(1);
  struct Sizes {
    std::int64_t queries, keys, size, value_size;
  };
  for (const Sizes& s : std::vector<Sizes>{{1, 1, 1, 1},
                                           {1, 300, 64, 64},
                                           {5, 40, 17, 3},
                                           {6, 16, 8, 8},
                                           {7, 17, 33, 65},
                                           {23, 64, 32, 16},
                                           {24, 65, 3, 1},
                                           {25, 100, 64, 64},
                                           {50, 255, 5, 130},
                                           {30, 256, 16, 7},
                                           {61, 257, 20, 48},
                                           {9, 600, 12, 70},
                                           {0, 5, 4, 4},
                                           {5, 0, 4, 4},
                                           {40, 0, 4, 4},
                                           {8, 9, 0, 4},
                                           {8, 9, 4, 0},
                                           {2, 9, 0, 0}}) {
    CAPTURE(s.queries, s.keys, s.size, s.value_size);
    const Tensor q = random_tensor(engine, {2, 3, s.queries, s.size}, -3, 3);
    const Tensor k = random_tensor(engine, {2, 3, s.keys, s.size}, -3, 3);
    const Tensor v = random_tensor(engine, {2, 3, s.keys, s.value_size});
    check(attention({q, k, v}, with({{"scale", 0.3f}})), tolerance);
    check(attention({q, k, v}, with({{"is_causal", std::int64_t{1}}, {"scale", 0.3f}})), tolerance);
  }
}

TEST_CASE("cpu: Attention shares heads of K and V, packed or not", "[cpu]") {
  std::mt19937 engine(2);
  for (const std::int64_t queries : {2, 31}) {
    check(attention({random_tensor(engine, {2, 6, queries, 8}),
                     random_tensor(engine, {2, 2, 37, 8}), random_tensor(engine, {2, 2, 37, 5})}),
          tolerance);
    check(attention({random_tensor(engine, {2, queries, 6 * 8}),
                     random_tensor(engine, {2, 37, 2 * 8}), random_tensor(engine, {2, 37, 2 * 5})},
                    with({{"q_num_heads", std::int64_t{6}}, {"kv_num_heads", std::int64_t{2}}})),
          tolerance);
  }
}

TEST_CASE("cpu: Attention takes masks of either type and any shape", "[cpu]") {
  std::mt19937 engine(3);
  for (const std::int64_t queries : {3, 27}) {
    const Tensor q = random_tensor(engine, {2, 3, queries, 8});
    const Tensor k = random_tensor(engine, {2, 3, 21, 8}), v = random_tensor(engine, {2, 3, 21, 8});
    for (const Shape& shape : {Shape{21},
                               {queries, 21},
                               {1, 1, 21},
                               {3, 1, 21},
                               {2, 1, queries, 21},
                               {2, 3, queries, 21},
                               {2, 1, 1, 13},
                               {0}}) {
      CAPTURE(to_string(shape));
      check(attention({q, k, v, random_mask(engine, shape)}), tolerance);
      Tensor bools(DType::boolean, shape);
      for (bool& value : bools.as_mutable<bool>()) value = engine() % 3 != 0;
      check(attention({q, k, v, bools}, with({{"is_causal", std::int64_t{1}}})), tolerance);
    }
  }
}

TEST_CASE("cpu: FusedAttention takes heads in either layout", "[cpu]") {
  std::mt19937 engine(4);
  const auto shaped = [](bool by_row, std::int64_t heads, std::int64_t rows, std::int64_t size) {
    return by_row ? Shape{2, rows, heads, size} : Shape{2, heads, rows, size};
  };
  const auto layout = [](bool by_row) { return std::string(by_row ? "BSNH" : "BNSH"); };
  for (const std::int64_t queries : {1, 4, 26}) {
    for (int bits = 0; bits < 16; ++bits) {
      const bool q = bits & 1, k = bits & 2, v = bits & 4, y = bits & 8;
      check(fused({random_tensor(engine, shaped(q, 4, queries, 9)),
                   random_tensor(engine, shaped(k, 2, 20, 9)),
                   random_tensor(engine, shaped(v, 2, 20, 6))},
                  with({{"q_layout", layout(q)},
                        {"k_layout", layout(k)},
                        {"v_layout", layout(v)},
                        {"y_layout", layout(y)},
                        {"scale", 0.5f}})),
            tolerance);
    }
  }
}

TEST_CASE("cpu: FusedAttention broadcasts like the products it stands for", "[cpu]") {
  std::mt19937 engine(5);
  const auto product = [&](const Shape& q, const Shape& k, const Shape& v, const Shape& mask) {
    CAPTURE(to_string(q), to_string(k), to_string(v), to_string(mask));
    std::vector<Value> inputs = {random_tensor(engine, q), random_tensor(engine, k),
                                 random_tensor(engine, v)};
    if (mask.rank() > 0) inputs.emplace_back(random_mask(engine, mask));
    check(fused(inputs), tolerance);
    check(fused(inputs, with({{"is_causal", std::int64_t{1}}})), tolerance);
  };
  product({1, 2, 9, 4}, {3, 2, 7, 4}, {3, 2, 7, 5}, {});
  product({3, 1, 9, 4}, {1, 2, 7, 4}, {3, 1, 7, 5}, {2, 1, 7});
  product({1, 1, 1, 4}, {1, 1, 7, 4}, {1, 1, 7, 5}, {2, 3, 8, 7});
  product({2, 2, 9, 4}, {2, 2, 7, 4}, {2, 2, 7, 5}, {2, 1, 9, 1});
  product({2, 2, 9, 4}, {2, 2, 7, 4}, {2, 2, 7, 5}, {7});
  product({2, 4, 300, 4}, {2, 1, 300, 4}, {2, 1, 300, 5}, {300, 300});
}

TEST_CASE("FusedAttention refuses what does not fit", "[cpu]") {
  const Tensor q(DType::float32, {1, 4, 5, 8});
  const auto tensor = [](const Shape& shape) { return Tensor(DType::float32, shape); };
  for (const char* backend : {"reference", "cpu"}) {
    const auto refuses = [&](std::vector<Value> inputs, Attributes attributes = {}) {
      CHECK_THROWS_AS(test::run(fused(std::move(inputs), std::move(attributes)), backend), Error);
    };
    refuses({q, tensor({1, 4, 6, 7}), tensor({1, 4, 6, 8})});
    refuses({q, tensor({1, 4, 6, 8}), tensor({1, 4, 5, 8})});
    refuses({q, tensor({1, 3, 6, 8}), tensor({1, 3, 6, 8})});
    refuses({q, tensor({1, 0, 6, 8}), tensor({1, 0, 6, 8})});
    refuses({q, tensor({4, 6, 8}), tensor({1, 4, 6, 8})});
    refuses({q, tensor({1, 4, 6, 8}), tensor({1, 4, 6, 8}), tensor({5, 5})});
    refuses({q, tensor({1, 4, 6, 8}), tensor({1, 4, 6, 8}), tensor({3, 6})});
    refuses({q, tensor({1, 4, 6, 8}), tensor({1, 4, 6, 8})},
            with({{"q_layout", std::string("X")}}));
  }
}

TEST_CASE("cpu: RotaryEmbedding turns all or a part of each head", "[cpu]") {
  std::mt19937 engine(6);
  const auto rotary = [&](std::vector<Value> inputs, Attributes attributes) {
    check({.op = "RotaryEmbedding",
           .inputs = std::move(inputs),
           .attributes = std::move(attributes),
           .version = 23});
  };
  const Tensor ids = random_tensor<std::int64_t>(engine, {2, 5}, 0, 8);
  for (const std::int64_t interleaved : {0, 1}) {
    for (const std::int64_t pairs : {1, 4, 16, 21}) {
      const Attributes whole = with({{"interleaved", interleaved}});
      const Tensor heads = random_tensor(engine, {2, 3, 5, 2 * pairs});
      rotary({heads, random_tensor(engine, {2, 5, pairs}), random_tensor(engine, {2, 5, pairs})},
             whole);
      rotary({heads, random_tensor(engine, {9, pairs}), random_tensor(engine, {9, pairs}), ids},
             whole);
      rotary({random_tensor(engine, {2, 5, 3 * (2 * pairs + 3)}), random_tensor(engine, {9, pairs}),
              random_tensor(engine, {9, pairs}), ids},
             with({{"interleaved", interleaved},
                   {"num_heads", std::int64_t{3}},
                   {"rotary_embedding_dim", 2 * pairs}}));
    }
  }
  const Call outside{
      .op = "RotaryEmbedding",
      .inputs = {random_tensor(engine, {2, 3, 5, 2}), random_tensor(engine, {4, 1}),
                 random_tensor(engine, {4, 1}), random_tensor<std::int64_t>(engine, {2, 5}, 4, 8)},
      .version = 23};
  CHECK_THROWS_AS(test::run(outside, "cpu"), Error);
}

TEST_CASE("cpu: FusedRotaryEmbedding broadcasts all but the last axis", "[cpu]") {
  std::mt19937 engine(7);
  const auto rotary = [&](const Shape& x, const Shape& cosines, const Shape& sines) {
    CAPTURE(to_string(x), to_string(cosines));
    for (const std::int64_t interleaved : {0, 1}) {
      check({.op = "FusedRotaryEmbedding",
             .inputs = {random_tensor(engine, x), random_tensor(engine, cosines),
                        random_tensor(engine, sines)},
             .attributes = with({{"interleaved", interleaved}}),
             .domain = "inlay",
             .version = 1});
    }
  };
  rotary({2, 5, 3, 8}, {2, 5, 1, 4}, {2, 5, 1, 4});
  rotary({2, 3, 5, 64}, {5, 64}, {1, 1, 5, 64});
  rotary({2, 3, 1, 42}, {7, 21}, {7, 21});
  rotary({6}, {3}, {3});
  rotary({6}, {4, 6}, {6});
  rotary({0, 6}, {3}, {3});
  rotary({3, 0}, {0}, {0});
  rotary({400, 300}, {400, 150}, {1, 150});
  for (const Shape& angles : {Shape{2}, {5, 4}, {}}) {
    const Call call{.op = "FusedRotaryEmbedding",
                    .inputs = {random_tensor(engine, {2, 8}), random_tensor(engine, angles),
                               random_tensor(engine, angles)},
                    .domain = "inlay",
                    .version = 1};
    for (const char* backend : {"reference", "cpu"}) {
      CHECK_THROWS_AS(test::run(call, backend), Error);
    }
  }
}
