// Model-local functions put in the place of their calls.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "error_check.hpp"
#include "onnx_writer.hpp"

using namespace inlay;
using namespace inlay::test;
using namespace inlay::test::onnx_file;
using onnx::AttributeType;

namespace {

const NodeOptions local = {.domain = "local"};

/// A model whose main graph is `nodes` from input x to output y.
ModelFile calling(Strings nodes, std::vector<FunctionFile> functions) {
  return {.graph = {.nodes = std::move(nodes),
                    .inputs = {float_input("x")},
                    .outputs = {value_info("y")}},
          .functions = std::move(functions)};
}

/// "op(inputs)->outputs" per node.
Strings listing(const Graph& graph) {
  Strings lines;
  const auto join = [&](const std::vector<ValueId>& ids) {
    std::string text;
    for (const ValueId id : ids) {
      text += (text.empty() ? "" : ",") + (id == no_id ? "-" : graph.value(id).name);
    }
    return text;
  };
  for (const Node& n : graph.nodes) {
    lines.push_back(n.op + "(" + join(n.inputs) + ")->" + join(n.outputs));
  }
  return lines;
}

}  // namespace

TEST_CASE("a function's body takes the place of each call, under names of its own") {
  const FunctionFile square_plus = {.name = "F",
                                    .inputs = {"a"},
                                    .outputs = {"b"},
                                    .nodes = {node("Mul", {"a", "a"}, {"t"}, {}, {.name = "mul"}),
                                              node("Add", {"t", "a"}, {"b"})}};
  const Graph graph = read(
      calling({node("F", {"x"}, {"t"}, {}, {"local", "call"}), node("F", {"t"}, {"y"}, {}, local)},
              {square_plus})
          .bytes());
  CHECK(listing(graph) ==
        Strings{"Mul(x,x)->call/t", "Add(call/t,x)->t", "Mul(t,t)->F/t", "Add(F/t,t)->y"});
  CHECK(graph.nodes[0].name == "call/mul");
  CHECK(graph.nodes[0].version == 17);
}

TEST_CASE("functions call functions, and use opsets of their own") {
  const FunctionFile inner = {.name = "Inner",
                              .inputs = {"p"},
                              .outputs = {"q"},
                              .nodes = {node("Exp", {"p"}, {"q"})},
                              .opsets = {{"", 13}}};
  const FunctionFile outer = {
      .name = "Outer",
      .inputs = {"a"},
      .outputs = {"b"},
      .nodes = {node("Inner", {"a"}, {"t"}, {}, local), node("Inner", {"t"}, {"b"}, {}, local)}};
  const Graph graph =
      read(calling({node("Outer", {"x"}, {"y"}, {}, local)}, {inner, outer}).bytes());
  CHECK(listing(graph) == Strings{"Exp(x)->Outer/t", "Exp(Outer/t)->y"});
  CHECK(graph.nodes[0].version == 13);
}

TEST_CASE("overloads are told apart") {
  const auto overload = [](const std::string& id, const std::string& op) {
    return FunctionFile{.name = "F",
                        .inputs = {"a"},
                        .outputs = {"b"},
                        .nodes = {node(op, {"a"}, {"b"})},
                        .overload = id};
  };
  const ModelFile file = calling({node("F", {"x"}, {"t"}, {}, {"local", "", "one"}),
                                  node("F", {"t"}, {"y"}, {}, {"local", "", "two"})},
                                 {overload("one", "Exp"), overload("two", "Log")});
  CHECK(listing(read(file.bytes())) == Strings{"Exp(x)->t", "Log(t)->y"});
  ModelFile twice = file;
  twice.functions.push_back(overload("one", "Exp"));
  CHECK_ERROR(read(twice.bytes()), invalid_graph, "local:F");
}

