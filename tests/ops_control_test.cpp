#include "allocation_counter.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Floats = std::vector<float>;

std::shared_ptr<Graph> subgraph() {
  auto graph = std::make_shared<Graph>();
  graph->opsets[""] = 21;
  return graph;
}

/// A node `op` with the given inputs, named after its output.
ValueId add(Graph& graph, std::string_view op, std::vector<ValueId> inputs) {
  return graph.add_node(op, std::move(inputs), "v" + std::to_string(graph.values.size()));
}
ValueId input(Graph& graph) {
  return graph.add_input("i" + std::to_string(graph.values.size()), {});
}

/// A body for Loop: state = state + state, and the state before it as a scan output; goes on while
/// the state is below `limit`.
std::shared_ptr<Graph> doubling(float limit) {
  auto body = subgraph();
  input(*body);
  input(*body);
  const ValueId state = input(*body);
  const ValueId twice = add(*body, "Add", {state, state});
  const ValueId top = body->add_constant("limit", Tensor::scalar(limit));
  body->outputs = {add(*body, "Less", {twice, top}), twice, add(*body, "Identity", {state})};
  return body;
}

Call loop(Value trips, Value condition, std::shared_ptr<Graph> body) {
  Call c = call("Loop", {std::move(trips), std::move(condition), Tensor::scalar(1.0F)},
                {{"body", std::move(body)}});
  c.outputs = 2;
  return c;
}

Value trips(std::int64_t count) { return Tensor::scalar(count); }
Value truth(bool value) { return Tensor::scalar(value); }

/// A body for Scan: state = state + element, and the sum as a scan output.
std::shared_ptr<Graph> summing() {
  auto body = subgraph();
  const ValueId state = input(*body);
  const ValueId element = input(*body);
  const ValueId sum = add(*body, "Add", {state, element});
  body->outputs = {sum, add(*body, "Identity", {sum})};
  return body;
}

std::vector<Value> scanned(std::vector<Value> inputs, std::initializer_list<Attributes::Item> more,
                           int version = 21) {
  Call c = call("Scan", std::move(inputs), more, version, 2);
  c.attributes.set("body", summing());
  c.attributes.set("num_scan_inputs", std::int64_t{1});
  return run(c);
}

}  // namespace

TEST_CASE("If runs the branch that its condition names", "[ops][control]") {
  const auto branch = [](std::initializer_list<float> values) {
    auto graph = subgraph();
    graph->outputs = {
        add(*graph, "Neg", {graph->add_constant("c", Tensor::copy_of<float>(values))})};
    return graph;
  };
  const auto chosen = [&](bool condition) {
    return run(call("If", {truth(condition)},
                    {{"then_branch", branch({1, 2})}, {"else_branch", branch({3})}}))[0];
  };
  check<float>(chosen(true), {2}, Floats{-1, -2});
  check<float>(chosen(false), {1}, Floats{-3});
}

TEST_CASE("a branch reads values of the graph around it", "[ops][control]") {
  Graph graph;
  graph.opsets[""] = 21;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {Dim(2)}));
  const ValueId condition = graph.add_input("condition", Type::tensor(DType::boolean, Shape{}));
  const auto branch = [&](std::string_view op) {
    auto inner = subgraph();
    const ValueId captured = inner->add_value("x");
    inner->captures.push_back({x, captured});
    inner->outputs = {add(*inner, op, {captured})};
    return inner;
  };
  Attributes attributes;
  attributes.set("then_branch", branch("Neg"));
  attributes.set("else_branch", branch("Identity"));
  graph.outputs = {graph.add_node("If", {condition}, "y", std::move(attributes))};
  Session session(Model::from_graph(std::move(graph)));
  const Value given = Tensor::copy_of<float>({1, 2});
  check<float>(session.run({{"x", given}, {"condition", truth(true)}}).value(0), {2},
               Floats{-1, -2});
  check<float>(session.run({{"x", given}, {"condition", truth(false)}}).value(0), {2},
               Floats{1, 2});
}

