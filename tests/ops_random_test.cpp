// Operators that draw random numbers: distributions, seeds, types.
#include <cmath>
#include <numeric>

#include "error_check.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Longs = std::vector<std::int64_t>;

Attributes::Item dtype(DType type) { return {"dtype", static_cast<std::int64_t>(type)}; }
Attributes::Item seed(float value) { return {"seed", value}; }

std::vector<double> doubles(const Value& value) {
  std::vector<double> result;
  kernels::visit_dtype<kernels::Union<kernels::Numbers, kernels::Types<bool>>>(
      value.tensor().dtype(), [&]<class T>() {
        for (const T& x : value.tensor().as<T>()) {
          result.push_back(static_cast<double>(static_cast<kernels::compute_t<T>>(x)));
        }
      });
  return result;
}

/// Mean, variance, and the mean of the third and fourth powers of what is left of both.
struct Moments {
  double mean = 0, variance = 0, third = 0, fourth = 0;

  explicit Moments(const std::vector<double>& x) {
    const auto n = static_cast<double>(x.size());
    mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
    for (const double v : x) variance += (v - mean) * (v - mean) / n;
    for (const double v : x) {
      const double z = (v - mean) / std::sqrt(variance);
      third += z * z * z / n;
      fourth += z * z * z * z / n;
    }
  }
};

bool same_bits(const Value& a, const Value& b) {
  return a.tensor().bytes() == b.tensor().bytes() &&
         std::memcmp(a.tensor().data(), b.tensor().data(), a.tensor().bytes()) == 0;
}

constexpr DType float_types[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16};

}  // namespace

TEST_CASE("a seed gives the numbers of ONNX's reference evaluator", "[ops][random]") {
  const Attributes::Item five{"shape", Longs{5}};
  check<double>(run(call("RandomUniform", {}, {five, seed(3), dtype(DType::float64)}))[0], {5},
                {0.5507979025745755, 0.7081478226181048, 0.2909047389129443, 0.510827605197663,
                 0.8929469543476547});
  check<double>(run(call("RandomNormal", {}, {five, seed(3), dtype(DType::float64)}))[0], {5},
                {1.7886284734303186, 0.43650985051198943, 0.09649746807200862, -1.8634927033644908,
                 -0.27738820251439905});
  const Tensor p = Tensor::copy_of<double>({0.1, 0.5, 0.9, 0, 1, 0.3, 0.7, 0.5});
  check<double>(run(call("Bernoulli", {p}, {seed(1)}))[0], {8}, {0, 1, 1, 0, 1, 0, 1, 0});
  check<double>(run(call("Bernoulli", {p}, {seed(2)}))[0], {8}, {0, 0, 1, 0, 1, 0, 1, 1});
  const auto dropped = run(call("Dropout",
                                {Tensor::copy_of<float>({1, 2, 3, 4, 5, 6, 7, 8}),
                                 Tensor::scalar(0.4f), Tensor::scalar(true)},
                                {{"seed", std::int64_t{7}}}, 13, 2));
  check<float>(dropped[0], {8}, {0, 2 / 0.6f, 3 / 0.6f, 4 / 0.6f, 5 / 0.6f, 6 / 0.6f, 7 / 0.6f, 0});
}

TEST_CASE("normal and uniform numbers of every type have their moments", "[ops][random]") {
  const Tensor like(DType::int8, {50, 2000});
  for (const DType type : float_types) {
    INFO(name(type));
    const Moments normal(doubles(run(call(
        "RandomNormalLike", {like}, {seed(4), dtype(type), {"mean", 0.5f}, {"scale", 2.0f}}))[0]));
    CHECK(normal.mean == Approx(0.5).margin(0.03));
    CHECK(normal.variance == Approx(4).margin(0.08));
    CHECK(normal.third == Approx(0).margin(0.04));
    CHECK(normal.fourth == Approx(3).margin(0.1));

    const auto drawn = doubles(run(call(
        "RandomUniformLike", {like}, {seed(5), dtype(type), {"low", -1.0f}, {"high", 3.0f}}))[0]);
    const Moments uniform(drawn);
    CHECK(uniform.mean == Approx(1).margin(0.02));
    CHECK(uniform.variance == Approx(16.0 / 12).margin(0.02));
    CHECK(uniform.third == Approx(0).margin(0.02));
    CHECK(uniform.fourth == Approx(1.8).margin(0.02));
    CHECK(*std::min_element(drawn.begin(), drawn.end()) >= -1);
    CHECK(*std::max_element(drawn.begin(), drawn.end()) <= 3);
  }
}

