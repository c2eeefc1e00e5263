#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Ints = std::vector<std::int32_t>;

Tensor iota(const Shape& shape) {
  Tensor tensor(DType::int32, shape);
  std::int32_t next = 0;
  for (std::int32_t& x : tensor.as_mutable<std::int32_t>()) x = next++;
  return tensor;
}

Tensor longs(std::initializer_list<std::int64_t> values, const Shape& shape) {
  return Tensor::copy_of<std::int64_t>(values, shape);
}

Value gathered(std::string op, Value data, Value indices,
               std::initializer_list<Attributes::Item> attributes = {}) {
  return run(call(std::move(op), {std::move(data), std::move(indices)}, attributes))[0];
}

}  // namespace

TEST_CASE("Gather", "[ops][gather]") {
  const Value x = iota({3, 2});
  check<std::int32_t>(gathered("Gather", x, longs({2, -3}, {2})), {2, 2}, Ints{4, 5, 0, 1});
  check<std::int32_t>(gathered("Gather", x, longs({1}, {}), {{"axis", std::int64_t{-1}}}), {3},
                      Ints{1, 3, 5});
  check<std::int32_t>(gathered("Gather", x, Tensor::copy_of<std::int32_t>({0, 1, 1, 0}, {2, 2}),
                               {{"axis", std::int64_t{1}}}),
                      {3, 2, 2}, Ints{0, 1, 1, 0, 2, 3, 3, 2, 4, 5, 5, 4});
  check<std::int32_t>(gathered("Gather", x, longs({}, {0})), {0, 2}, Ints{});
  check<std::string>(
      gathered("Gather", Tensor::copy_of<std::string>({"a", "b"}), longs({1, 1}, {2})), {2},
      {"b", "b"});
  CHECK_THROWS_AS(gathered("Gather", x, longs({3}, {1})), Error);
  CHECK_THROWS_AS(gathered("Gather", x, longs({-4}, {1})), Error);
  CHECK_THROWS_AS(gathered("Gather", iota({0, 2}), longs({0}, {1})), Error);
}

TEST_CASE("GatherElements", "[ops][gather]") {
  const Value x = iota({3, 3});
  check<std::int32_t>(gathered("GatherElements", x, longs({1, 2, 0, 2, 0, 0}, {2, 3})), {2, 3},
                      Ints{3, 7, 2, 6, 1, 2});
  check<std::int32_t>(
      gathered("GatherElements", x, longs({-1, 0, 1}, {3, 1}), {{"axis", std::int64_t{-1}}}),
      {3, 1}, Ints{2, 3, 7});
  check<std::int32_t>(gathered("GatherElements", x, longs({}, {0, 3})), {0, 3}, Ints{});
  CHECK_THROWS_AS(gathered("GatherElements", x, longs({3}, {1, 1})), Error);
  CHECK_THROWS_AS(gathered("GatherElements", x, longs({0, 0, 0, 0}, {1, 4})), Error);
}

TEST_CASE("GatherND", "[ops][gather]") {
  const Value x = iota({2, 2, 2});
  check<std::int32_t>(gathered("GatherND", x, longs({0, 1, 1, 0}, {2, 2})), {2, 2},
                      Ints{2, 3, 4, 5});
  check<std::int32_t>(gathered("GatherND", x, longs({1, 1, -1}, {3})), {}, Ints{7});
  check<std::int32_t>(
      gathered("GatherND", x, longs({1, 0}, {2, 1}), {{"batch_dims", std::int64_t{1}}}), {2, 2},
      Ints{2, 3, 4, 5});
  check<std::int32_t>(gathered("GatherND", x, longs({}, {1, 0})), {1, 2, 2, 2},
                      Ints{0, 1, 2, 3, 4, 5, 6, 7});
  check<std::int32_t>(gathered("GatherND", x, longs({}, {0, 2})), {0, 2}, Ints{});
  CHECK_THROWS_AS(gathered("GatherND", x, longs({2, 0}, {1, 2})), Error);
  CHECK_THROWS_AS(gathered("GatherND", x, longs({0, 0, 0, 0}, {1, 4})), Error);
}

