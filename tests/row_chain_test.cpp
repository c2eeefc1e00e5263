#include "blocked_net.hpp"
#include "inlay/backend.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

ValueId max_pool(Net& net, ValueId x, std::int64_t kernel, std::int64_t stride,
                 std::int64_t ceil_mode = 0) {
  const std::int64_t pad = kernel / 2;
  return net.add("MaxPool", {x},
                 {{"kernel_shape", Int64s{kernel, kernel}},
                  {"strides", Int64s{stride, stride}},
                  {"pads", Int64s{pad, pad, pad, pad}},
                  {"ceil_mode", ceil_mode}});
}

/// Convolutions of all kinds, and a pool, between which there is more than a cache holds.
ValueId wide_net(Net& net, ValueId picture, std::int64_t last) {
  ValueId x = net.add("Relu", {net.conv(picture, 3, 24, 3, 2)});
  x = max_pool(net, x, 3, 2, 1);
  x = net.add("Relu", {net.conv(x, 24, 60, 1)});
  x = net.add("HardSwish", {net.conv(x, 60, 60, 5, 1, 60)});
  x = net.conv(x, 60, 40, 1);
  x = net.conv(net.add("Sigmoid", {x}), 40, 40, 3, 2, 40);
  return net.conv(x, 40, last, 5, 3);
}

OpSchema own_op(const char* name) {
  return {.domain = "org.example",
          .name = name,
          .infer = [](InferContext& context) { context.set_output(0, context.input(0)); },
          .types = {DType::float32}};
}

/// y[row] = x[row] + x[row - 1]; row -1 is zero.
class PairsOfRows final : public Kernel {
 public:
  static inline std::int64_t most_rows = 0;
  static inline CancelSource* stop = nullptr;

  explicit PairsOfRows(const CompileContext&) {}
  void run(KernelContext& context) const override {
    Tensor x = context.input(0).clone();
    Tensor& y = context.output(0, x.shape());
    const std::int64_t rows = x.dim(2);
    for (std::int64_t image = 0; image < x.dim(0); ++image) {
      const auto at = [&](Tensor& t) {
        return t.as_mutable<float>().data() + image * x.size() / x.dim(0);
      };
      run_rows(context, x.shape(), {at(x), 0, rows}, {at(y), 0, rows}, 0, rows, nullptr);
    }
  }
  bool runs_rows() const noexcept override { return true; }
  RowWindow row_window(const KernelContext&, const Shape& input) const override {
    return {.output = input, .kernel = 2, .pad = 1};
  }
  void run_rows(KernelContext&, const Shape& input, const RowBand& in, const RowBand& out,
                std::int64_t begin, std::int64_t end, void*) const override {
    most_rows = std::max(most_rows, end - begin);
    if (stop != nullptr) stop->cancel();
    for (std::int64_t plane = 0; plane < input[1]; ++plane) {
      const auto row = [&](const RowBand& band, std::int64_t y) {
        return static_cast<float*>(band.data) +
               (plane * (band.end - band.begin) + y - band.begin) * input[3];
      };
      for (std::int64_t y = begin; y < end; ++y) {
        for (std::int64_t x = 0; x < input[3]; ++x) {
          row(out, y)[x] = row(in, y)[x] + (y > 0 ? row(in, y - 1)[x] : 0.0f);
        }
      }
    }
  }
};

}  // namespace

