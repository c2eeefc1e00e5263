#include "passes_support.hpp"
#include "temporary_file.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

template <class Half>
Tensor rounded(const Tensor& tensor) {
  Tensor weights = tensor.clone();
  for (float& x : weights.as_mutable<float>()) x = Half(x);
  return weights;
}

Graph product(const Tensor& weights, const Shape& rows = {5, 48}) {
  Graph graph = graph_with_opset();
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, rows));
  const ValueId w = graph.add_constant("w", weights);
  graph.outputs = {graph.add_node("MatMul", {x, w}, "y")};
  return graph;
}

Tensor weights_of(const Shape& shape) {
  std::mt19937 engine(5);
  return random_tensor(engine, shape);
}

/// What the product's weights are after the pass.
DType narrowed(const Tensor& weights) {
  Graph graph = product(weights);
  run_passes_named(graph, {"narrow_weights", "eliminate_dead"});
  const Node* node = graph.producer(graph.outputs[0]);
  const DType dtype = graph.constant(node->inputs[1])->dtype();
  CHECK(node->is("FusedMatMul", "inlay") == (dtype != DType::float32));
  return dtype;
}

}  // namespace

TEST_CASE("narrow_weights keeps in 16 bits what has 16 bits") {
  const Tensor any = weights_of({48, 64});
  CHECK(narrowed(rounded<bfloat16>(any)) == DType::bfloat16);
  CHECK(narrowed(rounded<float16>(any)) == DType::float16);
  CHECK(narrowed(any) == DType::float32);
}

TEST_CASE("narrow_weights leaves alone what 16 bits cannot hold, or what is small") {
  Tensor weights = rounded<float16>(weights_of({48, 64}));
  SECTION("one number of many") { weights.as_mutable<float>()[777] = 1.0f / 3; }
  SECTION("a number too large for float16, and too exact for bfloat16") {
    weights.as_mutable<float>()[777] = 65537;
  }
  SECTION("an infinite number") {
    weights.as_mutable<float>()[777] = std::numeric_limits<float>::infinity();
  }
  SECTION("one that is none") {
    weights.as_mutable<float>()[777] = std::numeric_limits<float>::quiet_NaN();
  }
  SECTION("few numbers") { weights = rounded<float16>(weights_of({48, 4})); }
  CHECK(narrowed(weights) == DType::float32);
}

TEST_CASE("weights of 16 bits answer as those in 32 bits, in half the memory", "[models]") {
  const bool is_bfloat16 = GENERATE(true, false);
  const Shape shape = GENERATE(Shape{48, 64}, Shape{3, 48, 70});
  const std::int64_t rows = GENERATE(1, 3, 5, 300);
  const Tensor any = weights_of(shape);
  const Tensor weights = is_bfloat16 ? rounded<bfloat16>(any) : rounded<float16>(any);
  const Graph graph = product(weights, {rows, 48});
  std::mt19937 engine(9);
  const Tensor x = random_tensor(engine, {rows, 48});
  ModelOptions plain;
  plain.optimize = false;
  const Model wide = Model::from_graph(graph.clone(), plain);
  const Model narrow = Model::from_graph(graph.clone());
  CHECK(2 * narrow.memory().packed == wide.memory().packed);
  CHECK(narrow.placements()[0].backend == "cpu");
  const auto answers = [&](const Model& model, int threads) {
    Session session(model, {.threads = threads});
    const Outputs outputs = session.run({{"x", x}});
    const auto y = outputs[0].as<float>();
    return std::vector<float>(y.begin(), y.end());
  };
  const std::vector<float> want = answers(wide, 1);
  CHECK(answers(narrow, 1) == want);
  CHECK(answers(narrow, 3) == want);
  const TemporaryFile file("narrow.inlay");
  narrow.save_prepared(file.path());
  CHECK(answers(Model::load(file.path()), 1) == want);
}
