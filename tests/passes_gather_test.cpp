#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

/// Products with one-hot rows of indices that are partly out of range.
struct Rows {
  Graph graph = graph_with_opset(18);
  std::mt19937 engine{5};

  /// Integers of -7 to 7.
  ValueId indices(const Shape& shape, DType dtype) {
    const ValueId x = graph.add_input("x", Type::tensor(DType::float32, shape));
    const ValueId seven = graph.add_constant("seven", Tensor::scalar(7.0f));
    return cast(graph.add_node("Mul", {x, seven}, "scaled"), dtype, "indices");
  }
  ValueId cast(ValueId x, DType dtype, const std::string& name) {
    Attributes attributes;
    attributes.set("to", static_cast<std::int64_t>(dtype));
    return graph.add_node("Cast", {x}, name, attributes);
  }
  ValueId counted(const Shape& shape, std::int64_t first = 0) {
    Tensor tensor(DType::int32, shape);
    for (std::int32_t& x : tensor.as_mutable<std::int32_t>())
      x = static_cast<std::int32_t>(first++);
    return graph.add_constant("columns", std::move(tensor));
  }
  ValueId matrix(std::int64_t rows, std::int64_t columns = 3) {
    return graph.add_constant("w", random_tensor<float>(engine, {rows, columns}));
  }
  ValueId one_hot(ValueId indices, std::int64_t depth, float on = 1) {
    Attributes attributes;
    attributes.set("axis", std::int64_t{-1});
    return graph.add_node("OneHot",
                          {indices, graph.add_constant("depth", Tensor::scalar(depth)),
                           graph.add_constant("values", Tensor::copy_of({0.0f, on}))},
                          "hot", attributes);
  }
  std::string passed() { return after_passes(graph.clone(), {"fuse_one_hot", "eliminate_dead"}); }
};

bool has(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

ValueId embedding(Graph& graph, std::mt19937& engine, const Shape& table) {
  const ValueId ids = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 5}));
  const ValueId zero = graph.add_constant("zero", Tensor::scalar(0.0f));
  const ValueId positive = graph.add_node("Greater", {ids, zero}, "positive");
  Attributes attributes;
  attributes.set("to", static_cast<std::int64_t>(DType::int64));
  const ValueId index = graph.add_node("Cast", {positive}, "index", attributes);
  const ValueId rows = graph.add_constant("table", random_tensor<float>(engine, table));
  return graph.add_node("Gather", {rows, index}, "rows");
}

}  // namespace

TEST_CASE("a product with a comparison to 0 ... n - 1 is a Gather") {
  const DType dtype = GENERATE(DType::int32, DType::int64, DType::int8);
  CAPTURE(name(dtype));
  Rows t;
  const ValueId x = t.indices({2, 40, 1}, dtype);
  const ValueId columns = t.cast(t.counted({1, 5}), dtype, "same");
  const ValueId hot = t.cast(t.graph.add_node("Equal", {columns, x}, "equal"), DType::float32, "h");
  t.graph.outputs = {t.graph.add_node("MatMul", {hot, t.matrix(5)}, "y")};
  run_passes_named(t.graph, {"fold_constants"});
  const std::string after = t.passed();
  CHECK(has(after, "Gather"));
  CHECK_FALSE(has(after, "Equal"));
  CHECK_FALSE(has(after, "MatMul"));
  check_same_answers(t.graph, 0);
}

TEST_CASE("a product with OneHot is a Gather, negative indices count from the end") {
  Rows t;
  t.graph.outputs = {t.graph.add_node(
      "MatMul", {t.one_hot(t.indices({3, 33}, DType::int64), 5), t.matrix(5)}, "y")};
  const std::string after = t.passed();
  CHECK(has(after, "Gather"));
  CHECK_FALSE(has(after, "OneHot"));
  check_same_answers(t.graph, 0);
}

TEST_CASE("products that only look one-hot stay") {
  Rows t;
  const ValueId x = t.indices({40, 1}, DType::int32);
  ValueId hot = no_id;
  ValueId w = no_id;
  SECTION("columns that do not count from 0") {
    hot = t.cast(t.graph.add_node("Equal", {x, t.counted({5}, 1)}, "e"), DType::float32, "h");
  }
  SECTION("columns along another axis") {
    hot = t.cast(t.graph.add_node("Equal", {x, t.counted({40, 1})}, "e"), DType::float32, "h");
    w = t.matrix(1);
  }
  SECTION("a value that is not one") { hot = t.one_hot(x, 5, 2); }
  SECTION("rows times infinity are not zeros") {
    hot = t.cast(t.graph.add_node("Equal", {x, t.counted({5})}, "e"), DType::float32, "h");
    w = t.graph.add_constant(
        "inf", Tensor::copy_of({1.0f, 2.0f, std::numeric_limits<float>::infinity(), 0.0f, 1.0f})
                   .reshaped({5, 1}));
  }
  if (w == no_id) w = t.matrix(5);
  t.graph.outputs = {t.graph.add_node("MatMul", {hot, w}, "y")};
  CHECK_FALSE(has(t.passed(), "Gather"));
}

TEST_CASE("what is computed from gathered rows is computed from the table once") {
  Graph graph = graph_with_opset(20);
  std::mt19937 engine(6);
  ValueId x = embedding(graph, engine, {2, 4});
  const ValueId bias = graph.add_constant("bias", random_tensor<float>(engine, {1, 1, 4}));
  x = graph.add_node("Add", {bias, x}, "sum");
  x = graph.add_node("Gelu", {x}, "gelu");
  x = graph.add_node("Mul", {x, graph.add_constant("two", Tensor::scalar(2.0f))}, "y");
  graph.outputs = {x};
  const std::string after = after_passes(graph.clone(), {"precompute_rows", "eliminate_dead"});
  CHECK(has(after, "%y: float32[2, 5, 4] = Gather"));
  for (const char* op : {"Add", "Gelu", "Mul"}) CHECK_FALSE(has(after, op));
  check_same_answers(graph);
}

TEST_CASE("what differs from row to row, or makes a table large, is computed when it is run") {
  Graph graph = graph_with_opset(20);
  std::mt19937 engine(6);
  ValueId operand = no_id;
  Shape table = {2, 4};
  SECTION("an operand along the indices") {
    operand = graph.add_constant("c", random_tensor<float>(engine, {5, 1}));
  }
  SECTION("an operand of more axes") {
    operand = graph.add_constant("c", random_tensor<float>(engine, {1, 1, 1, 4}));
  }
  SECTION("a large table") {
    table = {300000, 1};
    operand = graph.add_constant("c", random_tensor<float>(engine, {1}));
  }
  SECTION("a table that grows") {
    table = {20000, 1};
    operand = graph.add_constant("c", random_tensor<float>(engine, {20}));
  }
  const ValueId x = embedding(graph, engine, table);
  graph.outputs = {graph.add_node("Add", {x, operand}, "y")};
  CHECK(has(after_passes(graph.clone(), {"precompute_rows"}), "Add"));
}

TEST_CASE("gathered rows that others read too stay as they are") {
  Graph graph = graph_with_opset(20);
  std::mt19937 engine(6);
  const ValueId x = embedding(graph, engine, {2, 4});
  graph.outputs = {graph.add_node("Exp", {x}, "y"), x};
  CHECK(has(after_passes(graph.clone(), {"precompute_rows"}), "Exp"));
}