TEST_CASE("If allocates nothing once it is warm", "[ops][control][bind]") {
  Graph graph;
  graph.opsets[""] = 21;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {Dim(2)}));
  const ValueId condition = graph.add_input("condition", Type::tensor(DType::boolean, Shape{}));
  const auto branch = [&](std::string_view op) {
    auto inner = subgraph();
    const ValueId captured = inner->add_value("x");
    inner->captures.push_back({x, captured});
    inner->outputs = {add(*inner, op, {captured})};
    return inner;
  };
  Attributes attributes;
  attributes.set("then_branch", branch("Neg"));
  attributes.set("else_branch", branch("Identity"));
  const ValueId y = graph.add_node("If", {condition}, "y", std::move(attributes));
  graph.outputs = {y, add(graph, "Abs", {y})};
  Session session(Model::from_graph(std::move(graph)));
  const Tensor chosen = Tensor::scalar(true);
  BoundRun bound = session.bind({{"x", Tensor::copy_of<float>({1, 2})}, {"condition", chosen}});
  for (int i = 0; i < 3; ++i) bound.run();
  {
    const AllocationCounter counter;
    bound.run();
    CHECK(counter.count() == 0);
  }
  check<float>(bound.output(0), {2}, Floats{-1, -2});
  check<float>(bound.output(1), {2}, Floats{1, 2});
  // What the caller holds stays as it is.
  const Value held = bound.output(0);
  Tensor(chosen).as_mutable<bool>()[0] = false;
  bound.run();
  check<float>(bound.output(0), {2}, Floats{1, 2});
  check<float>(held, {2}, Floats{-1, -2});
}

TEST_CASE("Loop ends by count, by condition or at once", "[ops][control]") {
  const auto counted = run(loop(trips(3), {}, doubling(0)));
  check<float>(counted[0], {}, Floats{8});
  check<float>(counted[1], {3}, Floats{1, 2, 4});
  const auto conditional = run(loop({}, truth(true), doubling(5)));
  check<float>(conditional[0], {}, Floats{8});
  check<float>(conditional[1], {3}, Floats{1, 2, 4});
  check<float>(run(loop(trips(2), truth(true), doubling(5)))[0], {}, Floats{4});
  const auto never = run(loop(trips(5), truth(false), doubling(5)));
  check<float>(never[0], {}, Floats{1});
  check<float>(never[1], {0}, Floats{});
  check<float>(run(loop(trips(0), {}, doubling(5)))[0], {}, Floats{1});
  check<float>(run(loop(trips(-1), {}, doubling(5)))[0], {}, Floats{1});
}

TEST_CASE("Loop carries a state whose shape grows", "[ops][control]") {
  auto body = subgraph();
  input(*body);
  const ValueId condition = input(*body);
  const ValueId state = input(*body);
  const ValueId longer = body->add_node("Concat", {state, state}, "longer", [] {
    Attributes attributes;
    attributes.set("axis", std::int64_t{0});
    return attributes;
  }());
  body->outputs = {add(*body, "Identity", {condition}), longer};
  const auto outputs =
      run(call("Loop", {trips(2), Value(), Tensor::copy_of<float>({1, 2})}, {{"body", body}}));
  check<float>(outputs[0], {8}, Floats{1, 2, 1, 2, 1, 2, 1, 2});
}

TEST_CASE("Loop gives its trip numbers out, as state and as elements", "[ops][control]") {
  auto body = subgraph();
  const ValueId trip = input(*body);
  const ValueId condition = input(*body);
  input(*body);
  body->outputs = {add(*body, "Identity", {condition}), trip, add(*body, "Identity", {trip})};
  Call c = call("Loop", {trips(3), Value(), Tensor::scalar(std::int64_t{7})}, {{"body", body}});
  c.outputs = 2;
  const auto outputs = run(c);
  check<std::int64_t>(outputs[0], {}, {2});
  check<std::int64_t>(outputs[1], {3}, {0, 1, 2});
}