TEST_CASE("attribute references take the call's value, the default, or nothing") {
  const FunctionFile function = {
      .name = "F",
      .inputs = {"a"},
      .outputs = {"b"},
      .nodes = {node("LeakyRelu", {"a"}, {"b"},
                     {ref_attribute("given", "g", AttributeType::int_value),
                      ref_attribute("default", "d", AttributeType::int_value),
                      ref_attribute("absent", "n", AttributeType::int_value)})},
      .defaults = {int_attribute("d", 7), int_attribute("g", 1)}};
  // Through a second function that hands its own attribute on.
  const FunctionFile outer = {
      .name = "Outer",
      .inputs = {"a"},
      .outputs = {"b"},
      .nodes = {
          node("F", {"a"}, {"b"}, {ref_attribute("g", "h", AttributeType::int_value)}, local)}};
  const Graph graph = read(
      calling({node("Outer", {"x"}, {"y"}, {int_attribute("h", 42)}, local)}, {function, outer})
          .bytes());
  const Attributes& attributes = graph.nodes.at(0).attributes;
  CHECK(attributes.integer("given", 0) == 42);
  CHECK(attributes.integer("default", 0) == 7);
  CHECK_FALSE(attributes.has("absent"));
}

TEST_CASE("subgraphs in function bodies see the function's values and attributes") {
  const GraphFile branch = {.nodes = {node("Add", {"a", "t"}, {"s"},
                                           {ref_attribute("k", "k", AttributeType::int_value)})},
                            .outputs = {value_info("s")}};
  const FunctionFile function = {
      .name = "F",
      .inputs = {"a", "c"},
      .outputs = {"b"},
      .nodes = {node("Exp", {"a"}, {"t"}), node("If", {"c"}, {"b"},
                                                {graph_attribute("then_branch", branch.bytes()),
                                                 graph_attribute("else_branch", branch.bytes())})}};
  const Graph graph = read(
      calling({node("F", {"x", "x"}, {"y"}, {int_attribute("k", 5)}, local)}, {function}).bytes());
  REQUIRE(graph.nodes.size() == 2);
  const Graph& then_graph = **graph.nodes[1].attributes.get<std::shared_ptr<Graph>>("then_branch");
  REQUIRE(then_graph.captures.size() == 2);
  CHECK(graph.value(then_graph.captures[0].outer).name == "x");
  CHECK(graph.value(then_graph.captures[1].outer).name == "F/t");
  CHECK(then_graph.nodes[0].attributes.integer("k", 0) == 5);
}

TEST_CASE("functions called inside of subgraphs") {
  const FunctionFile function = {
      .name = "F", .inputs = {"a"}, .outputs = {"b"}, .nodes = {node("Exp", {"a"}, {"b"})}};
  const GraphFile branch = {.nodes = {node("F", {"x"}, {"s"}, {}, local)},
                            .outputs = {value_info("s")}};
  const Graph graph = read(calling({node("If", {"x"}, {"y"},
                                         {graph_attribute("then_branch", branch.bytes()),
                                          graph_attribute("else_branch", branch.bytes())})},
                                   {function})
                               .bytes());
  const Graph& then_graph = **graph.nodes[0].attributes.get<std::shared_ptr<Graph>>("then_branch");
  CHECK(listing(then_graph) == Strings{"Exp(x)->s"});
}

TEST_CASE("absent inputs and outputs, inputs handed through, one result twice") {
  const FunctionFile function = {.name = "F",
                                 .inputs = {"a", "b"},
                                 .outputs = {"a", "t", "t"},
                                 .nodes = {node("Clip", {"a", "b"}, {"t"})}};
  const Graph graph =
      read(calling({node("F", {"x"}, {"p", "y", "q"}, {}, local)}, {function}).bytes());
  CHECK(listing(graph) == Strings{"Clip(x,-)->y", "Identity(x)->p", "Identity(y)->q"});
  const Graph fewer = read(calling({node("F", {"x"}, {"", "y"}, {}, local)}, {function}).bytes());
  CHECK(listing(fewer) == Strings{"Clip(x,-)->y"});
  const FunctionFile absent = {.name = "F", .inputs = {"a", "b"}, .outputs = {"b"}};
  CHECK_ERROR(read(calling({node("F", {"x"}, {"y"}, {}, local)}, {absent}).bytes()), invalid_graph,
              "leaves out");
}

