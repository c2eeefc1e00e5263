#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Axes = std::vector<std::int64_t>;

/// Writes attention in products, as exporters do.
struct AttentionGraph {
  Graph graph = graph_with_opset(17);

  ValueId input(const std::string& name, const Shape& shape) {
    return graph.add_input(name, Type::tensor(DType::float32, shape));
  }
  ValueId scalar(const std::string& name, float value) {
    return graph.add_constant(name, Tensor::scalar(value));
  }
  ValueId transpose(ValueId x, Axes perm, const std::string& name) {
    Attributes attributes;
    attributes.set("perm", std::move(perm));
    return graph.add_node("Transpose", {x}, name, attributes);
  }
  ValueId softmax(ValueId x) {
    Attributes attributes;
    attributes.set("axis", std::int64_t{-1});
    return graph.add_node("Softmax", {x}, "p", attributes);
  }
  /// The scores of q [2, 3, 5, 4] by k [2, 3, 7, 4].
  ValueId scores() {
    const ValueId k = transpose(input("k", {2, 3, 7, 4}), {0, 1, 3, 2}, "kt");
    return graph.add_node("MatMul", {input("q", {2, 3, 5, 4}), k}, "s");
  }
  void finish(ValueId scores) {
    graph.outputs = {graph.add_node("MatMul", {softmax(scores), input("v", {2, 3, 7, 6})}, "y")};
  }
};

const std::vector<std::string_view> passes = {"fuse_attention", "eliminate_dead"};

}  // namespace

TEST_CASE("fuse_attention takes scale, mask and the Transposes around it") {
  AttentionGraph t;
  const ValueId q = t.transpose(t.input("q", {2, 5, 3, 4}), {0, 2, 1, 3}, "qt");
  const ValueId k = t.transpose(t.input("k", {2, 7, 3, 4}), {0, 2, 3, 1}, "kt");
  const ValueId v = t.transpose(t.input("v", {2, 7, 3, 6}), {0, 2, 1, 3}, "vt");
  const ValueId mask = t.input("m", {2, 1, 1, 7});
  ValueId s = t.graph.add_node("MatMul", {q, k}, "s");
  s = t.graph.add_node("Div", {s, t.scalar("root", 2)}, "scaled");
  s = t.graph.add_node("Add", {s, mask}, "masked");
  const ValueId y = t.graph.add_node("MatMul", {t.softmax(s), v}, "y");
  t.graph.outputs = {t.transpose(y, {0, 2, 1, 3}, "z")};
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %z: float32[2, 5, 3, 6] = inlay:FusedAttention<k_layout=\"BSNH\", q_layout=\"BSNH\", "
        "scale=0.5, v_layout=\"BSNH\", y_layout=\"BSNH\">(%q, %k, %v, %m)\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_attention takes scales of Q and K and heads first") {
  AttentionGraph t;
  const ValueId q =
      t.graph.add_node("Mul", {t.input("q", {2, 3, 5, 4}), t.scalar("a", 0.5f)}, "qs");
  const ValueId kt = t.transpose(t.input("k", {2, 3, 7, 4}), {0, 1, 3, 2}, "kt");
  const ValueId k = t.graph.add_node("Mul", {t.scalar("b", 0.25f), kt}, "ks");
  t.finish(t.graph.add_node("MatMul", {q, k}, "s"));
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %y: float32[2, 3, 5, 6] = inlay:FusedAttention<scale=0.125>(%q, %k, %v)\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_attention takes hidden scores") {
  AttentionGraph t;
  const ValueId s = t.scores();
  const ValueId far = t.scalar("far", std::numeric_limits<float>::lowest());
  SECTION("of a condition known at run time") {
    const ValueId m = t.input("m", {5, 7});
    const ValueId hidden = t.graph.add_node("Less", {m, t.scalar("zero", 0)}, "hidden");
    const bool hides = GENERATE(true, false);
    t.finish(t.graph.add_node(
        "Where", hides ? std::vector{hidden, far, s} : std::vector{hidden, s, far}, "masked"));
    const std::string text = after_passes(t.graph.clone(), passes);
    CHECK(text.find("FusedAttention<scale=1>(%q, %k, %v, %y.mask)") != text.npos);
    CHECK(text.find(hides ? "Where(%hidden, %far[-3.40282e+38], %y.zero[0])"
                          : "Where(%hidden, %y.zero[0], %far[-3.40282e+38])") != text.npos);
  }
  SECTION("of a constant condition") {
    Tensor seen(DType::boolean, {5, 7});
    for (std::size_t i = 0; i < 35; ++i) seen.as_mutable<bool>()[i] = i % 7 < 3 || i % 2 == 0;
    t.finish(t.graph.add_node("Where", {t.graph.add_constant("seen", seen), s, far}, "masked"));
    const std::string text = after_passes(t.graph.clone(), passes);
    CHECK(text.find("FusedAttention<scale=1>(%q, %k, %v, %y.mask{") != text.npos);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  }
  check_same_answers(t.graph);
}

