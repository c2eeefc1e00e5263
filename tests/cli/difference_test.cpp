// What `inlay compare` measures.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "cases/output_difference.hpp"
#include "cases/perplexity.hpp"
#include "inlay/inlay.hpp"

using namespace inlay;
using cases::OutputDifference;

namespace {

constexpr double endless = std::numeric_limits<double>::infinity();

OutputDifference difference(const Value& wanted, const Value& actual) {
  OutputDifference result;
  result.add(wanted, actual);
  return result;
}

/// Logits for token t are row t of a table: what follows depends on the last token alone.
Model bigrams(const std::vector<float>& table, std::int64_t words, const std::vector<Dim>& dims) {
  Graph graph;
  graph.opsets[""] = 17;
  const ValueId ids = graph.add_input("input_ids", Type::tensor(DType::int64, dims));
  const ValueId mask = graph.add_input("attention_mask", Type::tensor(DType::int64, dims));
  const ValueId weights =
      graph.add_constant("table", Tensor::copy_of(std::span<const float>(table), {words, words}));
  const ValueId seen = graph.add_node("Mul", {ids, mask}, "seen");
  graph.outputs = {graph.add_node("Gather", {weights, seen}, "logits")};
  return Model::from_graph(std::move(graph));
}

}  // namespace

TEST_CASE("difference: errors of known numbers", "[compare]") {
  const auto result = difference(Tensor::copy_of({3.0f, 4.0f}), Tensor::copy_of({3.0f, 4.5f}));
  CHECK(result.mismatch().empty());
  const Difference& numbers = result.numbers();
  CHECK(numbers.count() == 2);
  CHECK(numbers.max_abs() == Approx(0.5));
  CHECK(numbers.relative() == Approx(0.1));
  CHECK(numbers.sqnr() == Approx(20));
  CHECK(numbers.cosine() == Approx((9 + 18) / (5 * std::sqrt(9 + 20.25))));
}

TEST_CASE("difference: sums run over all runs", "[compare]") {
  OutputDifference result;
  result.add(Tensor::copy_of({3.0f}), Tensor::copy_of({3.0f}));
  result.add(Tensor::copy_of({4.0f, 0.0f}), Tensor::copy_of({4.0f, 0.5f}));
  CHECK(result.numbers().count() == 3);
  CHECK(result.relative() == Approx(0.1));
}

TEST_CASE("difference: equal, zero and not finite", "[compare]") {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor odd = Tensor::copy_of({nan, inf, -inf, 1.0f});
  CHECK(difference(odd, odd.clone()).relative() == 0);
  CHECK(difference(odd, odd.clone()).numbers().sqnr() == endless);
  CHECK(difference(odd, odd.clone()).numbers().cosine() == Approx(1));
  CHECK(difference(Tensor::copy_of({inf}), Tensor::copy_of({1.0f})).relative() == endless);
  CHECK(difference(Tensor::copy_of({1.0f}), Tensor::copy_of({nan})).relative() == endless);
  const Tensor zero = Tensor::copy_of({0.0f});
  CHECK(difference(zero, zero).relative() == 0);
  CHECK(difference(zero, zero).numbers().cosine() == 1);
  CHECK(difference(zero, Tensor::copy_of({1.0f})).relative() == endless);
  CHECK(difference(zero, Tensor::copy_of({1.0f})).numbers().cosine() == 0);
}

