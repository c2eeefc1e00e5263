#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <future>
#include <thread>

#include "allocation_counter.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

/// y = relu(x + 1), then z = y * y, over float32[N, 4].
Graph small_graph(Dim rows) {
  Graph graph;
  graph.opsets[""] = 21;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {std::move(rows), Dim(4)}));
  const ValueId one = graph.add_constant("one", Tensor::copy_of({1.0f}));
  const ValueId y = graph.add_node("Relu", {graph.add_node("Add", {x, one}, "sum")}, "y");
  graph.outputs = {y, graph.add_node("Mul", {y, y}, "z")};
  return graph;
}

Model small_model(Dim rows = Dim::named("N")) {
  return Model::from_graph(small_graph(std::move(rows)));
}

/// Runs Relu: tells that it started, then does `body`.
class Started final : public Backend {
 public:
  Started(std::atomic<bool>& started, void (*body)(KernelContext&))
      : started_(started), body_(body) {}
  std::string_view name() const noexcept override { return "started"; }
  Support supports(const CompileContext& context) const override {
    return {context.node.op == "Relu", "test"};
  }
  std::unique_ptr<Kernel> compile(const CompileContext&) const override {
    class Body final : public Kernel {
     public:
      explicit Body(const Started& owner) : owner_(owner) {}
      void run(KernelContext& context) const override {
        context.output_view(0, 0, context.input(0).shape());
        owner_.started_ = true;
        owner_.body_(context);
      }

     private:
      const Started& owner_;
    };
    return std::make_unique<Body>(*this);
  }

 private:
  std::atomic<bool>& started_;
  void (*body_)(KernelContext&);
};

/// Runs the model on `x`, cancels once its Relu has started, and gives what the run ended with.
Result<Outputs> cancel_once_started(const Model& model, Tensor x, std::atomic<bool>& started,
                                    int threads) {
  started = false;
  Session session(model, {.threads = threads});
  CancelSource stop;
  auto future = session.run_async({{"x", std::move(x)}}, stop.token());
  while (!started) std::this_thread::yield();
  stop.cancel();
  return future.try_get();
}

}  // namespace

TEST_CASE("a session runs by name and by position", "[session]") {
  Session session(small_model());
  const std::array<float, 4> x{-3, 0, 1, 2};
  const Outputs named = session.run({{"x", view(x, {1, 4})}});
  CHECK(named["y"].as<float>()[3] == 3);
  CHECK(named["z"].as<float>()[3] == 9);
  const std::vector<Value> inputs{view(x, {1, 4})};
  const Outputs positional = session.run(inputs);
  CHECK(positional[1].as<float>()[2] == 4);
  CHECK(positional[0].as<float>()[0] == 0);
}

TEST_CASE("outputs belong to the caller", "[session]") {
  Session session(small_model());
  const std::array<float, 4> a{1, 1, 1, 1}, b{5, 5, 5, 5};
  const Outputs first = session.run({{"x", view(a, {1, 4})}});
  const Outputs second = session.run({{"x", view(b, {1, 4})}});
  CHECK(first["y"].as<float>()[0] == 2);
  CHECK(second["y"].as<float>()[0] == 6);
}

TEST_CASE("shapes may change from run to run", "[session]") {
  Session session(small_model());
  std::mt19937 engine(3);
  for (const std::int64_t rows : {1, 7, 7, 7, 2, 0, 7, 31, 31, 1}) {
    const Tensor x = test::random_tensor(engine, {rows, 4});
    const Outputs outputs = session.run({{"x", x}});
    REQUIRE(outputs["z"].shape() == Shape{rows, 4});
    for (std::size_t i = 0; i < static_cast<std::size_t>(x.size()); ++i) {
      const float y = std::max(x.as<float>()[i] + 1, 0.0f);
      REQUIRE(outputs["z"].as<float>()[i] == y * y);
    }
  }
}

