#include <catch2/catch.hpp>
#include <limits>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

const float infinity = std::numeric_limits<float>::infinity();

Tensor heads(const Shape& shape, std::initializer_list<float> values) {
  return Tensor::copy_of(values, shape);
}

Call attention(std::vector<Value> inputs, Attributes items = {}, std::size_t outputs = 1,
               int version = 24) {
  Call call{"Attention", std::move(inputs), std::move(items)};
  call.version = version;
  call.outputs = outputs;
  return call;
}

/// Q = 0, so that every key in reach has the same weight: the output is the mean of their values.
struct Means {
  Tensor q, k, v;
  Means(std::int64_t queries, std::initializer_list<float> values)
      : q(Tensor::zeros(DType::float32, {1, 1, queries, 2})),
        k(Tensor::zeros(DType::float32, {1, 1, static_cast<std::int64_t>(values.size()), 2})),
        v(Tensor::copy_of(values, {1, 1, static_cast<std::int64_t>(values.size()), 1})) {}
};

}  // namespace

TEST_CASE("Attention weighs values by the softmax of scaled scores", "[ops]") {
  const Tensor q = heads({1, 1, 1, 1}, {2});
  const Tensor k = heads({1, 1, 2, 1}, {0, 0.5f}), v = heads({1, 1, 2, 1}, {0, 1});
  check(run(attention({q, k, v})), heads({1, 1, 1, 1}, {0.731059f}));  // sigmoid(1)
  check(run(attention({q, k, v}, attributes({{"scale", 2.f}}))), heads({1, 1, 1, 1}, {0.880797f}));
  // 0.5 * tanh(1 / 0.5) = 0.482014
  check(run(attention({q, k, v}, attributes({{"softcap", 0.5f}}))),
        heads({1, 1, 1, 1}, {0.618223f}));
}

TEST_CASE("Attention shows its scores at each stage", "[ops]") {
  const Tensor q = heads({1, 1, 1, 1}, {2});
  const Tensor k = heads({1, 1, 2, 1}, {0, 0.5f}), v = heads({1, 1, 2, 1}, {0, 1});
  const Tensor mask = heads({1, 2}, {0, 1});
  const auto stage = [&](std::int64_t mode, const Tensor& expected) {
    check(run(attention({q, k, v, mask},
                        attributes({{"softcap", 0.5f}, {"qk_matmul_output_mode", mode}}), 4)),
          expected, 1e-5, 3);
  };
  stage(0, heads({1, 1, 1, 2}, {0, 1}));
  stage(1, heads({1, 1, 1, 2}, {0, 0.482014f}));
  stage(2, heads({1, 1, 1, 2}, {0, 1.482014f}));
  stage(3, heads({1, 1, 1, 2}, {0.185124f, 0.814876f}));
}

TEST_CASE("Attention masks: boolean, short, causal", "[ops]") {
  const Means m(2, {1, 2, 6});
  check(run(attention({m.q, m.k, m.v})), heads({1, 1, 2, 1}, {3, 3}));
  const Tensor mask = Tensor::copy_of({true, true, false, false, false, true}, {2, 3});
  check(run(attention({m.q, m.k, m.v, mask})), heads({1, 1, 2, 1}, {1.5f, 6}));
  const Tensor shorter = heads({1, 2}, {0, 0});
  check(run(attention({m.q, m.k, m.v, shorter})), heads({1, 1, 2, 1}, {1.5f, 1.5f}));
  check(run(attention({m.q, m.k, m.v}, attributes({{"is_causal", std::int64_t{1}}}))),
        heads({1, 1, 2, 1}, {1, 1.5f}));
}

TEST_CASE("Attention gives zeros where every key is masked", "[ops]") {
  const Means m(2, {1, 3});
  const Tensor mask = Tensor::copy_of({false, false, true, true}, {2, 2});
  check(run(attention({m.q, m.k, m.v, mask})), heads({1, 1, 2, 1}, {0, 2}));
  const Tensor additive = heads({2, 2}, {-infinity, -infinity, 0, 0});
  check(run(attention({m.q, m.k, m.v, additive})), heads({1, 1, 2, 1}, {0, 2}));
  check(run(attention(
            {m.q, Tensor(DType::float32, {1, 1, 0, 2}), Tensor(DType::float32, {1, 1, 0, 1})})),
        heads({1, 1, 2, 1}, {0, 0}));
}

