// What is known of the outputs' types before any value is.
#include "typed_graph.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

const Dim n = Dim::named("N");
const Dim m = Dim::named("M");
const Dim unknown;
const Attributes::Item drop{"keepdims", std::int64_t{0}};

Attributes::Item axis(std::int64_t value) { return {"axis", value}; }
Attributes::Item dtype(const char* attribute, DType value) {
  return {attribute, static_cast<std::int64_t>(value)};
}

}  // namespace

TEST_CASE("broadcasting keeps what is known of each dim", "[ops][infer]") {
  TypedGraph t;
  const ValueId a = t.input(DType::float32, {n, 1, 3});
  const ValueId b = t.input(DType::float32, {m, 1});
  CHECK(t.type(t.add("Add", {a, b})) == "float32[N, M, 3]");
  CHECK(t.type(t.add("Less", {a, b})) == "boolean[N, M, 3]");
  // N is 4, or 1 and repeated; N against M may be either.
  const ValueId four = t.input(DType::float32, {4, m, 3});
  CHECK(t.type(t.add("Mul", {a, four})) == "float32[4, M, 3]");
  const ValueId other = t.input(DType::float32, {m, 1, 3});
  CHECK(t.type(t.add("Max", {a, other, a})) == "float32[?, 1, 3]");
  const ValueId condition = t.input(DType::boolean, {unknown, 1, 1, 1});
  CHECK(t.type(t.add("Where", {condition, a, b})) == "float32[?, N, M, 3]");
  CHECK_THROWS_AS(t.add("Add", {a, t.input(DType::float32, {2})}), Error);
  CHECK_THROWS_AS(t.add("Add", {a, t.input(DType::int32, {3})}), Error);
}

TEST_CASE("conversions change the dtype alone", "[ops][infer]") {
  TypedGraph t(25);
  const ValueId x = t.input(DType::float32, {n, unknown});
  CHECK(t.type(t.add("Cast", {x}, {dtype("to", DType::int4)})) == "int4[N, ?]");
  CHECK(t.type(t.add("CastLike", {x, t.longs({1})})) == "int64[N, ?]");
  CHECK(t.type(t.add("IsNaN", {x})) == "boolean[N, ?]");
  CHECK_THROWS_AS(t.add("Cast", {x}), Error);
  CHECK_THROWS_AS(t.add("Cast", {x}, {{"to", std::int64_t{99}}}), Error);
}

TEST_CASE("reductions drop or shrink axes", "[ops][infer]") {
  TypedGraph t;
  const ValueId x = t.input(DType::float32, {n, 2, m});
  CHECK(t.type(t.add("ReduceSum", {x, t.longs({-1})})) == "float32[N, 2, 1]");
  CHECK(t.type(t.add("ReduceSum", {x, t.longs({0, 1})}, {drop})) == "float32[M]");
  CHECK(t.type(t.add("ReduceMax", {x}, {drop})) == "float32[]");
  const ValueId later = t.input(DType::int64, {2});
  CHECK(t.type(t.add("ReduceMax", {x, later})) == "float32[?, ?, ?]");
  CHECK(t.type(t.add("ReduceMax", {x, later}, {drop})) == "float32[?]");
  const ValueId any_count = t.input(DType::int64, {n});
  CHECK(t.type(t.add("ReduceMax", {x, any_count}, {drop})) == "float32[...]");
  CHECK_THROWS_AS(t.add("ReduceSum", {x, t.longs({3})}), Error);
  CHECK_THROWS_AS(t.add("ReduceSum", {x, t.longs({0, -3})}), Error);

  CHECK(t.type(t.add("ArgMax", {x}, {axis(1), drop})) == "int64[N, M]");
  CHECK(t.type(t.add("TopK", {x, t.longs({5})})) == "float32[N, 2, 5]");
  CHECK(t.type(t.add("TopK", {x, t.input(DType::int64, {1})}, {axis(0)})) == "float32[?, 2, M]");
  CHECK(t.type(t.add("CumSum", {x, later})) == "float32[N, 2, M]");
}

TEST_CASE("generators take their shape from values where they are known", "[ops][infer]") {
  TypedGraph t;
  const ValueId x = t.input(DType::float32, {n, 3});
  CHECK(t.type(t.add("ConstantOfShape", {t.add("Shape", {x})})) == "float32[N, 3]");
  CHECK(t.type(t.add("ConstantOfShape", {t.input(DType::int64, {2})})) == "float32[?, ?]");
  CHECK(t.type(t.add("ConstantOfShape", {t.input(DType::int64, {n})})) == "float32[...]");
  const auto scalar = [&](std::int64_t value) {
    return t.graph.add_constant("s" + std::to_string(t.graph.values.size()), Tensor::scalar(value));
  };
  CHECK(t.type(t.add("Range", {scalar(0), scalar(7), scalar(2)})) == "int64[4]");
  CHECK(t.type(t.add("Range", {scalar(0), t.input(DType::int64, {}), scalar(2)})) == "int64[?]");
  CHECK(t.type(t.add("HannWindow", {scalar(8)})) == "float32[8]");
  CHECK(t.type(t.add("EyeLike", {x}, {dtype("dtype", DType::int8)})) == "int8[N, 3]");
  CHECK(t.type(t.add("RandomNormalLike", {x})) == "float32[N, 3]");
  CHECK(t.type(t.add("Multinomial", {x}, {{"sample_size", std::int64_t{6}}})) == "int32[N, 6]");
}

TEST_CASE("normalizations keep the shape; losses reduce it", "[ops][infer]") {
  TypedGraph t(23);
  const ValueId x = t.input(DType::float16, {n, 4, m});
  const ValueId scale = t.input(DType::float32, {m});
  CHECK(t.type(t.add("Softmax", {x})) == "float16[N, 4, M]");
  CHECK(t.type(t.add("RMSNormalization", {x, scale})) == "float32[N, 4, M]");
  const ValueId labels = t.input(DType::int64, {n, m});
  CHECK(t.type(t.add("NegativeLogLikelihoodLoss", {x, labels})) == "float16[]");
  CHECK(t.type(t.add("NegativeLogLikelihoodLoss", {x, labels},
                     {{"reduction", std::string("none")}})) == "float16[N, M]");

  Node node;
  node.op = "LayerNormalization";
  node.version = 23;
  node.inputs = {x, scale};
  node.outputs = {t.graph.add_value("y"), t.graph.add_value("mean"), no_id};
  node.attributes.set("axis", std::int64_t{1});
  const auto types = infer_node(*t.registry->find_op("", node.op, 23), t.graph, node);
  CHECK(to_string(types[0]) == "float16[N, 4, M]");
  CHECK(to_string(types[1]) == "float32[N, 1, 1]");
}
