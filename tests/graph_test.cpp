#include <catch2/catch.hpp>

#include "inlay/graph.hpp"

using namespace inlay;

namespace {

Graph two_nodes() {
  Graph graph;
  graph.opsets[""] = 21;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {Dim::named("N"), Dim(3)}));
  const ValueId one = graph.add_constant("one", Tensor::copy_of({1.0f}));
  const ValueId sum = graph.add_node("Add", {x, one}, "sum");
  graph.outputs = {graph.add_node("Relu", {sum}, "y")};
  return graph;
}

}  // namespace

TEST_CASE("a graph prints as a person reads it", "[graph]") {
  CHECK(two_nodes().print() ==
        "graph main (%x: float32[N, 3]) -> (%y: ?) opset ai.onnx:21 {\n"
        "  %sum: ? = Add(%x, %one[1])\n"
        "  %y: ? = Relu(%sum)\n"
        "}\n");
}

TEST_CASE("verify accepts a sound graph and names what is wrong with others", "[graph]") {
  CHECK_NOTHROW(two_nodes().verify());
  SECTION("a value used before its definition") {
    Graph graph = two_nodes();
    std::swap(graph.nodes[0], graph.nodes[1]);
    CHECK_THROWS_WITH(graph.verify(), Catch::Contains("sum") && Catch::Contains("Relu"));
  }
  SECTION("a second producer") {
    Graph graph = two_nodes();
    graph.nodes[1].outputs[0] = graph.nodes[0].outputs[0];
    CHECK_THROWS_AS(graph.verify(), Error);
  }
  SECTION("an id out of range") {
    Graph graph = two_nodes();
    graph.nodes[0].inputs[0] = 99;
    CHECK_THROWS_AS(graph.verify(), Error);
  }
  SECTION("two values of one name") {
    Graph graph = two_nodes();
    graph.values[0].name = "sum";
    CHECK_THROWS_AS(graph.verify(), Error);
  }
  SECTION("an output that nobody defines") {
    Graph graph = two_nodes();
    graph.outputs.push_back(graph.add_value("nothing"));
    CHECK_THROWS_AS(graph.verify(), Error);
  }
  SECTION("a capture of a value that is not there") {
    Graph graph = two_nodes();
    auto body = std::make_shared<Graph>();
    body->captures.push_back({77, body->add_value("inner")});
    graph.nodes[0].attributes.set("body", body);
    CHECK_THROWS_AS(graph.verify(), Error);
  }
}

TEST_CASE("sort orders nodes and finds cycles", "[graph]") {
  Graph graph = two_nodes();
  std::swap(graph.nodes[0], graph.nodes[1]);
  graph.value(graph.find_value("sum")).producer = 1;
  graph.value(graph.find_value("y")).producer = 0;
  graph.sort();
  CHECK(graph.nodes[0].op == "Add");
  CHECK_NOTHROW(graph.verify());
  graph.nodes[0].inputs[0] = graph.find_value("y");
  CHECK_THROWS_WITH(graph.sort(), Catch::Contains("cycle"));
}

TEST_CASE("compact drops the dead and renumbers the rest", "[graph]") {
  Graph graph = two_nodes();
  graph.replace_uses(graph.find_value("sum"), graph.find_value("x"));
  graph.kill(0);
  graph.compact();
  CHECK(graph.nodes.size() == 1);
  CHECK(graph.values.size() == 2);
  CHECK_NOTHROW(graph.verify());
  CHECK(graph.consumers()[static_cast<std::size_t>(graph.find_value("x"))].size() == 1);
}

TEST_CASE("attributes are found by name and typed", "[graph]") {
  Attributes attributes;
  attributes.set("beta", 2.0f);
  attributes.set("alpha", std::int64_t{1});
  attributes.set("alpha", std::int64_t{3});
  CHECK(attributes.size() == 2);
  CHECK(attributes.integer("alpha", 0) == 3);
  CHECK(attributes.real("gamma", 7) == 7);
  CHECK_THROWS_AS(attributes.real("alpha", 0), Error);
  attributes.erase("alpha");
  CHECK_FALSE(attributes.has("alpha"));
}

TEST_CASE("a clone shares no subgraph", "[graph]") {
  Graph graph = two_nodes();
  auto body = std::make_shared<Graph>();
  graph.nodes[0].attributes.set("body", body);
  const Graph copy = graph.clone();
  body->name = "changed";
  CHECK((*copy.nodes[0].attributes.get<std::shared_ptr<Graph>>("body"))->name.empty());
}