TEST_CASE("Attention joins past and present keys", "[ops]") {
  const Means m(1, {4});
  const Tensor past_key = heads({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor past_value = heads({1, 1, 2, 1}, {1, 1});
  const auto outputs = run(attention({m.q, m.k, m.v, Value(), past_key, past_value},
                                     attributes({{"is_causal", std::int64_t{1}}}), 3));
  check(outputs, heads({1, 1, 1, 1}, {2}));
  check(outputs, heads({1, 1, 3, 2}, {1, 2, 3, 4, 0, 0}), 0, 1);
  check(outputs, heads({1, 1, 3, 1}, {1, 1, 4}), 0, 2);
}

TEST_CASE("Attention reads only the valid part of a padded cache", "[ops]") {
  const Means m(2, {1, 3, 100, 1000});
  const Tensor lengths = Tensor::copy_of<std::int64_t>({2});
  const std::vector<Value> inputs{m.q, m.k, m.v, Value(), Value(), Value(), lengths};
  check(run(attention(inputs)), heads({1, 1, 2, 1}, {2, 2}));
  check(run(attention(inputs, attributes({{"is_causal", std::int64_t{1}}}))),
        heads({1, 1, 2, 1}, {1, 2}));
}

TEST_CASE("Attention slides a window over the keys", "[ops]") {
  const Means m(4, {1, 2, 4, 8, 16, 32});
  check(run(attention({m.q, m.k, m.v},
                      attributes({{"left_window_size", std::int64_t{2}},
                                  {"right_window_size", std::int64_t{1}}}),
                      1, 25)),
        heads({1, 1, 4, 1}, {1.5f, 7.f / 3, 15.f / 4, 30.f / 4}));
}

TEST_CASE("Attention shares key heads among query heads, packed or not", "[ops]") {
  const Tensor q = Tensor::zeros(DType::float32, {1, 2, 8});  // four heads of two
  const Tensor k = Tensor::zeros(DType::float32, {1, 2, 4});  // two heads of two
  const Tensor v = heads({1, 2, 2}, {1, 10, 3, 30});          // two heads of one
  check(run(attention({q, k, v}, attributes({{"q_num_heads", std::int64_t{4}},
                                             {"kv_num_heads", std::int64_t{2}}}))),
        heads({1, 2, 4}, {2, 2, 20, 20, 2, 2, 20, 20}));
  CHECK_THROWS_AS(run(attention({q, k, v})), Error);
}

TEST_CASE("RotaryEmbedding rotates halves or neighbours", "[ops]") {
  const Tensor x = heads({1, 1, 1, 4}, {1, 2, 3, 4});
  const Tensor cos = heads({2, 2}, {1, 1, 0, 1}), sin = heads({2, 2}, {0, 0, 1, 0});
  const Tensor position = Tensor::copy_of<std::int64_t>({1}, {1, 1});
  Call call{"RotaryEmbedding", {x, cos, sin, position}};
  call.version = 23;
  check(run(call), heads({1, 1, 1, 4}, {-3, 2, 1, 4}));
  call.attributes.set("interleaved", std::int64_t{1});
  check(run(call), heads({1, 1, 1, 4}, {-2, 1, 3, 4}));
  call.inputs[3] = Tensor::copy_of<std::int64_t>({2}, {1, 1});
  CHECK_THROWS_AS(run(call), Error);
}

TEST_CASE("LinearAttention keeps a state across tokens", "[ops]") {
  // One head, key and value of one element: S = S + k v, o = q S.
  const auto sequence = [](std::initializer_list<float> values) {
    return Tensor::copy_of(values, {1, static_cast<std::int64_t>(values.size()), 1});
  };
  Call call{"LinearAttention",
            {sequence({1, 2}), sequence({1, 1}), sequence({3, 4})},
            attributes({{"q_num_heads", std::int64_t{1}},
                        {"kv_num_heads", std::int64_t{1}},
                        {"scale", 1.f},
                        {"update_rule", std::string("linear")}})};
  call.version = 27;
  call.outputs = 2;
  auto outputs = run(call);
  check(outputs, sequence({3, 14}));
  check(outputs, heads({1, 1, 1, 1}, {7}), 1e-6, 1);
  // The delta rule at rate 1 replaces what the key had stored.
  call.attributes.set("update_rule", std::string("delta"));
  call.inputs = {sequence({1, 2}), sequence({1, 1}), sequence({3, 4}),
                 Value(),          Value(),          sequence({1, 1})};
  check(run(call), sequence({3, 8}));
  // The decay halves the state before each token.
  call.attributes.set("update_rule", std::string("gated"));
  const float half = std::log(0.5f);
  call.inputs = {sequence({1, 2}), sequence({1, 1}), sequence({3, 4}), heads({1, 1, 1, 1}, {2}),
                 sequence({half, half})};
  check(run(call), sequence({4, 12}));
}

TEST_CASE("FlexAttention passes scores and probabilities through its subgraphs", "[ops]") {
  const auto doubling = [] {
    auto graph = std::make_shared<Graph>();
    const ValueId x = graph->add_input("scores", Type::tensor(DType::float32));
    Node node;
    node.op = "Add";
    node.version = 21;
    node.inputs = {x, x};
    node.outputs = {graph->add_value("doubled")};
    graph->outputs = node.outputs;
    graph->add_node(std::move(node));
    return graph;
  };
  Call call{"FlexAttention",
            {heads({1, 1, 1, 1}, {1}), heads({1, 1, 2, 1}, {0, 1}), heads({1, 1, 2, 1}, {0, 1})}};
  call.domain = "ai.onnx.preview";
  call.version = 1;
  check(run(call), heads({1, 1, 1, 1}, {0.731059f}));
  call.attributes.set("score_mod", doubling());
  check(run(call), heads({1, 1, 1, 1}, {0.880797f}));
  call.attributes.set("prob_mod", doubling());
  check(run(call), heads({1, 1, 1, 1}, {1.761594f}));
}
