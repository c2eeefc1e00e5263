#include <catch2/catch.hpp>

#include "inlay/graph.hpp"
#include "runtime/flops.hpp"

using namespace inlay;

namespace {

ValueId input(Graph& graph, const std::string& name, const Shape& shape) {
  return graph.add_input(name, Type::tensor(DType::float32, shape));
}

void add(Graph& graph, const std::string& op, std::vector<ValueId> inputs, const Shape& output,
         Attributes attributes = {}) {
  const ValueId id = graph.add_node(op, std::move(inputs), op + "_out", std::move(attributes));
  graph.value(id).type = Type::tensor(DType::float32, output);
}

Graph empty_graph() {
  Graph graph;
  graph.opsets[""] = 21;
  return graph;
}

}  // namespace

TEST_CASE("flops: convolutions count each weight of a group once per output", "[flops]") {
  Graph graph = empty_graph();
  add(graph, "Conv", {input(graph, "x", {2, 4, 8, 8}), input(graph, "w", {6, 2, 3, 3})},
      {2, 6, 8, 8}, [] {
        Attributes attributes;
        attributes.set("group", std::int64_t{2});
        return attributes;
      }());
  CHECK(count_flops(graph).count == 2.0 * (2 * 6 * 8 * 8) * (2 * 3 * 3));

  Graph transposed = empty_graph();
  add(transposed, "ConvTranspose",
      {input(transposed, "x", {1, 4, 8, 8}), input(transposed, "w", {4, 3, 2, 2})}, {1, 3, 16, 16});
  CHECK(count_flops(transposed).count == 2.0 * (4 * 8 * 8) * (3 * 2 * 2));
  Graph blocked = empty_graph();
  add(blocked, "BlockedConvTranspose",
      {input(blocked, "x", {1, 2, 8, 8, 4}), input(blocked, "w", {5, 3, 2, 2})}, {1, 1, 16, 16, 4});
  CHECK(count_flops(blocked).count == 2.0 * (5 * 8 * 8) * (3 * 2 * 2));
}

TEST_CASE("flops: matrix products", "[flops]") {
  Graph graph = empty_graph();
  add(graph, "MatMul", {input(graph, "a", {5, 2, 3}), input(graph, "b", {3, 4})}, {5, 2, 4});
  CHECK(count_flops(graph).count == 2.0 * 5 * 2 * 3 * 4);

  Graph gemm = empty_graph();
  Attributes transposed;
  transposed.set("transA", std::int64_t{1});
  add(gemm, "Gemm", {input(gemm, "a", {3, 2}), input(gemm, "b", {3, 4})}, {2, 4}, transposed);
  CHECK(count_flops(gemm).count == 2.0 * 2 * 3 * 4);
}

TEST_CASE("flops: attention, with heads or rows first", "[flops]") {
  Graph graph = empty_graph();
  const ValueId q = input(graph, "q", {2, 3, 5, 4});
  add(graph, "FusedAttention",
      {q, input(graph, "k", {2, 3, 7, 4}), input(graph, "v", {2, 3, 7, 4})}, {2, 3, 5, 4});
  CHECK(count_flops(graph).count == 4.0 * (2 * 3 * 5 * 4) * 7);

  Graph by_row = empty_graph();
  Attributes layout;
  layout.set("k_layout", std::string("BSNH"));
  add(by_row, "FusedAttention",
      {input(by_row, "q", {2, 3, 5, 4}), input(by_row, "k", {2, 7, 3, 4}),
       input(by_row, "v", {2, 3, 7, 4})},
      {2, 3, 5, 4}, layout);
  CHECK(count_flops(by_row).count == 4.0 * (2 * 3 * 5 * 4) * 7);
}

TEST_CASE("flops: recurrent layers", "[flops]") {
  Graph graph = empty_graph();
  add(graph, "GRU",
      {input(graph, "x", {7, 2, 5}), input(graph, "w", {1, 12, 5}), input(graph, "r", {1, 12, 4})},
      {7, 1, 2, 4});
  CHECK(count_flops(graph).count == 2.0 * 7 * 2 * (12 * 5 + 12 * 4));
}

TEST_CASE("flops: unknown shapes are counted as such, branches by the larger one", "[flops]") {
  Graph graph = empty_graph();
  const ValueId a = graph.add_input("a", Type::tensor(DType::float32, {Dim::named("N"), Dim(3)}));
  graph.add_node("MatMul", {a, input(graph, "b", {3, 4})}, "out");
  CHECK(count_flops(graph).count == 0);
  CHECK(count_flops(graph).unknown_nodes == 1);

  const auto branch = [](std::int64_t rows) {
    auto inner = std::make_shared<Graph>(empty_graph());
    add(*inner, "MatMul", {input(*inner, "a", {rows, 3}), input(*inner, "b", {3, 4})}, {rows, 4});
    return inner;
  };
  Graph outer = empty_graph();
  Attributes branches;
  branches.set("then_branch", branch(2));
  branches.set("else_branch", branch(5));
  outer.add_node("If", {outer.add_input("c", Type::tensor(DType::boolean, Shape{}))}, "out",
                 branches);
  CHECK(count_flops(outer).count == 2.0 * 5 * 3 * 4);
}