TEST_CASE("fuse_attention takes attention written with Einsum, hidden after a bias") {
  AttentionGraph t;
  const auto einsum = [&](ValueId a, ValueId b, const char* equation, const char* name) {
    Attributes attributes;
    attributes.set("equation", std::string(equation));
    return t.graph.add_node("Einsum", {a, b}, name, attributes);
  };
  const ValueId q = t.transpose(t.input("q", {2, 5, 3, 4}), {0, 2, 1, 3}, "qt");
  const ValueId k = t.input("k", {2, 3, 7, 4}), v = t.input("v", {2, 3, 7, 6});
  const ValueId hidden =
      t.graph.add_node("Less", {t.input("m", {2, 1, 1, 7}), t.scalar("zero", 0)}, "hidden");
  const ValueId far = t.scalar("far", std::numeric_limits<float>::lowest());
  SECTION("as it should be") {
    ValueId s = einsum(q, k, "b h i d, b h j d -> b h i j", "s");
    s = t.graph.add_node("Mul", {s, t.scalar("scale", 0.5f)}, "scaled");
    s = t.graph.add_node("Add", {s, t.input("bias", {3, 5, 7})}, "biased");
    s = t.graph.add_node("Where", {hidden, far, s}, "kept");
    t.graph.outputs = {einsum(t.softmax(s), v, "xyij,xyjd->xyid", "y")};
    const std::string text = after_passes(t.graph.clone(), passes);
    CHECK(text.find("inlay:FusedAttention<q_layout=\"BSNH\", scale=0.5>(%q, %k, %v, %y.mask)") !=
          std::string::npos);
    CHECK(text.find("Where(%hidden, %far[-3.40282e+38], %bias)") != std::string::npos);
  }
  SECTION("with other products") {
    const ValueId s = einsum(q, k, "bhid,bhjd->bhji", "s");
    t.graph.outputs = {einsum(t.softmax(s), t.input("w", {2, 3, 5, 6}), "bhij,bhjd->bhid", "y")};
    CHECK(after_passes(t.graph.clone(), passes).find("FusedAttention") == std::string::npos);
  }
  check_same_answers(t.graph);
}

