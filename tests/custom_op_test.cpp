// Operators that a host adds to a registry: a function, a class, and what goes wrong.
#include <catch2/catch.hpp>

#include "inlay/backend.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

OpSchema scale_schema() {
  return {.domain = "org.example",
          .name = "Scale",
          .infer = [](InferContext& context) { context.set_output(0, context.input(0)); },
          .types = {dtypes::floats}};
}

void scale(KernelContext& context, float factor) {
  const Tensor& x = context.input(0);
  Tensor& y = context.output(0, x.shape());
  const auto from = x.as<float>();
  const auto to = y.as_mutable<float>();
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = factor * from[i];
}

/// Reads its attribute once, when the model is loaded.
class ScaleKernel final : public Kernel {
 public:
  explicit ScaleKernel(const CompileContext& context)
      : factor_(context.node.attributes.real("factor", 1)) {}
  void run(KernelContext& context) const override { scale(context, factor_); }

 private:
  float factor_;
};

/// y = Relu(Scale(x)).
Graph scale_graph(float factor, DType dtype = DType::float32) {
  Graph graph;
  graph.opsets = {{"", 14}, {"org.example", 1}};
  const ValueId x = graph.add_input("x", Type::tensor(dtype, {Dim(3)}));
  const ValueId scaled =
      graph.add_node("Scale", {x}, "scaled", attributes({{"factor", factor}}), "org.example");
  graph.nodes[0].name = "twice";
  graph.outputs = {graph.add_node("Relu", {scaled}, "y")};
  return graph;
}

Tensor run_scale(std::shared_ptr<const Registry> registry, std::vector<std::string> backends = {}) {
  const Model model =
      Model::from_graph(scale_graph(2.5), {.backends = std::move(backends), .registry = registry});
  CHECK(model.placements()[0].backend == "custom");
  Session session(model);
  const Tensor x = Tensor::copy_of({-1.f, 0.f, 2.f});
  return session.run({{"x", x}})["y"];
}

}  // namespace

TEST_CASE("An operator is a schema and a function", "[custom]") {
  const auto registry = Registry::create();
  registry->add(scale_schema(), [](KernelContext& context) {
    scale(context, context.attributes().real("factor", 1));
  });
  check(Value(run_scale(registry)), {3}, std::vector<float>{0, 0, 5});
  check(Value(run_scale(registry, {"reference"})), {3}, std::vector<float>{0, 0, 5});
}

TEST_CASE("An operator is a schema and a class", "[custom]") {
  const auto registry = Registry::create();
  registry->add<ScaleKernel>(scale_schema());
  check(Value(run_scale(registry)), {3}, std::vector<float>{0, 0, 5});
}

TEST_CASE("A registered operator replaces one of this build from its version on", "[custom]") {
  const auto registry = Registry::create();
  const OpSchema* relu = registry->find_op("", "Relu", 14);
  REQUIRE(relu != nullptr);
  OpSchema own = *relu;
  own.since = 14;
  registry->add(own, [](KernelContext& context) { scale(context, -1); });
  registry->add(scale_schema(), [](KernelContext& context) { scale(context, 1); });
  for (const int version : {13, 14, 15}) {
    Graph graph = scale_graph(1);
    graph.nodes[1].version = version;
    graph.opsets[""] = version;
    Session session(Model::from_graph(std::move(graph), {.registry = registry}));
    const Tensor x = Tensor::copy_of({-1.f, 0.f, 2.f});
    const Outputs outputs = session.run({{"x", x}});
    check(Value(outputs["y"]), {3},
          version < 14 ? std::vector<float>{0, 0, 2} : std::vector<float>{1, 0, -2});
  }
}

TEST_CASE("Custom operators fail with an Error that names the node", "[custom]") {
  const auto registry = Registry::create();
  registry->add(scale_schema(), [](KernelContext& context) {
    context.fail(ErrorCode::execution, "no scales today");
  });
  CHECK_THROWS_AS(registry->add(scale_schema(), KernelFunction()), Error);
  CHECK_THROWS_AS(registry->add(scale_schema(), KernelFactory()), Error);

  Session session(Model::from_graph(scale_graph(1), {.registry = registry}));
  const std::vector<NamedValue> inputs{{"x", Tensor::copy_of({-1.f, 0.f, 2.f})}};
  const auto outcome = session.try_run(inputs);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().where().node == "twice");

  const auto wrong = Model::try_from_graph(scale_graph(1, DType::int32), {.registry = registry});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code() == ErrorCode::type_mismatch);
  CHECK(std::string(wrong.error().what()).find("holds int32") != std::string::npos);

  registry->add(scale_schema(),
                KernelFactory([](const CompileContext&) { return std::unique_ptr<Kernel>(); }));
  CHECK_FALSE(Model::try_from_graph(scale_graph(1), {.registry = registry}));
}

TEST_CASE("All unknown operators are named at once", "[custom]") {
  Graph graph = scale_graph(1);
  graph.nodes[1].op = "Rleu";
  const auto outcome = Model::try_from_graph(std::move(graph));
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == ErrorCode::unsupported);
  const std::string message = outcome.error().what();
  CHECK(message.find("org.example:Scale 1") != std::string::npos);
  CHECK(message.find("ai.onnx:Rleu 14") != std::string::npos);
}