TEST_CASE("wrong inputs give errors and leave the session usable", "[session]") {
  Session session(small_model());
  const std::array<float, 4> x{1, 2, 3, 4};
  const auto code = [&](std::vector<NamedValue> inputs) {
    const auto result = session.try_run(std::span<const NamedValue>(inputs));
    return result ? ErrorCode::internal : result.error().code();
  };
  CHECK(code({{"image", view(x, {1, 4})}}) == ErrorCode::not_found);
  CHECK(code({}) == ErrorCode::not_found);
  CHECK(code({{"x", view(x, {1, 4})}, {"x", view(x, {1, 4})}}) == ErrorCode::invalid_argument);
  CHECK(code({{"x", view(x, {4})}}) == ErrorCode::shape_mismatch);
  CHECK(code({{"x", view(x, {2, 2})}}) == ErrorCode::shape_mismatch);
  CHECK(code({{"x", Tensor::zeros(DType::float64, {1, 4})}}) == ErrorCode::type_mismatch);
  CHECK(code({{"x", Value()}}) == ErrorCode::type_mismatch);
  CHECK(session.try_run(std::span<const Value>()).error().code() == ErrorCode::invalid_argument);
  const Outputs outputs = session.run({{"x", view(x, {1, 4})}});
  CHECK_THROWS_AS(outputs["w"], Error);
  CHECK_THROWS_AS(outputs[2], Error);
  CHECK(outputs["y"].as<float>()[0] == 2);
}

TEST_CASE("a bound run allocates nothing after the first call", "[session][bind]") {
  for (const bool is_static : {true, false}) {
    Session session(small_model(is_static ? Dim(8) : Dim::named("N")));
    std::vector<float> x(32, 1), y(32);
    BoundRun bound = session.bind({{"x", view(x, {8, 4})}}, {{"y", view(y, {8, 4})}});
    bound.run();
    x[5] = 2;
    std::size_t allocated = 0;
    {
      const test::AllocationCounter counter;
      for (int i = 0; i < 3; ++i) bound.run();
      allocated = counter.count();
    }
    CHECK(allocated == 0);
    CHECK(y[5] == 3);
    CHECK(bound.output("z").tensor().as<float>()[5] == 9);
    CHECK(bound.output("y").tensor().data() == y.data());
  }
}

TEST_CASE("what a Concat joins is computed where it is to be", "[session][memory]") {
  for (const bool is_static : {true, false}) {
    Graph graph;
    graph.opsets[""] = 21;
    std::vector<ValueId> parts;
    for (const char* name : {"a", "b", "c"}) {
      const Dim length = is_static ? Dim(name[0] == 'b' ? 48 : 32) : Dim::named(name);
      const ValueId x = graph.add_input(name, Type::tensor(DType::float32, {Dim(1), length}));
      parts.push_back(graph.add_node("Abs", {x}, name + std::string("_abs")));
    }
    const ValueId joined = graph.add_node("Concat", {parts[0], parts[1], parts[2], parts[0]}, "j");
    graph.outputs = {graph.add_node("Exp", {joined}, "y")};
    const Model model = Model::from_graph(std::move(graph));
    Session session(model);
    // The last two have parts that outgrow their places while the whole does not.
    for (const std::array<std::int64_t, 3> sizes :
         {std::array<std::int64_t, 3>{32, 48, 32}, {32, 48, 32}, {32, 80, 0}, {16, 16, 96}}) {
      if (is_static && sizes[1] != 48) break;
      std::vector<float> x[3], want;
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::int64_t k = 0; k < sizes[i]; ++k)
          x[i].push_back(-0.01f * static_cast<float>(k + 7 * i));
      }
      for (const std::size_t i : {0, 1, 2, 0}) {
        for (const float value : x[i]) want.push_back(std::exp(-value));
      }
      for (int again = 0; again < 2; ++again) {
        const Outputs outputs = session.run({{"a", view(x[0], {1, sizes[0]})},
                                             {"b", view(x[1], {1, sizes[1]})},
                                             {"c", view(x[2], {1, sizes[2]})}});
        const auto y = outputs["y"].as<float>();
        REQUIRE(y.size() == want.size());
        for (std::size_t k = 0; k < want.size(); ++k) CHECK(y[k] == Approx(want[k]));
      }
    }
    // The whole, in which its parts lie, and nothing else.
    if (is_static) CHECK(session.memory().arena <= (32 + 48 + 32 + 32) * sizeof(float) + 64);
  }
}

TEST_CASE("the allocation counter sees an allocation", "[session][bind]") {
  const test::AllocationCounter counter;
  const auto owner = std::make_unique<std::array<char, 100>>();
  CHECK(owner != nullptr);
  CHECK(counter.count() >= 1);
}