TEST_CASE("fuse_attention tells causal masks and those of nothing") {
  AttentionGraph t;
  const ValueId k = t.transpose(t.input("k", {1, 2, 5, 4}), {0, 1, 3, 2}, "kt");
  const ValueId s = t.graph.add_node("MatMul", {t.input("q", {1, 2, 5, 4}), k}, "s");
  Tensor mask = Tensor::zeros(DType::float32, {1, 1, 5, 5});
  std::string expected = "scale=1";
  SECTION("causal") {
    for (int i = 0; i < 25; ++i) {
      if (i % 5 > i / 5) {
        mask.as_mutable<float>()[static_cast<std::size_t>(i)] =
            -std::numeric_limits<float>::infinity();
      }
    }
    expected = "is_causal=1, scale=1";
  }
  SECTION("nothing") {}
  const ValueId masked = t.graph.add_node("Add", {s, t.graph.add_constant("m", mask)}, "masked");
  t.graph.outputs = {
      t.graph.add_node("MatMul", {t.softmax(masked), t.input("v", {1, 2, 5, 6})}, "y")};
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %y: float32[1, 2, 5, 6] = inlay:FusedAttention<" + expected + ">(%q, %k, %v)\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_attention finds heads of K and V that were repeated") {
  AttentionGraph t;
  const ValueId q = t.input("q", {2, 6, 5, 4});
  const auto repeated = [&](const std::string& name, const Shape& shape) {
    const ValueId x = t.input(name, shape);
    const auto constant = [&](const std::string& stem, const Axes& values) {
      return t.graph.add_constant(name + stem,
                                  Tensor::copy_of(std::span<const std::int64_t>(values),
                                                  {static_cast<std::int64_t>(values.size())}));
    };
    if (name == "k") {
      Attributes attributes;
      attributes.set("axis", std::int64_t{1});
      return t.graph.add_node("Gather", {x, constant("i", {0, 0, 0, 1, 1, 1})}, "k6", attributes);
    }
    const ValueId split = t.graph.add_node("Unsqueeze", {x, constant("a", {2})}, "v5");
    const ValueId more =
        t.graph.add_node("Expand", {split, constant("s", {2, 2, 3, 7, shape[3]})}, "v6");
    return t.graph.add_node("Reshape", {more, constant("r", {2, 6, 7, shape[3]})}, "many");
  };
  const ValueId k = t.transpose(repeated("k", {2, 2, 7, 4}), {0, 1, 3, 2}, "kt");
  const ValueId v = repeated("v", {2, 2, 7, 3});
  const ValueId s = t.graph.add_node("MatMul", {q, k}, "s");
  t.graph.outputs = {t.graph.add_node("MatMul", {t.softmax(s), v}, "y")};
  CHECK(after_passes(t.graph.clone(), passes) ==
        "  %y: float32[2, 6, 5, 3] = inlay:FusedAttention<scale=1>(%q, %k, %v)\n");
  check_same_answers(t.graph);
}

TEST_CASE("fuse_attention leaves what is not one") {
  AttentionGraph t;
  ValueId s = t.scores();
  SECTION("scores that others need") {
    t.finish(s);
    t.graph.outputs.push_back(s);
  }
  SECTION("a scale behind the mask") {
    s = t.graph.add_node("Add", {s, t.input("m", {5, 7})}, "masked");
    t.finish(t.graph.add_node("Mul", {s, t.scalar("half", 0.5f)}, "scaled"));
  }
  SECTION("a factor for each head") {
    t.finish(t.graph.add_node("Mul", {s, t.input("f", {3, 1, 1})}, "scaled"));
  }
  SECTION("a replacement that hides nothing") {
    const ValueId hidden =
        t.graph.add_node("Less", {t.input("m", {5, 7}), t.scalar("zero", 0)}, "hidden");
    t.finish(t.graph.add_node("Where", {hidden, t.scalar("one", 1), s}, "replaced"));
  }
  SECTION("softmax over another axis") {
    Attributes attributes;
    attributes.set("axis", std::int64_t{2});
    const ValueId p = t.graph.add_node("Softmax", {s}, "p", attributes);
    t.graph.outputs = {t.graph.add_node("MatMul", {p, t.input("v", {2, 3, 7, 6})}, "y")};
  }
  run_passes_named(t.graph, passes);
  CHECK(count_nodes(t.graph, "FusedAttention") == 0);
  CHECK(count_nodes(t.graph, "Softmax") == 1);
  check_same_answers(t.graph);
}
