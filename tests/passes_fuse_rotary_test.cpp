#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Integers = std::vector<std::int64_t>;

/// Writes rotary embeddings in arithmetic, as exporters do.
struct RotaryGraph {
  Graph graph = graph_with_opset(17);

  ValueId input(const std::string& name, const Shape& shape) {
    return graph.add_input(name, Type::tensor(DType::float32, shape));
  }
  ValueId integers(const std::string& name, const Integers& values) {
    return graph.add_constant(name, Tensor::copy_of(std::span<const std::int64_t>(values),
                                                    {static_cast<std::int64_t>(values.size())}));
  }
  ValueId number(const std::string& name, std::int64_t value) {
    return graph.add_constant(name, Tensor::scalar(value));
  }
  ValueId along_last(std::string_view op, std::vector<ValueId> inputs, const std::string& name) {
    Attributes attributes;
    attributes.set("axis", std::int64_t{-1});
    return graph.add_node(op, std::move(inputs), name, attributes);
  }
  ValueId mul(ValueId a, ValueId b, const std::string& name) {
    return graph.add_node("Mul", {a, b}, name);
  }
  ValueId slice(ValueId x, std::int64_t from, std::int64_t to, const std::string& name) {
    return graph.add_node("Slice",
                          {x, integers(name + "from", {from}), integers(name + "to", {to}),
                           integers(name + "axes", {-1})},
                          name);
  }
  void halves(std::int64_t middle = 4) {
    const ValueId x = input("x", {2, 3, 5, 8});
    const ValueId c = input("c", {2, 1, 5, 8}), s = input("s", {5, 8});
    const ValueId high = slice(x, middle, std::numeric_limits<std::int64_t>::max(), "high");
    const ValueId minus = graph.add_node("Neg", {high}, "minus");
    const ValueId turned = along_last("Concat", {minus, slice(x, 0, middle, "low")}, "turned");
    graph.outputs = {graph.add_node("Add", {mul(x, c, "xc"), mul(turned, s, "xs")}, "y")};
  }
  void neighbours(std::int64_t second) {
    const ValueId x = graph.add_node(
        "Reshape", {input("x", {2, 5, 24}), integers("split", {0, 0, 3, 4, 2})}, "pairs");
    const ValueId c = input("c", {2, 5, 1, 4}), s = input("s", {2, 5, 1, 4});
    const ValueId a = along_last("Gather", {x, number("i0", 0)}, "a");
    const ValueId b = along_last("Gather", {x, number("i1", second)}, "b");
    const ValueId axis = integers("axis", {-1});
    const ValueId difference = graph.add_node("Sub", {mul(a, c, "ac"), mul(b, s, "bs")}, "minus");
    const ValueId sum = graph.add_node("Add", {mul(a, s, "as"), mul(b, c, "bc")}, "plus");
    const ValueId joined = along_last("Concat",
                                      {graph.add_node("Unsqueeze", {difference, axis}, "u0"),
                                       graph.add_node("Unsqueeze", {sum, axis}, "u1")},
                                      "joined");
    graph.outputs = {graph.add_node("Reshape", {joined, integers("join", {0, 0, 3, 8})}, "y")};
  }
};

const std::vector<std::string_view> passes = {"fuse_rotary", "merge_reshapes", "eliminate_dead"};

}  // namespace

TEST_CASE("fuse_rotary finds halves that are exchanged") {
  RotaryGraph t;
  t.halves();
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %y: float32[2, 3, 5, 8] = inlay:FusedRotaryEmbedding(%x, %c, %s)\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_rotary finds neighbours that are taken apart") {
  RotaryGraph t;
  t.neighbours(1);
  const std::string text = after_passes(t.graph.clone(), passes);
  CHECK(text.find("inlay:FusedRotaryEmbedding<interleaved=1>(%joined.rows, %c, %s)") != text.npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  check_same_answers(t.graph);
}

TEST_CASE("fuse_rotary leaves what is not one") {
  RotaryGraph t;
  SECTION("parts of different sizes") { t.halves(3); }
  SECTION("the same elements twice") { t.neighbours(0); }
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "FusedRotaryEmbedding") == 0);
  CHECK(count_nodes(t.graph, "Concat") == 1);
  if (count_nodes(t.graph, "Gather") > 0) check_same_answers(t.graph);
}
