#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

/// Writes normalisations in arithmetic, as exporters do.
struct NormGraph {
  Graph graph = graph_with_opset(17);
  ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3, 8}));

  ValueId constant(const std::string& name, const Shape& shape) {
    std::mt19937 engine(static_cast<unsigned>(graph.values.size()));
    return graph.add_constant(name, random_tensor<float>(engine, shape));
  }
  ValueId scalar(const std::string& name, float value) {
    return graph.add_constant(name, Tensor::scalar(value));
  }
  ValueId mean(ValueId of, const std::string& name, std::int64_t axis = -1) {
    Attributes attributes;
    attributes.set("axes", std::vector<std::int64_t>{axis});
    return graph.add_node("ReduceMean", {of}, name, attributes);
  }
  ValueId root_mean_square(ValueId of, std::int64_t axis = -1) {
    const ValueId square = graph.add_node("Pow", {of, scalar("two", 2)}, "square");
    const ValueId sum =
        graph.add_node("Add", {mean(square, "variance", axis), scalar("eps", 1e-3f)}, "sum");
    return graph.add_node("Sqrt", {sum}, "root");
  }
  ValueId centered(std::int64_t axis = -1) {
    return graph.add_node("Sub", {x, mean(x, "mean", axis)}, "centered");
  }
};

const std::vector<std::string_view> passes = {"fuse_layer_norm", "fuse_rms_norm", "fuse_norm_scale",
                                              "eliminate_dead"};

}  // namespace

TEST_CASE("fuse_layer_norm finds the arithmetic of exporters") {
  NormGraph t;
  const ValueId d = t.centered();
  const ValueId y = t.graph.add_node("Div", {d, t.root_mean_square(d)}, "y");
  SECTION("alone") {
    t.graph.outputs = {y};
    CHECK(after_passes(t.graph.clone(), passes) ==
          "  %y: float32[2, 3, 8] = LayerNormalization<axis=-1, epsilon=0.001>(%x, "
          "%y.scale[1, 1, 1, 1, 1, 1, 1, 1])\n");
  }
  SECTION("with scale and bias") {
    const ValueId scaled = t.graph.add_node("Mul", {t.constant("gamma", {8}), y}, "scaled");
    t.graph.outputs = {t.graph.add_node("Add", {scaled, t.constant("beta", {1, 1, 8})}, "z")};
    const std::string text = after_passes(t.graph.clone(), passes);
    CHECK(
        text.starts_with("  %z: float32[2, 3, 8] = LayerNormalization<axis=-1, epsilon=0.001>(%x, "
                         "%scaled.scale["));
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  }
  check_same_answers(t.graph);
}

TEST_CASE("fuse_layer_norm finds a product with the reciprocal root") {
  NormGraph t;
  const ValueId d = t.centered();
  const ValueId square = t.graph.add_node("Mul", {d, d}, "square");
  const ValueId sum =
      t.graph.add_node("Add", {t.scalar("eps", 1e-3f), t.mean(square, "variance")}, "sum");
  const ValueId root = t.graph.add_node("Sqrt", {sum}, "root");
  const ValueId inverse = t.graph.add_node("Reciprocal", {root}, "inverse");
  t.graph.outputs = {t.graph.add_node("Mul", {inverse, d}, "y")};
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "LayerNormalization") == 1);
  CHECK(t.graph.nodes.size() == 1);
}

TEST_CASE("fuse_rms_norm finds the arithmetic of exporters") {
  NormGraph t;
  const ValueId y = t.graph.add_node("Div", {t.x, t.root_mean_square(t.x)}, "y");
  t.graph.outputs = {t.graph.add_node("Mul", {t.constant("gamma", {8}), y}, "z")};
  const std::string text = after_passes(t.graph.clone(), passes);
  CHECK(text.starts_with(
      "  %z: float32[2, 3, 8] = RMSNormalization<axis=-1, epsilon=0.001>(%x, %z.scale["));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  check_same_answers(t.graph);
}

TEST_CASE("fuse_layer_norm leaves what is not one") {
  NormGraph t;
  SECTION("a mean over a middle axis") {
    const ValueId d = t.centered(1);
    t.graph.outputs = {t.graph.add_node("Div", {d, t.root_mean_square(d, 1)}, "y")};
  }
  SECTION("means over different axes") {
    const ValueId d = t.centered(-1);
    t.graph.outputs = {t.graph.add_node("Div", {d, t.root_mean_square(d, 1)}, "y")};
  }
  SECTION("an inner value that others need") {
    const ValueId d = t.centered();
    t.graph.outputs = {t.graph.add_node("Div", {d, t.root_mean_square(d)}, "y"), d};
  }
  SECTION("a quotient of something else") {
    const ValueId d = t.centered();
    t.graph.outputs = {t.graph.add_node("Div", {t.x, t.root_mean_square(d)}, "y")};
  }
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "LayerNormalization") == 0);
  CHECK(count_nodes(t.graph, "Sub") == 1);
}

TEST_CASE("fuse_norm_scale leaves what does not fit the normalised axes") {
  NormGraph t;
  const ValueId d = t.centered();
  const ValueId y = t.graph.add_node("Div", {d, t.root_mean_square(d)}, "y");
  t.graph.outputs = {t.graph.add_node("Mul", {y, t.constant("m", {3, 1})}, "z")};
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "Mul") == 1);
  check_same_answers(t.graph);
}
