// Symbols that survive shape arithmetic.
#include "typed_graph.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

const Attributes::Item axis0{"axis", std::int64_t{0}};

}  // namespace

TEST_CASE("Reshape to a computed shape keeps symbols", "[ops][known_dims]") {
  TypedGraph t;
  const ValueId x = t.input(DType::float32, {Dim::named("N"), 3, Dim::named("H"), 8});
  const ValueId shape = t.add("Shape", {x});
  const ValueId batch = t.add("Gather", {shape, t.longs({0})}, {axis0});
  const ValueId height = t.add("Slice", {shape, t.longs({2}), t.longs({3}), t.longs({0})});
  const ValueId target = t.add("Concat", {batch, height, t.longs({-1})}, {axis0});
  CHECK(t.type(t.add("Reshape", {x, target})) == "float32[N, H, 24]");
  CHECK(t.type(t.add("Reshape", {x, t.longs({0, -1})})) == "float32[N, ?]");
  CHECK(t.type(t.add("Reshape", {x, t.longs({0, 0, 4, -1})})) == "float32[N, 3, 4, ?]");
  const ValueId wide = t.add("Concat", {batch, t.longs({24}), height}, {axis0});
  CHECK(t.type(t.add("Reshape", {x, wide})) == "float32[N, 24, H]");
}

TEST_CASE("Expand where a dim is compared with minus one", "[ops][known_dims]") {
  TypedGraph t;
  const ValueId x = t.input(DType::float32, {1, 4});
  const ValueId other = t.input(DType::float32, {Dim::named("N"), 4});
  const ValueId shape = t.add("Shape", {other});
  const ValueId ones = t.add("ConstantOfShape", {t.add("Shape", {shape})},
                             {{"value", Tensor::copy_of<std::int64_t>({1})}});
  const ValueId minus = t.add("Mul", {ones, t.longs({-1})});
  const ValueId chosen = t.add("Where", {t.add("Equal", {shape, minus}), ones, shape});
  CHECK(t.type(t.add("Expand", {x, chosen})) == "float32[N, 4]");
}

TEST_CASE("arithmetic on known dims", "[ops][known_dims]") {
  TypedGraph t;
  const ValueId x = t.input(DType::float32, {Dim::named("N"), 6, 4});
  const ValueId shape = t.add("Shape", {x});
  const ValueId half = t.add("Div", {shape, t.longs({1, 2, 1})});
  const ValueId data = t.input(DType::float32, {1, 1, 1});
  CHECK(t.type(t.add("Expand", {data, half})) == "float32[N, 3, 4]");
  const ValueId twice = t.add("Mul", {shape, t.longs({2})});
  CHECK(t.type(t.add("Expand", {data, twice})) == "float32[?, 12, 8]");
  const ValueId one =
      t.add("Gather", {shape, t.graph.add_constant("zero", Tensor::scalar<std::int64_t>(0))});
  const ValueId cast = t.add("Cast", {t.add("Unsqueeze", {one, t.longs({0})})},
                             {{"to", static_cast<std::int64_t>(DType::int32)}});
  const ValueId back = t.add("Cast", {cast}, {{"to", static_cast<std::int64_t>(DType::int64)}});
  CHECK(t.type(t.add("ConstantOfShape", {back})) == "float32[N]");
}

TEST_CASE("a long chain that doubles at every step is given up, not followed",
          "[ops][known_dims]") {
  TypedGraph t;
  ValueId sum = t.add("Shape", {t.input(DType::float32, {Dim::named("N")})});
  for (int i = 0; i < 200; ++i) sum = t.add("Max", {sum, sum});
  CHECK(t.type(t.add("Expand", {t.input(DType::float32, {1}), sum})) == "float32[?]");
}

TEST_CASE("shapes of movement operators keep symbols", "[ops][known_dims]") {
  TypedGraph t;
  const ValueId x = t.input(DType::float32, {Dim::named("N"), Dim::named("S"), 4});
  CHECK(t.type(t.add("Concat", {x, x}, {{"axis", std::int64_t{-1}}})) == "float32[N, S, 8]");
  CHECK(t.type(t.add("Slice", {x, t.longs({0, 1}), t.longs({INT64_MAX, INT64_MAX}),
                               t.longs({1, 2})})) == "float32[N, S, 3]");
  CHECK(t.type(t.add("Slice", {x, t.longs({1}), t.longs({INT64_MAX}), t.longs({1})})) ==
        "float32[N, ?, 4]");
  CHECK(t.type(t.add("Pad", {x, t.longs({0, 0, 1, 0, 0, 2})})) == "float32[N, S, 7]");
  CHECK(t.type(t.add("Tile", {x, t.longs({1, 1, 3})})) == "float32[N, S, 12]");
  CHECK(t.type(t.add("Transpose", {x})) == "float32[4, S, N]");
  CHECK(t.type(t.add("Flatten", {x}, {{"axis", std::int64_t{1}}})) == "float32[N, ?]");
  CHECK(t.type(t.add("Flatten", {x}, {{"axis", std::int64_t{2}}})) == "float32[?, 4]");
  CHECK(t.type(t.add("Gather", {x, t.longs({0, 1})}, {{"axis", std::int64_t{2}}})) ==
        "float32[N, S, 2]");
  CHECK(t.type(
            t.add("Resize",
                  {x, no_id, t.graph.add_constant("scales", Tensor::copy_of<float>({1, 1, 2}))})) ==
        "float32[N, S, 8]");
}
