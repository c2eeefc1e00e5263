// Gather and ScatterND of the cpu backend, against the reference backend.
#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;
using test::with;

namespace {

template <class Index>
Tensor indices(std::initializer_list<Index> values, const Shape& shape) {
  return Tensor::copy_of(values, shape);
}

}  // namespace

TEST_CASE("cpu: Gather copies runs where its indices are constant", "[cpu]") {
  std::mt19937 engine(1);
  const auto gather = [&](const Shape& data, std::int64_t axis, const Tensor& at) {
    CAPTURE(to_string(data), axis);
    for (const Tensor& x : {random_tensor(engine, data), random_tensor<float16>(engine, data),
                            random_tensor<std::int64_t>(engine, data, -9, 9),
                            random_tensor<std::uint8_t>(engine, data, 0, 9)}) {
      check({.op = "Gather",
             .inputs = {x, at},
             .attributes = with({{"axis", axis}}),
             .constants = {1}});
    }
  };
  gather({4, 5, 6}, 0, indices<std::int64_t>({1}, {}));
  gather({4, 5, 6}, 1, indices<std::int32_t>({-1, 0, 1}, {3}));
  gather({2, 12}, 1, indices<std::int64_t>({0, 2, 4, 6, 1, 3, 5, 7}, {2, 4}));
  gather({3, 20}, -1,
         indices<std::int64_t>({0, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 8}, {2, 8}));
}

TEST_CASE("cpu: ScatterND copies runs where its indices are constant", "[cpu]") {
  std::mt19937 engine(2);
  const auto scatter = [&](const Shape& data, const Tensor& at, const Shape& updates) {
    CAPTURE(to_string(data), to_string(updates));
    check({.op = "ScatterND",
           .inputs = {random_tensor(engine, data), at, random_tensor(engine, updates)},
           .constants = {1}});
    check({.op = "ScatterND",
           .inputs = {random_tensor<std::int64_t>(engine, data, -9, 9), at,
                      random_tensor<std::int64_t>(engine, updates, -9, 9)},
           .constants = {1}});
  };
  scatter({4, 5, 6}, indices<std::int64_t>({2}, {1, 1}), {1, 5, 6});
  scatter({4, 5, 6}, indices<std::int64_t>({2, -1, 2, 1}, {2, 2}), {2, 6});
  scatter({2, 9},
          indices<std::int64_t>({1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 6, 1, 7, 1, 8}, {1, 8, 2}),
          {1, 8});
  scatter({8, 4}, indices<std::int64_t>({3, 3, 0}, {3, 1}), {3, 4});  // the last one stays
}

TEST_CASE("cpu: indices that do not fit are left to the reference", "[cpu]") {
  Call call{.op = "Gather",
            .inputs = {Tensor::zeros(DType::float32, {4, 8}), Tensor::copy_of<std::int64_t>({4})},
            .constants = {1}};
  REQUIRE_THROWS_AS(test::run(call), Error);
}