TEST_CASE("ScatterElements writes and reduces", "[ops][gather]") {
  const auto scattered = [](std::string reduction, std::int64_t axis) {
    return run(
        call("ScatterElements",
             {Tensor::copy_of<std::int32_t>({1, 2, 3, 4}, {2, 2}), longs({1, 1, 0, 0}, {2, 2}),
              Tensor::copy_of<std::int32_t>({5, 6, 7, 8}, {2, 2})},
             {{"reduction", std::move(reduction)}, {"axis", axis}}))[0];
  };
  check<std::int32_t>(scattered("add", 0), {2, 2}, Ints{8, 10, 8, 10});
  check<std::int32_t>(scattered("mul", 0), {2, 2}, Ints{7, 16, 15, 24});
  check<std::int32_t>(scattered("max", -1), {2, 2}, Ints{1, 6, 8, 4});
  check<std::int32_t>(scattered("min", -1), {2, 2}, Ints{1, 2, 3, 4});
  CHECK_THROWS_AS(scattered("sub", 0), Error);
  const auto written = run(call("Scatter",
                                {Tensor::copy_of<std::string>({"a", "b"}), longs({-1}, {1}),
                                 Tensor::copy_of<std::string>({"z"})},
                                {}, 9));
  check<std::string>(written[0], {2}, {"a", "z"});
}

TEST_CASE("halves are reduced in single precision and rounded", "[ops][gather]") {
  const auto sum = run(call(
      "ScatterElements", {tensor<float16>({1}, {1}), longs({0}, {1}), tensor<float16>({1}, {2.5})},
      {{"reduction", std::string("add")}}));
  check<float16>(sum[0], {1}, {float16(3.5F)});
}

TEST_CASE("bool and complex elements are reduced as far as that means something", "[ops][gather]") {
  const auto reduced = [](const Tensor& data, const Tensor& update, std::string reduction) {
    return run(call("ScatterElements", {data, longs({0, 0}, {2}), update},
                    {{"reduction", std::move(reduction)}}))[0];
  };
  const Tensor no = Tensor::copy_of({false}), yes = Tensor::copy_of({true});
  const Tensor either = Tensor::copy_of({true, false});
  check<bool>(reduced(no, either, "add"), {1}, {true});
  check<bool>(reduced(yes, either, "mul"), {1}, {false});
  check<bool>(reduced(yes, either, "min"), {1}, {false});
  using Complex = std::complex<float>;
  const Tensor z = Tensor::copy_of({Complex(1, 2)});
  const Tensor updates = Tensor::copy_of({Complex(0, 1), Complex(2, 0)});
  const auto elements = [](const Value& value) { return value.tensor().as<Complex>()[0]; };
  CHECK(elements(reduced(z, updates, "add")) == Complex(3, 3));
  CHECK(elements(reduced(z, updates, "mul")) == Complex(-4, 2));
  CHECK_THROWS_AS(reduced(z, updates, "max"), Error);
}

TEST_CASE("ScatterND writes slices and reduces", "[ops][gather]") {
  const auto scattered = [](Value indices, Value updates, std::string reduction) {
    return run(call("ScatterND", {iota({3, 2}), std::move(indices), std::move(updates)},
                    {{"reduction", std::move(reduction)}}))[0];
  };
  const Value row = Tensor::copy_of<std::int32_t>({10, 20}, {1, 2});
  check<std::int32_t>(scattered(longs({-1}, {1, 1}), row, "none"), {3, 2},
                      Ints{0, 1, 2, 3, 10, 20});
  const Value twice = Tensor::copy_of<std::int32_t>({10, 20});
  check<std::int32_t>(scattered(longs({1, 1, 1, 1}, {2, 2}), twice, "add"), {3, 2},
                      Ints{0, 1, 2, 33, 4, 5});
  check<std::int32_t>(scattered(longs({}, {0, 1}), Tensor(DType::int32, {0, 2}), "none"), {3, 2},
                      Ints{0, 1, 2, 3, 4, 5});
  CHECK_THROWS_AS(scattered(longs({3}, {1, 1}), row, "none"), Error);
  CHECK_THROWS_AS(scattered(longs({0}, {1, 1}), twice, "none"), Error);
}

TEST_CASE("TensorScatter appends to a cache", "[ops][gather]") {
  const auto scattered = [](std::int64_t first, std::int64_t second, std::string mode) {
    return run(call("TensorScatter",
                    {iota({2, 3, 1}), Tensor::copy_of<std::int32_t>({10, 11, 20, 21}, {2, 2, 1}),
                     longs({first, second}, {2})},
                    {{"mode", std::move(mode)}}, 24))[0];
  };
  check<std::int32_t>(scattered(0, 1, "linear"), {2, 3, 1}, Ints{10, 11, 2, 3, 20, 21});
  check<std::int32_t>(scattered(2, 4, "circular"), {2, 3, 1}, Ints{11, 1, 10, 3, 20, 21});
  CHECK_THROWS_AS(scattered(0, 2, "linear"), Error);
  CHECK_THROWS_AS(scattered(0, INT64_MAX, "linear"), Error);
}