TEST_CASE("random tensors have the asked shape and type", "[ops][random]") {
  const auto shape = [](const Value& value) { return to_string(value.tensor().shape()); };
  for (const std::string op : {"RandomNormal", "RandomUniform"}) {
    const Value matrix = run(call(op, {}, {{"shape", Longs{2, 3}}}))[0];
    CHECK(shape(matrix) == "[2, 3]");
    CHECK(matrix.tensor().dtype() == DType::float32);
    CHECK(shape(run(call(op, {}, {{"shape", Longs{}}}))[0]) == "[]");
    CHECK(shape(run(call(op, {}, {{"shape", Longs{2, 0}}}))[0]) == "[2, 0]");
    CHECK_THROWS_AS(run(call(op, {}, {{"shape", Longs{-1}}})), Error);
    CHECK_THROWS_AS(run(call(op, {})), Error);
    CHECK_ERROR(run(call(op, {}, {{"shape", Longs{2}}, dtype(DType::int32)})), invalid_graph,
                "int32");
    const std::string like = op + "Like";
    const Value copy = run(call(like, {tensor<bfloat16>({3, 0}, {})}))[0];
    CHECK(shape(copy) == "[3, 0]");
    CHECK(copy.tensor().dtype() == DType::bfloat16);
    const Tensor words = Tensor::copy_of<std::string>({"a", "b"});
    CHECK(shape(run(call(like, {words}, {dtype(DType::float64)}))[0]) == "[2]");
    CHECK_ERROR(run(call(like, {words})), invalid_graph, "string");
    CHECK_ERROR(run(call(like, {Tensor(DType::int64, {2})})), invalid_graph, "int64");
  }
}

TEST_CASE("seeded numbers are the same in each run and on any number of threads", "[ops][random]") {
  const Tensor p = Tensor::copy_of(std::span<const float>(std::vector<float>(3000, 0.3f)), {3000});
  const Attributes::Item shape{"shape", Longs{3000}};
  const Call calls[] = {
      call("RandomNormal", {}, {shape, seed(1)}),
      call("RandomUniform", {}, {shape, seed(1)}),
      call("RandomNormalLike", {p}, {seed(1)}),
      call("RandomUniformLike", {p}, {seed(1)}),
      call("Bernoulli", {p}, {seed(1)}),
      call("Multinomial", {p.reshaped({10, 300})}, {seed(1), {"sample_size", std::int64_t{300}}}),
      call("Dropout", {p, Value(), Tensor::scalar(true)}, {{"seed", std::int64_t{1}}}, 22),
  };
  for (const Call& seeded : calls) {
    INFO(seeded.op);
    const Value once = run(seeded)[0];
    CHECK(same_bits(once, run(seeded)[0]));
    CHECK(same_bits(once, run(seeded, "reference", 3)[0]));
    Call other = seeded;
    other.attributes.set("seed",
                         seeded.op == "Dropout" ? Attribute(std::int64_t{2}) : Attribute(2.0f));
    CHECK_FALSE(same_bits(once, run(other)[0]));
  }
}

TEST_CASE("draws without a seed differ, from run to run of a session, too", "[ops][random]") {
  Session session(Model::from_graph(graph_of(call("RandomUniform", {}, {{"shape", Longs{4}}}))));
  const std::vector<Value> nothing;
  const Tensor first = session.run(std::span<const Value>(nothing))[0];
  const Tensor second = session.run(std::span<const Value>(nothing))[0];
  CHECK_FALSE(same_bits(first, second));
  const Call unseeded = call("RandomUniform", {}, {{"shape", Longs{4}}, seed(NAN)});
  CHECK_FALSE(same_bits(run(unseeded)[0], run(unseeded)[0]));
}