TEST_CASE("difference: first classes", "[compare]") {
  const Tensor wanted = Tensor::copy_of({0.f, 1.f, 2.f, 3.f, 4.f, 5.f, 6.f,   //
                                         9.f, 1.f, 2.f, 3.f, 4.f, 5.f, 6.f,   //
                                         9.f, 1.f, 2.f, 3.f, 4.f, 5.f, 6.f})  //
                            .reshaped({3, 7});
  const Tensor actual = Tensor::copy_of({0.f, 1.f, 2.f, 3.f, 4.f, 5.f, 9.f,   // the same
                                         5.f, 1.f, 2.f, 3.f, 4.f, 5.f, 6.f,   // second, by a tie
                                         0.f, 1.f, 2.f, 3.f, 4.f, 5.f, 6.f})  // last
                            .reshaped({3, 7});
  const auto ranking = difference(wanted, actual).ranking();
  CHECK(ranking.rows == 3);
  CHECK(ranking.top1 == 1);
  CHECK(ranking.top5 == 2);
  const auto image = difference(wanted.reshaped({3, 7, 1, 1}), actual.reshaped({3, 7, 1, 1}));
  CHECK(image.ranking().rows == 3);
  CHECK(image.ranking().top1 == 1);
  CHECK(difference(Tensor::copy_of({1, 2}), Tensor::copy_of({1, 2})).ranking().rows == 0);
  CHECK(difference(Tensor::scalar(1.0f), Tensor::scalar(1.0f)).ranking().rows == 0);
}

TEST_CASE("difference: other types, shapes and kinds", "[compare]") {
  CHECK(difference(Tensor::copy_of({2.0f}), Tensor::copy_of({float16(2.5f)})).relative() ==
        Approx(0.25));
  const Tensor words = Tensor::copy_of<std::string>({"a", "b"});
  CHECK(difference(words, words).relative() == 0);
  const auto other = difference(words, Tensor::copy_of<std::string>({"a", "c"}));
  CHECK(other.relative() == endless);
  CHECK_THAT(other.mismatch(), Catch::Contains("element 1"));
  CHECK_THAT(difference(Tensor::copy_of({1.0f, 2.0f}), Tensor::copy_of({1.0f})).mismatch(),
             Catch::Contains("[1]"));
  CHECK_FALSE(difference(words, Value()).mismatch().empty());
  CHECK(difference(Value(), Value()).relative() == 0);

  const Tensor key = Tensor::scalar(std::int64_t{1});
  const auto map = [&](float value) { return Value(Map{{key, Tensor::scalar(value)}}); };
  CHECK(difference(Sequence{map(2)}, Sequence{map(2.5f)}).relative() == Approx(0.25));
  CHECK_FALSE(difference(map(2), Value(Map{})).mismatch().empty());
}

TEST_CASE("perplexity: of known probabilities", "[compare]") {
  // After 0 comes 1 with probability 3/4, after 1 anything.
  const float log3 = std::log(3.0f);
  const std::vector<float> table = {0, log3, 5, 5};
  const std::vector<std::int64_t> tokens = {0, 1, 0, 1, 0};
  const double expected = -(std::log(0.75) + std::log(0.5)) / 2;

  Session any(bigrams(table, 2, {1, Dim::named("T")}));
  const auto all = cases::token_loss(any, tokens, 100);
  CHECK(all.tokens == 4);
  CHECK(all.perplexity() == Approx(std::exp(expected)));
  const auto two = cases::token_loss(any, tokens, 2);  // (0 1) (0 1), and one left
  CHECK(two.tokens == 2);
  CHECK(two.perplexity() == Approx(1 / 0.75));

  Session fixed(bigrams(table, 2, {1, 3}));  // (0 1 0), and two left over
  CHECK(cases::token_loss(fixed, tokens, 100).tokens == 2);
  Session flat(bigrams(table, 2, {Dim::named("T")}));
  CHECK(cases::token_loss(flat, tokens, 100).tokens == 4);

  const std::vector<std::int64_t> unknown = {0, 2};
  CHECK_THROWS_AS(cases::token_loss(any, unknown, 100), Error);
  Graph other;
  other.opsets[""] = 17;
  other.outputs = {other.add_input("x", Type::tensor(DType::float32, Shape{1, 2}))};
  Session no_language(Model::from_graph(std::move(other)));
  CHECK_THROWS_AS(cases::token_loss(no_language, tokens, 100), Error);
}