TEST_CASE("a name that a function's value would take is left to its owner") {
  const FunctionFile function = {.name = "F",
                                 .inputs = {"a"},
                                 .outputs = {"b"},
                                 .nodes = {node("Exp", {"a"}, {"t"}), node("Log", {"t"}, {"b"})}};
  const Graph graph =
      read(calling({node("F", {"x"}, {"F/t"}, {}, local), node("F", {"F/t"}, {"y"}, {}, local)},
                   {function})
               .bytes());
  CHECK(listing(graph) ==
        Strings{"Exp(x)->F/t#1", "Log(F/t#1)->F/t", "Exp(F/t)->F/t#2", "Log(F/t#2)->y"});
}

TEST_CASE("impossible functions are refused") {
  const auto refused = [](FunctionFile function, const std::string& text) {
    function.name = "F";
    const std::string bytes =
        calling({node("F", {"x"}, {"y"}, {}, {"local", "call"})}, {function}).bytes();
    CHECK_ERROR(read(bytes), invalid_graph, text);
  };
  refused({.inputs = {"a"}, .outputs = {"b"}, .nodes = {node("F", {"a"}, {"b"}, {}, local)}},
          "calls itself");
  refused({.inputs = {}, .outputs = {"b"}, .nodes = {}}, "more inputs");
  refused({.inputs = {"a"}, .outputs = {}, .nodes = {}}, "more inputs or outputs");
  refused({.inputs = {"a"}, .outputs = {"b"}, .nodes = {}}, "tensor b");
  refused({.inputs = {"a"}, .outputs = {"b"}, .nodes = {node("Exp", {"x"}, {"b"})}}, "tensor x");
  refused({.inputs = {"a", "a"}, .outputs = {"b"}, .nodes = {node("Exp", {"a"}, {"b"})}},
          "tensor a");
  refused({.inputs = {"a"}, .outputs = {"b"}, .nodes = {node("Exp", {"a"}, {"a"})}}, "tensor a");
  // A function that no node calls does no harm, and a call of none is an operator like any other.
  const Graph graph = read(calling({node("G", {"x"}, {"y"}, {}, local)}, {{.name = "F"}}).bytes());
  CHECK(graph.nodes[0].op == "G");
}

TEST_CASE("graphs as attributes of a call stand where the body refers to them") {
  // The branch reads the caller's x and t, from within the body and from within its subgraph.
  const GraphFile branch = {.nodes = {node("Add", {"x", "t"}, {"s"})},
                            .outputs = {value_info("s")}};
  const GraphFile inner = {
      .nodes = {node("If", {"a"}, {"i"},
                     {ref_attribute("then_branch", "g", AttributeType::graph),
                      ref_attribute("else_branch", "g", AttributeType::graph)})},
      .outputs = {value_info("i")}};
  const FunctionFile function = {
      .name = "F",
      .inputs = {"a"},
      .outputs = {"b"},
      .nodes = {node("If", {"a"}, {"b"},
                     {ref_attribute("then_branch", "g", AttributeType::graph),
                      graph_attribute("else_branch", inner.bytes())})}};
  const std::string call = node("F", {"x"}, {"y"}, {graph_attribute("g", branch.bytes())}, local);
  const Graph graph = read(calling({node("Exp", {"x"}, {"t"}), call}, {function}).bytes());
  REQUIRE(graph.nodes.size() == 2);
  const auto branch_of = [](const Node& node, const char* name) -> const Graph& {
    return **node.attributes.get<std::shared_ptr<Graph>>(name);
  };
  const auto captured = [](const Graph& outer, const Graph& subgraph) {
    Strings names;
    for (const Capture& capture : subgraph.captures) {
      names.push_back(outer.value(capture.outer).name);
    }
    return names;
  };
  const Graph& then_graph = branch_of(graph.nodes[1], "then_branch");
  CHECK(captured(graph, then_graph) == Strings{"x", "t"});
  const Graph& else_graph = branch_of(graph.nodes[1], "else_branch");
  const Graph& nested = branch_of(else_graph.nodes.at(0), "then_branch");
  REQUIRE(nested.captures.size() == 2);
  for (const Capture& capture : nested.captures) {
    const auto of_else = std::find_if(else_graph.captures.begin(), else_graph.captures.end(),
                                      [&](const Capture& c) { return c.inner == capture.outer; });
    CHECK(of_else != else_graph.captures.end());
  }
}