TEST_CASE("bind refuses what does not fit", "[session][bind]") {
  Session session(small_model());
  std::vector<float> x(4), y(4);
  const std::vector<float> constant(4);
  CHECK_THROWS_AS(session.bind({{"q", view(x, {1, 4})}}), Error);
  CHECK_THROWS_AS(session.bind({{"x", view(x, {1, 4})}}, {{"q", view(y, {1, 4})}}), Error);
  CHECK_THROWS_AS(session.bind({{"x", view(x, {1, 4})}}, {{"y", view(constant, {1, 4})}}), Error);
  BoundRun bound = session.bind({{"x", view(x, {1, 4})}}, {{"y", Tensor(DType::float32, {2, 4})}});
  CHECK(bound.try_run().error().code() == ErrorCode::shape_mismatch);
}

TEST_CASE("run_async answers by future and by callback", "[session]") {
  Session session(small_model());
  const Tensor x = Tensor::copy_of({1.0f, 2.0f, 3.0f, 4.0f}, {1, 4});
  FutureOutputs future = session.run_async({{"x", x}});
  CHECK(future.get()["z"].as<float>()[3] == 25);
  CHECK(future.ready());
  CHECK(future.try_get().error().code() == ErrorCode::invalid_argument);
  std::promise<Result<Outputs>> promise;
  session.run_async({{"nothing", x}},
                    [&](Result<Outputs> result) { promise.set_value(std::move(result)); });
  CHECK(promise.get_future().get().error().code() == ErrorCode::not_found);
}

TEST_CASE("a cancelled run ends with an error, inside a kernel too", "[session]") {
  std::atomic<bool> started = false;
  auto registry = Registry::create();
  registry->add(std::make_shared<Started>(started, [](KernelContext& context) {
    for (;;) context.parallel_for(64, [](std::int64_t, int) {});
  }));
  ModelOptions options;
  options.registry = registry;
  options.optimize = false;
  const Model model = Model::from_graph(small_graph(Dim(1)), options);
  for (const int threads : {1, 2}) {
    const auto result =
        cancel_once_started(model, Tensor::zeros(DType::float32, {1, 4}), started, threads);
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == ErrorCode::cancelled);
  }
  Session session(small_model());
  CancelSource early;
  early.cancel();
  const std::vector<Value> inputs{Tensor::zeros(DType::float32, {1, 4})};
  CHECK(session.try_run(std::span<const Value>(inputs), early.token()).error().code() ==
        ErrorCode::cancelled);
  CHECK(session.try_run(std::span<const Value>(inputs)).has_value());
}

TEST_CASE("a long kernel without parallel work is cancelled", "[session]") {
  std::atomic<bool> started = false;
  auto registry = Registry::create();
  registry->add(std::make_shared<Started>(started, [](KernelContext&) {}));
  ModelOptions options;
  options.registry = registry;
  options.optimize = false;
  Graph graph;
  graph.opsets[""] = 17;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{10000}));
  const ValueId y = graph.add_node("Relu", {x}, "y");
  Attributes equation;
  equation.set("equation", std::string("a,b,c,d->"));  // 10^16 products
  graph.outputs = {graph.add_node("Einsum", {y, y, y, y}, "z", std::move(equation))};
  const Model model = Model::from_graph(std::move(graph), options);
  const auto result =
      cancel_once_started(model, Tensor::zeros(DType::float32, {10000}), started, 1);
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == ErrorCode::cancelled);
}

TEST_CASE("inputs and constants may be outputs themselves", "[session]") {
  Graph graph;
  graph.opsets[""] = 21;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {Dim(2)}));
  const ValueId c = graph.add_constant("c", Tensor::copy_of({7.0f}));
  const ValueId y = graph.add_node("Neg", {x}, "y");
  graph.outputs = {x, c, y, y};
  Session session(Model::from_graph(graph));
  const std::array<float, 2> values{1, 2};
  const Outputs outputs = session.run({{"x", view(values, {2})}});
  CHECK(outputs[0].as<float>()[1] == 2);
  CHECK(outputs[0].data() != values.data());
  CHECK(outputs[1].as<float>()[0] == 7);
  CHECK(outputs[2].as<float>()[0] == -1);
  CHECK(outputs[3].as<float>()[1] == -2);
}

TEST_CASE("a model tells its ports, placements and memory", "[model]") {
  const Model model = small_model();
  REQUIRE(model.inputs().size() == 1);
  CHECK(model.inputs()[0].name == "x");
  CHECK(to_string(model.inputs()[0].type) == "float32[N, 4]");
  CHECK(to_string(model.outputs()[1].type) == "float32[N, 4]");
  CHECK(model.placements().size() == model.graph().nodes.size());
  CHECK(model.memory().constants >= 4);
  CHECK(model.opsets().at("") == 21);
}