TEST_CASE("Bernoulli is 1 as often as asked", "[ops][random]") {
  for (const float p : {0.25f, 0.5f, 0.875f}) {
    INFO(p);
    const std::vector<float> many(20000, p);
    const Tensor x = view(many, {200, 100});
    for (const DType type : {DType::float32, DType::float64, DType::float16, DType::bfloat16,
                             DType::boolean, DType::int8, DType::uint8, DType::int16, DType::uint16,
                             DType::int32, DType::uint32, DType::int64, DType::uint64}) {
      const Value tossed = run(call("Bernoulli", {x}, {seed(1), dtype(type)}))[0];
      REQUIRE(tossed.tensor().dtype() == type);
      const auto tosses = doubles(tossed);
      CHECK(std::count(tosses.begin(), tosses.end(), 1.0) +
                std::count(tosses.begin(), tosses.end(), 0.0) ==
            20000);
      CHECK(std::accumulate(tosses.begin(), tosses.end(), 0.0) == Approx(20000 * p).margin(250));
    }
  }
  check<float16>(run(call("Bernoulli", {tensor<float16>({2}, {0, 1})}))[0], {2},
                 {float16(0), float16(1)});
  check<bfloat16>(run(call("Bernoulli", {tensor<bfloat16>({2}, {1, 0})}))[0], {2},
                  {bfloat16(1), bfloat16(0)});
  check<float>(run(call("Bernoulli", {Tensor(DType::float32, {0, 3})}))[0], {0, 3}, {});
  for (const float p : {-0.1f, 1.1f, NAN}) {
    CHECK_ERROR(run(call("Bernoulli", {Tensor::scalar(p)})), invalid_argument, "[0, 1]");
  }
  CHECK_ERROR(run(call("Bernoulli", {Tensor::scalar(0.5f)}, {dtype(DType::string)})), invalid_graph,
              "string");
}

TEST_CASE("Multinomial draws classes by their log-probabilities", "[ops][random]") {
  const Attributes::Item samples{"sample_size", std::int64_t{20000}};
  const double never = -INFINITY;
  const auto shares = [&](const Tensor& logits, DType type) {
    const Value drawn = run(call("Multinomial", {logits}, {seed(1), samples, dtype(type)}))[0];
    REQUIRE(to_string(drawn.tensor().shape()) == "[2, 20000]");
    REQUIRE(drawn.tensor().dtype() == type);
    std::vector<double> result(6);
    const auto classes = doubles(drawn);
    for (std::size_t i = 0; i < classes.size(); ++i) {
      REQUIRE((classes[i] >= 0 && classes[i] < 3));
      result[i / 20000 * 3 + static_cast<std::size_t>(classes[i])] += 1 / 20000.0;
    }
    return result;
  };
  // The weights' sum does not matter: 0 : 1 : 3, and 8 : 4 : 4.
  const std::initializer_list<double> logits{
      never, 0, std::log(3.0), std::log(8.0), std::log(4.0), std::log(4.0)};
  const std::vector<double> expected{0, 0.25, 0.75, 0.5, 0.25, 0.25};
  for (const Tensor& x : {tensor<float>({2, 3}, logits), tensor<double>({2, 3}, logits),
                          tensor<float16>({2, 3}, logits), tensor<bfloat16>({2, 3}, logits)}) {
    INFO(name(x.dtype()));
    for (const DType type : {DType::int32, DType::int64}) {
      const auto found = shares(x, type);
      for (std::size_t i = 0; i < 6; ++i) CHECK(found[i] == Approx(expected[i]).margin(0.015));
      CHECK(found[0] == 0);
    }
  }
}