TEST_CASE("kernels of the host run by rows, and stop between bands") {
  const auto registry = Registry::create();
  registry->add<PairsOfRows>(own_op("PairsOfRows"));
  Graph graph;
  graph.opsets = {{"", 20}, {"org.example", 1}};
  const Shape shape{2, 2, 900, 400};
  ValueId x = graph.add_input("x", Type::tensor(DType::float32, shape));
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    x = graph.add_node("PairsOfRows", {x}, name, {}, "org.example");
  }
  graph.outputs = {x};
  const Model model = Model::from_graph(std::move(graph), {.registry = registry});
  Tensor ones(DType::float32, shape);
  std::ranges::fill(ones.as_mutable<float>(), 1.0f);
  Session session(model);
  PairsOfRows::most_rows = 0;
  const Outputs outputs = session.run({{"x", ones}});
  CHECK(PairsOfRows::most_rows < 900);
  const auto y = outputs[0].as<float>();
  // Sums of binomial coefficients: all 2^6 of them from row 6 on.
  const float want[] = {1, 7, 22, 42, 57, 63, 64, 64};
  for (std::size_t plane = 0; plane < 4; ++plane) {
    for (std::size_t row = 0; row < 900; ++row) {
      REQUIRE(y[(plane * 900 + row) * 400 + 17] == want[std::min<std::size_t>(row, 7)]);
    }
  }
  CancelSource stop;
  PairsOfRows::stop = &stop;
  const std::vector<NamedValue> inputs = {{"x", ones}};
  const auto cancelled = session.try_run(std::span<const NamedValue>(inputs), stop.token());
  PairsOfRows::stop = nullptr;
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().code() == ErrorCode::cancelled);
}

TEST_CASE("steps that run by rows give what the reference gives", "[cpu]") {
  Net net;
  net.graph.outputs = {wide_net(net, net.input({1, 3, 301, 397}), 10)};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("steps give the same bits by rows and one after the other", "[cpu]") {
  Net net;
  const ValueId picture = net.input({Dim::named("n"), 3, Dim::named("h"), Dim::named("w")});
  net.graph.outputs = {wide_net(net, picture, 7)};
  std::mt19937 engine(5);
  for (const char* isa : {"sse2", "avx2", "avx512", "neon64"}) {
    ModelOptions options;
    options.isa = isa;
    const auto model = Model::try_from_graph(net.graph.clone(), options);
    if (!model) continue;  // not of this machine
    for (const Shape& shape : {Shape{1, 3, 303, 395}, Shape{3, 3, 290, 300}, Shape{2, 3, 5, 600}}) {
      const Tensor x = random_tensor<float>(engine, shape);
      std::vector<Outputs> outputs;
      for (const int threads : {1, 3}) {
        Session session(*model, {.threads = threads});
        // Memory, and with it what runs by rows, is laid out once sizes were seen twice.
        for (int run = 0; run < 3; ++run) outputs.push_back(session.run({{"v0", x}}));
      }
      for (const Outputs& other : outputs) {
        REQUIRE(other[0].shape() == outputs[0][0].shape());
        CHECK(std::memcmp(other[0].data(), outputs[0][0].data(), other[0].bytes()) == 0);
      }
    }
  }
}

TEST_CASE("what lies between steps that run by rows takes no memory") {
  Net net;
  ValueId x = net.input({1, 3, 512, 512});
  x = net.conv(x, 3, 32, 3, 2);
  net.graph.outputs = {max_pool(net, x, 3, 2)};
  const Model model = Model::from_graph(std::move(net.graph));
  if (count_nodes(model.graph(), "BlockedConv") == 0) return;  // no blocks on this machine
  Session session(model);
  session.run({{"v0", Tensor::zeros(DType::float32, {1, 3, 512, 512})}});
  const SessionMemory memory = session.memory();
  CHECK(memory.arena + memory.scratch + memory.dynamic < std::size_t{32} * 256 * 256 * 4);
}

TEST_CASE("a profile tells the time of each step that runs by rows") {
  Net net;
  ValueId x = net.input({1, 3, 512, 512});
  x = net.conv(x, 3, 32, 3, 2);
  net.graph.outputs = {max_pool(net, x, 3, 2)};
  std::vector<std::string> seen;
  SessionOptions options;
  options.profile = [&](const Node& node, std::string_view, std::int64_t start,
                        std::int64_t duration) {
    CHECK(start > 0);
    CHECK(duration >= 0);
    seen.push_back(node.op);
  };
  const Model model = Model::from_graph(std::move(net.graph));
  Session session(model, options);
  session.run({{"v0", Tensor::zeros(DType::float32, {1, 3, 512, 512})}});
  CHECK(seen.size() == model.graph().nodes.size());
}