TEST_CASE("a dim that nobody knows has no name in a model's ports", "[model]") {
  Graph graph;
  graph.opsets[""] = 21;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {Dim::named("N")}));
  graph.outputs = {graph.add_node("NonZero", {x}, "y")};
  const Model model = Model::from_graph(std::move(graph));
  CHECK(to_string(model.outputs()[0].type) == "int64[1, ?]");
}

TEST_CASE("options that name nothing are refused", "[model]") {
  ModelOptions options;
  options.backends = {"npu"};
  CHECK(Model::try_from_graph(small_graph(Dim(1)), options).error().code() == ErrorCode::not_found);
  options.backends.clear();
  options.isa = "sse9";
  CHECK(Model::try_from_graph(small_graph(Dim(1)), options).error().code() == ErrorCode::not_found);
}

TEST_CASE("a session runs on the caller's own executor", "[session]") {
  /// Runs tasks last to first, as two workers in turn.
  class Backwards final : public Executor {
   public:
    int calls = 0;
    int concurrency() const noexcept override { return 2; }
    void parallel_for(std::int64_t count, FunctionRef<void(std::int64_t, int)> task) override {
      ++calls;
      for (std::int64_t i = count; i-- > 0;) task(i, static_cast<int>(i % 2));
    }
  };
  Graph graph;
  graph.opsets[""] = 21;
  std::mt19937 engine(11);
  const ValueId a = graph.add_input("a", Type::tensor(DType::float32, Shape{200, 300}));
  const ValueId b = graph.add_constant("b", test::random_tensor(engine, {300, 250}));
  graph.outputs = {graph.add_node("MatMul", {a, b}, "y")};
  const Model model = Model::from_graph(std::move(graph));
  const auto executor = std::make_shared<Backwards>();
  Session own(model, {.executor = executor}), plain(model);
  const Tensor x = test::random_tensor(engine, {200, 300});
  const Outputs got = own.run({{"a", x}}), want = plain.run({{"a", x}});
  CHECK(executor->calls > 0);
  CHECK(std::memcmp(got[0].data(), want[0].data(), want[0].bytes()) == 0);
}

TEST_CASE("subnormal numbers count as zero unless the caller wants them", "[session]") {
  Graph graph;
  graph.opsets[""] = 21;
  const ValueId a = graph.add_input("a", Type::tensor(DType::float32, Shape{300, 200}));
  std::vector<float> tiny(200 * 250, 1e-40f);
  const ValueId b = graph.add_constant("b", view(tiny, {200, 250}).clone());
  graph.outputs = {graph.add_node("MatMul", {a, b}, "y")};
  const Model model = Model::from_graph(std::move(graph));
  std::mt19937 engine(3);
  const Tensor x = test::random_tensor(engine, {300, 200}, 1.0f, 2.0f);
  const int threads = GENERATE(1, 2);
  Session flushing(model, {.threads = threads});
  Session keeping(model, {.threads = threads, .flush_subnormals = false});
  const auto is_zero = [](float y) { return y == 0.0f; };
  const auto is_tiny = [](float y) { return y > 1e-38f && y < 1e-37f; };
  const Outputs zeros = flushing.run({{"a", x}}), sums = keeping.run({{"a", x}});
  CHECK(std::ranges::all_of(zeros[0].as<float>(), is_zero));
  CHECK(std::ranges::all_of(sums[0].as<float>(), is_tiny));
  volatile float subnormal = tiny[0];
  CHECK(subnormal * 2.0f > 0.0f);
}

TEST_CASE("a profile sees each node once per run", "[session]") {
  std::vector<std::string> seen;
  SessionOptions options;
  options.profile = [&](const Node& node, std::string_view backend, std::int64_t,
                        std::int64_t duration) {
    CHECK(duration >= 0);
    CHECK_FALSE(backend.empty());
    seen.push_back(node.op);
  };
  const Model model = small_model();
  Session session(model, options);
  session.run({{"x", Tensor::zeros(DType::float32, {1, 4})}});
  CHECK(seen.size() == model.graph().nodes.size());
}

TEST_CASE("sessions of one model run side by side", "[session]") {
  const Model model = small_model();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      Session session(model);
      const std::vector<float> x(40, static_cast<float>(t));
      for (int i = 0; i < 50; ++i) {
        const Outputs outputs = session.run({{"x", view(x, {10, 4})}});
        const auto y = static_cast<float>(t + 1);
        if (outputs["z"].as<float>()[39] != y * y) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}
