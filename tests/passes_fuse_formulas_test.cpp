#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

struct Formula {
  Graph graph = graph_with_opset();
  ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3}));

  ValueId operator()(std::string_view op, std::vector<ValueId> inputs) {
    return graph.add_node(op, std::move(inputs), "t" + std::to_string(graph.values.size()));
  }
  ValueId operator()(float number) {
    return graph.add_constant("t" + std::to_string(graph.values.size()), Tensor::scalar(number));
  }
  std::string fused(ValueId output) {
    graph.outputs = {output};
    graph.value(output).name = "y";
    check_same_answers(graph, 1e-4);
    return after_passes(graph.clone(), {"fuse_activation_formulas"});
  }
};

}  // namespace

TEST_CASE("fuse_activation_formulas finds Gelu by erf") {
  Formula f;
  const ValueId erf = f("Erf", {f("Div", {f.x, f(1.41421354f)})});
  const ValueId sum = f("Add", {erf, f(1)});
  const std::string gelu = "  %y: float32[2, 3] = Gelu(%x)\n";
  SECTION("(x (1 + erf)) / 2") {
    CHECK(f.fused(f("Mul", {f("Mul", {f.x, sum}), f(0.5f)})) == gelu);
  }
  SECTION("(x / 2) (1 + erf)") {
    CHECK(f.fused(f("Mul", {f("Mul", {f(0.5f), f.x}), sum})) == gelu);
  }
  SECTION("x ((1 + erf) / 2)") { CHECK(f.fused(f("Mul", {f("Div", {sum, f(2)}), f.x})) == gelu); }
}

TEST_CASE("fuse_activation_formulas finds Gelu by tanh") {
  Formula f;
  const auto of_cubic_term = [&](ValueId term) {
    const ValueId inner = f("Add", {f.x, term});
    const ValueId tanh = f("Tanh", {f("Mul", {f(0.797884583f), inner})});
    const ValueId sum = f("Add", {f(1), tanh});
    return f.fused(f("Mul", {f("Mul", {f(0.5f), f.x}), sum}));
  };
  const std::string gelu = "  %y: float32[2, 3] = Gelu<approximate=\"tanh\">(%x)\n";
  SECTION("0.044715 x^3") {
    CHECK(of_cubic_term(f("Mul", {f(0.044715f), f("Pow", {f.x, f(3)})})) == gelu);
  }
  SECTION("x (x (0.044715 x))") {
    CHECK(of_cubic_term(f("Mul", {f.x, f("Mul", {f.x, f("Mul", {f(0.044715f), f.x})})})) == gelu);
  }
}

TEST_CASE("fuse_activation_formulas finds the gated activations") {
  Formula f;
  SECTION("Swish") {
    CHECK(f.fused(f("Mul", {f("Sigmoid", {f.x}), f.x})) == "  %y: float32[2, 3] = Swish(%x)\n");
  }
  SECTION("Swish with a slope") {
    CHECK(f.fused(f("Mul", {f.x, f("Sigmoid", {f("Mul", {f(1.5f), f.x})})})) ==
          "  %y: float32[2, 3] = Swish<alpha=1.5>(%x)\n");
  }
  SECTION("HardSwish") {
    const ValueId gate = f("Clip", {f("Add", {f.x, f(3)}), f(0), f(6)});
    CHECK(f.fused(f("Div", {f("Mul", {f.x, gate}), f(6)})) ==
          "  %y: float32[2, 3] = HardSwish(%x)\n");
  }
  SECTION("HardSigmoid") {
    const ValueId gate = f("Clip", {f("Add", {f.x, f(3)}), f(0), f(6)});
    CHECK(f.fused(f("Div", {gate, f(6)})) ==
          "  %y: float32[2, 3] = HardSigmoid<alpha=0.166667, beta=0.5>(%x)\n");
  }
  SECTION("Mish") {
    CHECK(f.fused(f("Mul", {f.x, f("Tanh", {f("Softplus", {f.x})})})) ==
          "  %y: float32[2, 3] = Mish(%x)\n");
  }
}

TEST_CASE("fuse_activation_formulas leaves what only looks alike") {
  Formula f;
  SECTION("another divisor") {
    const ValueId sum = f("Add", {f("Erf", {f("Div", {f.x, f(1.5f)})}), f(1)});
    CHECK(f.fused(f("Mul", {f("Mul", {f.x, sum}), f(0.5f)})).find("Gelu") == std::string::npos);
  }
  SECTION("the gate of another value") {
    const ValueId z = f.graph.add_input("z", Type::tensor(DType::float32, Shape{2, 3}));
    CHECK(f.fused(f("Mul", {z, f("Sigmoid", {f.x})})).find("Swish") == std::string::npos);
  }
  SECTION("other bounds") {
    const ValueId gate = f("Clip", {f("Add", {f.x, f(3)}), f(0), f(5)});
    CHECK(f.fused(f("Div", {f("Mul", {f.x, gate}), f(6)})).find("Hard") == std::string::npos);
  }
  SECTION("a gate that others need") {
    const ValueId gate = f("Sigmoid", {f.x});
    f.graph.outputs = {f("Mul", {f.x, gate}), gate};
    run_passes_named(f.graph, {"fuse_activation_formulas"});
    CHECK(count_nodes(f.graph, "Swish") == 0);
  }
  SECTION("a constant that widens the shape") {
    const ValueId half = f.graph.add_constant("half", Tensor::copy_of<float>({0.5f}, {1, 1, 1}));
    const ValueId erf = f("Erf", {f("Div", {f.x, f(1.41421354f)})});
    f.graph.outputs = {f("Mul", {f("Mul", {f.x, f("Add", {erf, f(1)})}), half})};
    run_passes_named(f.graph, {"fuse_activation_formulas"});
    CHECK(count_nodes(f.graph, "Gelu") == 0);
  }
}
