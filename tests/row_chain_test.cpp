#include "blocked_net.hpp"

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

}  // namespace

TEST_CASE("steps that run by rows give what the reference gives") {
  Net net;
  net.graph.outputs = {wide_net(net, net.input({1, 3, 301, 397}), 10)};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("steps give the same bits by rows and one after the other") {
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
      for (const int threads : {1, 2, 3}) {
        Session session(*model, {.threads = threads});
        // Memory, and with it what runs by rows, is laid out once sizes were seen twice.
        for (int run = 0; run < 4; ++run) outputs.push_back(session.run({{"v0", x}}));
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