TEST_CASE("a function may have a graph as the default of an attribute") {
  const GraphFile branch = {.nodes = {node("Neg", {"a"}, {"n"})}, .outputs = {value_info("n")}};
  const FunctionFile function = {
      .name = "F",
      .inputs = {"a"},
      .outputs = {"b"},
      .nodes = {node("If", {"a"}, {"b"},
                     {ref_attribute("then_branch", "g", AttributeType::graph),
                      ref_attribute("else_branch", "g", AttributeType::graph)})},
      .defaults = {graph_attribute("g", branch.bytes())}};
  const Graph graph = read(calling({node("F", {"x"}, {"y"}, {}, local)}, {function}).bytes());
  const Graph& then_graph = **graph.nodes[0].attributes.get<std::shared_ptr<Graph>>("then_branch");
  REQUIRE(then_graph.captures.size() == 1);
  CHECK(graph.value(then_graph.captures[0].outer).name == "x");
}

TEST_CASE("a function that is an operator too runs either way, with one answer") {
  const FunctionFile softplus = {
      .name = "Softplus",
      .inputs = {"a"},
      .outputs = {"b"},
      .nodes = {node("Constant", {}, {"one"}, {tensor_attribute("value", floats("", {1}))}),
                node("Exp", {"a"}, {"e"}), node("Add", {"e", "one"}, {"s"}),
                node("Log", {"s"}, {"b"})},
      .domain = ""};
  const std::string file = calling({node("Softplus", {"x"}, {"y"})}, {softplus}).bytes();
  const Tensor x = Tensor::copy_of({-2.F, 0.F});
  const auto answer = [&](Functions functions, std::size_t nodes) {
    const Model model = Model::load(as_bytes(file), {.optimize = false, .functions = functions});
    CHECK(model.graph().nodes.size() == nodes);
    return Session(model).run({{"x", x}})["y"];
  };
  const Tensor body = answer(Functions::bodies, 4), whole = answer(Functions::operators, 1);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(body.as<float>()[i] == Approx(whole.as<float>()[i]));
  }
  CHECK(whole.as<float>()[1] == Approx(std::log(2.0)));
}

TEST_CASE("mutual recursion, chains too deep and calls that multiply end in an error") {
  const auto chain = [](int length, int calls, bool closed) {
    std::vector<FunctionFile> functions;
    for (int i = 0; i < length; ++i) {
      FunctionFile f{.name = "F" + std::to_string(i), .inputs = {"a"}, .outputs = {"b0"}};
      const bool last = i + 1 == length;
      const std::string callee = "F" + std::to_string(last ? 0 : i + 1);
      for (int c = 0; c < calls; ++c) {
        const std::string result = "b" + std::to_string(c);
        f.nodes.push_back(last && !closed ? node("Exp", {"a"}, {result})
                                          : node(callee, {"a"}, {result}, {}, local));
      }
      functions.push_back(std::move(f));
    }
    return calling({node("F0", {"x"}, {"y"}, {}, local)}, functions).bytes();
  };
  CHECK(read(chain(20, 1, false)).nodes.size() == 1);
  CHECK(read(chain(4, 3, false)).nodes.size() == 81);
  CHECK_ERROR(read(chain(2, 1, true)), invalid_graph, "calls itself");
  CHECK_ERROR(read(chain(100, 1, false)), limit, "64 levels");
  CHECK_ERROR(read(chain(30, 2, false)), limit, "size of the model file");
}