TEST_CASE("a loop without end can be cancelled", "[ops][control]") {
  auto body = subgraph();
  input(*body);
  const ValueId condition = input(*body);
  body->outputs = {add(*body, "Identity", {condition})};
  const Call endless = call("Loop", {Value(), truth(true)}, {{"body", body}}, 21, 0);
  ModelOptions options;
  options.backends = {"reference"};
  options.optimize = false;
  CancelSource stop;
  int iterations = 0;
  SessionOptions session_options;
  session_options.profile = [&](const Node&, std::string_view, std::int64_t, std::int64_t) {
    if (++iterations == 3) stop.cancel();
  };
  Session session(Model::from_graph(graph_of(endless), options), session_options);
  const std::vector<Value> inputs{truth(true)};
  CHECK_THROWS_AS(session.run(std::span<const Value>(inputs), stop.token()), Error);
  CHECK(iterations == 3);
}

TEST_CASE("Scan sums along any axis, both ways", "[ops][control]") {
  const Value zero = Tensor::copy_of<float>({0, 0});
  const Value x = Tensor::copy_of<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  const auto forward = scanned({zero, x}, {});
  check<float>(forward[0], {2}, Floats{9, 12});
  check<float>(forward[1], {3, 2}, Floats{1, 2, 4, 6, 9, 12});
  const std::vector<std::int64_t> one{1}, last{-1};
  const auto backward = scanned({zero, x}, {{"scan_input_directions", one}});
  check<float>(backward[1], {3, 2}, Floats{5, 6, 8, 10, 9, 12});
  const auto prepended = scanned({zero, x}, {{"scan_output_directions", one}});
  check<float>(prepended[1], {3, 2}, Floats{9, 12, 4, 6, 1, 2});
  const auto columns = scanned({Tensor::copy_of<float>({0, 0, 0}), x},
                               {{"scan_input_axes", one}, {"scan_output_axes", last}});
  check<float>(columns[0], {3}, Floats{3, 7, 11});
  check<float>(columns[1], {3, 2}, Floats{1, 3, 3, 7, 5, 11});
  const auto nothing = scanned({zero, Tensor(DType::float32, {0, 2})}, {});
  check<float>(nothing[0], {2}, Floats{0, 0});
  check<float>(nothing[1], {0, 2}, Floats{});
}

TEST_CASE("Scan of opset 8 runs a batch of sequences", "[ops][control]") {
  const Value zeros = Tensor::copy_of<float>({0, 10}, {2, 1});
  const Value x = Tensor::copy_of<float>({1, 2, 3, 4, 5, 6}, {2, 3, 1});
  const auto whole = scanned({Value(), zeros, x}, {}, 8);
  check<float>(whole[0], {2, 1}, Floats{6, 25});
  check<float>(whole[1], {2, 3, 1}, Floats{1, 3, 6, 14, 19, 25});
  const auto cut = scanned({Tensor::copy_of<std::int64_t>({2, 0}), zeros, x}, {}, 8);
  check<float>(cut[0], {2, 1}, Floats{3, 10});
  check<float>(cut[1], {2, 3, 1}, Floats{1, 3, 0, 0, 0, 0});
}

TEST_CASE("SequenceMap runs its body on each element", "[ops][control]") {
  auto body = subgraph();
  const ValueId element = input(*body);
  const ValueId other = input(*body);
  body->outputs = {add(*body, "Add", {element, other})};
  Graph graph;
  graph.opsets[""] = 21;
  const ValueId a = graph.add_input("a", Type::tensor(DType::float32, {Dim(1)}));
  const ValueId b = graph.add_input("b", Type::tensor(DType::float32, {Dim(2)}));
  const ValueId both = add(graph, "SequenceConstruct", {a, b});
  Attributes attributes;
  attributes.set("body", body);
  graph.outputs = {graph.add_node("SequenceMap", {both, a}, "mapped", std::move(attributes))};
  Session session(Model::from_graph(std::move(graph)));
  const Outputs outputs =
      session.run({{"a", Tensor::copy_of<float>({1})}, {"b", Tensor::copy_of<float>({2, 3})}});
  const Sequence& mapped = outputs.value(0).sequence();
  REQUIRE(mapped.size() == 2);
  check<float>(mapped[0], {1}, Floats{2});
  check<float>(mapped[1], {2}, Floats{3, 4});
}
