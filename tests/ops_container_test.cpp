#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Floats = std::vector<float>;

/// A graph written line by line; constants in, outputs out.
struct Program {
  Graph graph;

  Program() { graph.opsets[""] = 21; }
  ValueId constant(Tensor tensor) {
    return graph.add_constant("c" + std::to_string(graph.values.size()), std::move(tensor));
  }
  ValueId input(Tensor tensor) {
    given.push_back(tensor);
    return graph.add_input("i" + std::to_string(graph.values.size()),
                           Type::tensor(tensor.dtype(), tensor.shape()));
  }
  ValueId add(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph.add_node(op, std::move(inputs), "v" + std::to_string(graph.values.size()),
                          std::move(attributes));
  }
  /// Runs what the output needs and nothing else.
  Value run(ValueId output) {
    Graph part = graph.clone();
    part.outputs = {output};
    std::vector<bool> needed(part.values.size());
    needed[static_cast<std::size_t>(output)] = true;
    for (std::size_t n = part.nodes.size(); n-- > 0;) {
      const Node& node = part.nodes[n];
      if (!needed[static_cast<std::size_t>(node.outputs[0])]) {
        part.kill(static_cast<NodeId>(n));
        continue;
      }
      for (const ValueId id : node.inputs) needed[static_cast<std::size_t>(id)] = true;
    }
    ModelOptions options;
    options.backends = {"reference"};
    options.optimize = false;
    Session session(Model::from_graph(std::move(part), options));
    return session.run(std::span<const Value>(given)).value(0);
  }

  std::vector<Value> given;
};

Attributes with(std::string name, Attribute value) {
  Attributes attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

Tensor floats(std::initializer_list<float> values) { return Tensor::copy_of<float>(values); }
Tensor position(std::int64_t at) { return Tensor::scalar(at); }

}  // namespace

TEST_CASE("a sequence is built, changed and read", "[ops][container]") {
  Program p;
  const ValueId a = p.input(floats({1}));
  const ValueId b = p.input(floats({2, 3}));
  const ValueId both = p.add("SequenceConstruct", {a, b});
  check<std::int64_t>(p.run(p.add("SequenceLength", {both})), {}, {2});
  check<float>(p.run(p.add("SequenceAt", {both, p.constant(position(-1))})), {2}, Floats{2, 3});
  const ValueId more = p.add("SequenceInsert", {both, b, p.constant(position(-2))});
  check<float>(p.run(p.add("SequenceAt", {more, p.constant(position(0))})), {2}, Floats{2, 3});
  const ValueId appended = p.add("SequenceInsert", {both, a});
  check<float>(p.run(p.add("SequenceAt", {appended, p.constant(position(2))})), {1}, Floats{1});
  const ValueId fewer = p.add("SequenceErase", {more, p.constant(position(1))});
  CHECK(p.run(fewer).sequence().size() == 2);
  check<float>(p.run(fewer).sequence()[1].tensor(), {2}, Floats{2, 3});
  const ValueId last_gone = p.add("SequenceErase", {both});
  CHECK(p.run(last_gone).sequence().size() == 1);
  CHECK_THROWS_AS(p.run(p.add("SequenceAt", {both, p.constant(position(2))})), Error);
  CHECK_THROWS_AS(p.run(p.add("SequenceErase", {both, p.constant(position(-3))})), Error);
}

TEST_CASE("an empty sequence", "[ops][container]") {
  Program p;
  const ValueId empty = p.add("SequenceEmpty", {}, with("dtype", std::int64_t{7}));
  check<std::int64_t>(p.run(p.add("SequenceLength", {empty})), {}, {0});
  CHECK_THROWS_AS(p.run(p.add("ConcatFromSequence", {empty}, with("axis", std::int64_t{0}))),
                  Error);
}

TEST_CASE("SplitToSequence", "[ops][container]") {
  Program p;
  const ValueId x = p.input(Tensor::copy_of<float>({1, 2, 3, 4, 5, 6}, {3, 2}));
  const auto parts = [&](std::vector<ValueId> inputs, Attributes attributes) {
    return p.run(p.add("SplitToSequence", std::move(inputs), std::move(attributes))).sequence();
  };
  const Sequence rows = parts({x}, {});
  REQUIRE(rows.size() == 3);
  check<float>(rows[1], {1, 2}, Floats{3, 4});
  check<float>(parts({x}, with("keepdims", std::int64_t{0}))[2], {2}, Floats{5, 6});
  const Sequence chunks = parts({x, p.constant(position(2))}, with("keepdims", std::int64_t{0}));
  REQUIRE(chunks.size() == 2);
  check<float>(chunks[1], {1, 2}, Floats{5, 6});
  const ValueId sizes = p.constant(Tensor::copy_of<std::int64_t>({0, 2}));
  const Sequence listed = parts({x, sizes}, with("axis", std::int64_t{-1}));
  REQUIRE(listed.size() == 2);
  check<float>(listed[0], {3, 0}, Floats{});
  check<float>(listed[1], {3, 2}, Floats{1, 2, 3, 4, 5, 6});
  CHECK_THROWS_AS(parts({x, sizes}, {}), Error);
  CHECK_THROWS_AS(parts({x, p.constant(position(0))}, {}), Error);
}

TEST_CASE("ConcatFromSequence joins or stacks", "[ops][container]") {
  Program p;
  const ValueId both =
      p.add("SequenceConstruct", {p.input(floats({1, 2})), p.input(floats({3, 4}))});
  check<float>(p.run(p.add("ConcatFromSequence", {both}, with("axis", std::int64_t{0}))), {4},
               Floats{1, 2, 3, 4});
  Attributes stack = with("axis", std::int64_t{-1});
  stack.set("new_axis", std::int64_t{1});
  check<float>(p.run(p.add("ConcatFromSequence", {both}, stack)), {2, 2}, Floats{1, 3, 2, 4});
}

TEST_CASE("optionals", "[ops][container]") {
  Program p;
  const ValueId x = p.input(floats({1}));
  const ValueId full = p.add("Optional", {x});
  const ValueId empty = p.add("Optional", {}, with("type", Type::tensor(DType::float32)));
  check<bool>(p.run(p.add("OptionalHasElement", {full})), {}, {true});
  check<bool>(p.run(p.add("OptionalHasElement", {empty})), {}, {false});
  check<bool>(p.run(p.add("OptionalHasElement", {x})), {}, {true});
  check<bool>(p.run(p.add("OptionalHasElement", {})), {}, {false});
  check<float>(p.run(p.add("OptionalGetElement", {full})), {1}, Floats{1});
  check<float>(p.run(p.add("OptionalGetElement", {x})), {1}, Floats{1});
  CHECK_THROWS_AS(p.run(p.add("OptionalGetElement", {empty})), Error);
}