TEST_CASE("Multinomial of odd sizes, and what it refuses", "[ops][random]") {
  const auto draw = [](const Tensor& x, std::int64_t samples) {
    return run(call("Multinomial", {x}, {{"sample_size", samples}}))[0];
  };
  const Tensor row = Tensor::copy_of<float>({0, 0}, {1, 2});
  check<std::int32_t>(draw(row, 0), {1, 0}, {});
  check<std::int32_t>(draw(Tensor(DType::float32, {0, 2}), 3), {0, 3}, {});
  check<std::int32_t>(draw(Tensor::copy_of<float>({-1e30f}, {1, 1}), 3), {1, 3}, {0, 0, 0});
  CHECK(to_string(run(call("Multinomial", {row}))[0].tensor().shape()) == "[1, 1]");
  CHECK_THROWS_AS(draw(row, -1), Error);
  CHECK_THROWS_AS(draw(Tensor(DType::float32, {1, 0}), 1), Error);
  CHECK_THROWS_AS(draw(Tensor::copy_of<float>({0}), 1), Error);
  CHECK_THROWS_AS(run(call("Multinomial", {row}, {dtype(DType::float32)})), Error);
  for (const float odd : {NAN, INFINITY}) {
    CHECK_ERROR(draw(Tensor::copy_of<float>({0, odd, 0}, {1, 3}), 1), invalid_argument, "NaN");
  }
  CHECK_ERROR(draw(Tensor::copy_of<float>({-INFINITY, -INFINITY}, {1, 2}), 1), invalid_argument,
              "finite");
}

TEST_CASE("Dropout of every type keeps its share and scales it", "[ops][random]") {
  const auto check_dropped = [](const std::vector<Value>& outputs, double ratio,
                                double kept_value) {
    const auto y = doubles(outputs[0]);
    const auto mask = outputs[1].tensor().as<bool>();
    const auto kept = static_cast<double>(std::count(mask.begin(), mask.end(), true));
    CHECK(kept == Approx(20000 * (1 - ratio)).margin(250));
    for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == (mask[i] ? kept_value : 0));
  };
  const std::vector<float> threes(20000, 3.0f);
  const Tensor x = view(threes, {100, 200});
  const auto cast = [](const Tensor& from, DType to) {
    return run(call("Cast", {from}, {{"to", static_cast<std::int64_t>(to)}}, 22))[0];
  };
  const auto drop = [&](const Value& data, Value ratio) {
    return run(call("Dropout", {data, std::move(ratio), Tensor::scalar(true)},
                    {{"seed", std::int64_t{3}}}, 22, 2));
  };
  const DType types[] = {DType::float32,    DType::float64,       DType::float16,
                         DType::bfloat16,   DType::float8e4m3fn,  DType::float8e4m3fnuz,
                         DType::float8e5m2, DType::float8e5m2fnuz};
  for (const DType type : types) {
    INFO(name(type));
    // The ratio may have another type than the data.
    for (const DType ratio_type : {DType::float32, type}) {
      auto outputs = drop(cast(x, type), cast(Tensor::scalar(0.25f), ratio_type));
      REQUIRE(outputs[0].tensor().dtype() == type);
      if (bit_width(type) == 8) outputs[0] = cast(outputs[0].tensor(), DType::float32);
      check_dropped(outputs, 0.25, 4);
    }
  }
  check_dropped(drop(x, Value()), 0.5, 6);
}

TEST_CASE("Dropout refuses ratios outside of [0, 1) only when it trains", "[ops][random]") {
  const Tensor x = Tensor::copy_of<float>({1, 2});
  for (const float ratio : {1.0f, -0.5f, NAN}) {
    CHECK_ERROR(run(call("Dropout", {x, Tensor::scalar(ratio), Tensor::scalar(true)}, {}, 13)),
                invalid_argument, "[0, 1)");
    check<float>(run(call("Dropout", {x, Tensor::scalar(ratio), Tensor::scalar(false)}, {}, 13))[0],
                 {2}, {1, 2});
  }
  check<float>(run(call("Dropout", {x, Tensor::scalar(0.0f), Tensor::scalar(true)}, {}, 13))[0],
               {2}, {1, 2});
  CHECK_THROWS_AS(run(call("Dropout", {x, x, Tensor::scalar(true)}, {}, 13)), Error);
  CHECK_THROWS_AS(run(call("Dropout", {x, Tensor::scalar(0.1f), x}, {}, 13)), Error);
  CHECK_THROWS_AS(run(call("Dropout", {Tensor(DType::int32, {2})}, {}, 13)), Error);
  check<float>(run(call("Dropout", {Tensor(DType::float32, {0, 2}), Value(), Tensor::scalar(true)},
                        {}, 13))[0],
               {0, 2}, {});
}
