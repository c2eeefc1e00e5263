#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Int64s = std::vector<std::int64_t>;

// A graph of float32 pictures with random weights.
struct Net {
  Graph graph = graph_with_opset(18);
  std::mt19937 engine{3};
  int names = 0;

  std::string name() { return "v" + std::to_string(names++); }
  ValueId input(std::vector<Dim> dims) {
    return graph.add_input(name(), Type::tensor(DType::float32, std::move(dims)));
  }
  ValueId weights(const Shape& shape) {
    Tensor tensor = random_tensor<float>(engine, shape);
    for (float& x : tensor.as_mutable<float>()) x *= 0.25f;
    return graph.add_constant(name(), std::move(tensor));
  }
  ValueId add(std::string_view op, std::vector<ValueId> inputs,
              std::initializer_list<Attributes::Item> items = {}) {
    Attributes attributes;
    for (const auto& [key, value] : items) attributes.set(key, value);
    return graph.add_node(op, std::move(inputs), name(), std::move(attributes));
  }
  ValueId conv(ValueId x, std::int64_t channels, std::int64_t filters, std::int64_t kernel,
               std::int64_t stride = 1, std::int64_t group = 1) {
    const ValueId w = weights({filters, channels / group, kernel, kernel});
    const std::int64_t pad = kernel / 2;
    return add("Conv", {x, w, weights({filters})},
               {{"pads", Int64s{pad, pad, pad, pad}},
                {"strides", Int64s{stride, stride}},
                {"group", group}});
  }
};

// Runs the graph on every instruction set with 1 and 3 threads, compares with the reference
// backend, and gives the listing that `isa` left.
void check_blocked(const Graph& graph, std::size_t blocks, std::size_t unblocks,
                   std::int64_t open_dim = 6) {
  std::mt19937 engine(7);
  std::vector<Value> inputs;
  for (const ValueId id : graph.inputs) {
    Shape shape;
    for (const Dim& dim : graph.value(id).type.dims) {
      shape.push_back(dim.known() ? dim.value : open_dim);
    }
    inputs.emplace_back(random_tensor<float>(engine, shape));
  }
  ModelOptions plain;
  plain.backends = {"reference"};
  plain.optimize = false;
  const Outputs want =
      Session(Model::from_graph(graph.clone(), plain)).run(std::span<const Value>(inputs));
  for (const char* isa : {"sse2", "avx2", "avx512", "neon64"}) {
    ModelOptions options;
    options.isa = isa;
    auto model = Model::try_from_graph(graph.clone(), options);
    if (!model) continue;  // not of this machine
    CAPTURE(isa, model->graph().print());
    CHECK(count_nodes(model->graph(), "BlockChannels") == blocks);
    CHECK(count_nodes(model->graph(), "UnblockChannels") == unblocks);
    for (const int threads : {1, 3}) {
      Session session(*model, {.threads = threads});
      const Outputs got = session.run(std::span<const Value>(inputs));
      REQUIRE(got.size() == want.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        REQUIRE(got[i].shape() == want[i].shape());
        const auto a = got[i].as<float>(), b = want[i].as<float>();
        for (std::size_t k = 0; k < a.size(); ++k) {
          CAPTURE(i, k);
          REQUIRE(static_cast<double>(a[k]) ==
                  Approx(static_cast<double>(b[k])).epsilon(1e-5).margin(1e-5));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("block_channels leaves one reorder at the end of a chain") {
  for (const std::int64_t width : {32, 37}) {
    Net net;
    ValueId x = net.input({1, 3, 20, 22});
    x = net.add("Relu", {net.conv(x, 3, width, 3, 2)});
    const ValueId shortcut = x;
    x = net.add("HardSwish", {net.conv(x, width, width, 3)});
    x = net.add("Add", {net.conv(x, width, width, 1), shortcut});
    x = net.add(
        "MaxPool", {x},
        {{"kernel_shape", Int64s{3, 3}}, {"strides", Int64s{2, 2}}, {"pads", Int64s{1, 1, 1, 1}}});
    x = net.conv(x, width, width, 5, 1, width);
    x = net.add("Sigmoid", {x});
    net.graph.outputs = {net.conv(x, width, 10, 1)};
    check_blocked(net.graph, 0, 1);
  }
}

TEST_CASE("block_channels takes transposed convolutions along") {
  struct Case {
    std::int64_t kernel, stride, pad, output_padding, width;
  };
  for (const Case c : {Case{2, 2, 0, 0, 13}, Case{4, 2, 1, 0, 7}, Case{3, 2, 1, 1, 10},
                       Case{3, 1, 1, 0, 9}, Case{5, 3, 2, 2, 5}, Case{4, 4, 3, 0, 4}}) {
    for (const char* activation : {"", "Relu", "Sigmoid"}) {
      for (const bool is_open : {false, true}) {
        Net net;
        const Dim width = is_open ? Dim::named("W") : Dim(c.width);
        ValueId x = net.conv(net.input({2, 3, 6, width}), 3, 20, 3);
        x = net.add("ConvTranspose",
                    {x, net.weights({20, 37, c.kernel, c.kernel}), net.weights({37})},
                    {{"strides", Int64s{c.stride, c.stride}},
                     {"pads", Int64s{c.pad, c.pad, c.pad, c.pad}},
                     {"output_padding", Int64s{c.output_padding, c.output_padding}}});
        if (*activation != '\0') x = net.add(activation, {x});
        net.graph.outputs = {net.conv(x, 37, 10, 1)};
        CAPTURE(c.kernel, c.stride, activation, is_open);
        check_blocked(net.graph, 0, 1, c.width);
      }
    }
  }
}

TEST_CASE("block_channels makes the pixels of few filters filters of their own") {
  for (const std::int64_t filters : {1, 3}) {
    for (const bool has_bias : {false, true}) {
      Net net;
      const ValueId x = net.conv(net.input({2, 3, 6, 9}), 3, 24, 3);
      std::vector<ValueId> inputs = {x, net.weights({24, filters, 2, 2})};
      if (has_bias) inputs.push_back(net.weights({filters}));
      const ValueId y = net.add("ConvTranspose", inputs, {{"strides", Int64s{2, 2}}});
      net.graph.outputs = {net.add("Sigmoid", {y})};
      check_blocked(net.graph, 0, 1);
    }
  }
}

TEST_CASE("a BlockedConvTranspose of absurd strides or pads is an error") {
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  for (const auto& [strides, pads] : {std::pair{Int64s{huge, 4}, Int64s{0, 0, 0, 0}},
                                      std::pair{Int64s{huge, huge}, Int64s{0, 0, 0, 0}},
                                      std::pair{Int64s{2, 2}, Int64s{huge, huge, huge, huge}},
                                      std::pair{Int64s{2, 2}, Int64s{-huge, 0, -huge, 0}}}) {
    Net net;
    const ValueId x = net.input({1, 1, Dim::named("H"), Dim::named("W"), 16});
    Node node{.domain = "inlay",
              .op = "BlockedConvTranspose",
              .version = 1,
              .inputs = {x, net.weights({16, 20, 2, 2})}};
    node.attributes.set("block", std::int64_t{16});
    node.attributes.set("channels", std::int64_t{16});
    node.attributes.set("strides", strides);
    node.attributes.set("pads", pads);
    node.outputs = {net.graph.add_value("y", Type::tensor(DType::float32))};
    net.graph.add_node(std::move(node));
    net.graph.outputs = {net.graph.nodes.back().output(0)};
    const auto model = Model::try_from_graph(std::move(net.graph));
    const Value image = Tensor::zeros(DType::float32, {1, 1, 3, 3, 16});
    const bool runs =
        model && Session(*model).try_run(std::span<const Value>(&image, 1)).has_value();
    CHECK_FALSE(runs);
  }
}

TEST_CASE("block_channels leaves unusual transposed convolutions") {
  Net net;
  ValueId x = net.conv(net.input({1, 3, 8, 8}), 3, 20, 3);
  // Pixels that no tap reaches; dilation; groups.
  x = net.add("ConvTranspose", {x, net.weights({20, 20, 1, 1})}, {{"strides", Int64s{2, 2}}});
  x = net.add("ConvTranspose", {x, net.weights({20, 20, 2, 2})}, {{"dilations", Int64s{2, 2}}});
  x = net.add("ConvTranspose", {x, net.weights({20, 10, 2, 2})}, {{"group", std::int64_t{2}}});
  net.graph.outputs = {x};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("block_channels goes straight to channels last") {
  for (const std::int64_t filters : {16, 21, 33}) {
    Net net;
    const ValueId x = net.conv(net.input({2, 3, 18, 21}), 3, filters, 3);
    const ValueId y = net.add("Transpose", {x}, {{"perm", Int64s{0, 2, 3, 1}}});
    net.graph.outputs = {net.add("Softmax", {y})};
    check_blocked(net.graph, 0, 1);
  }
}

TEST_CASE("block_channels follows gates, pools, concatenations and resizes") {
  Net net;
  ValueId x = net.conv(net.input({2, 3, 12, 12}), 3, 32, 3);
  const ValueId pooled = net.add("GlobalAveragePool", {x});
  const ValueId gate = net.add("HardSigmoid", {net.conv(pooled, 32, 32, 1)});
  x = net.add("Mul", {x, gate});
  x = net.add("Mul", {x, net.weights({32, 1, 1})});
  x = net.add("Add", {net.weights({}), x});
  const ValueId small =
      net.add("AveragePool", {x}, {{"kernel_shape", Int64s{2, 2}}, {"strides", Int64s{2, 2}}});
  const ValueId none = no_id;
  const ValueId scales = net.graph.add_constant("scales", Tensor::copy_of<float>({1, 1, 2, 2}));
  const ValueId nearest =
      net.add("Resize", {small, none, scales}, {{"mode", std::string("nearest")}});
  const ValueId sizes =
      net.graph.add_constant("sizes", Tensor::copy_of<std::int64_t>({2, 32, 12, 12}));
  const ValueId linear =
      net.add("Resize", {small, none, none, sizes}, {{"mode", std::string("linear")}});
  x = net.add("Concat", {nearest, linear, net.conv(x, 32, 7, 1)}, {{"axis", std::int64_t{1}}});
  net.graph.outputs = {net.conv(x, 71, 20, 3)};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("block_channels joins channels that do not fill their blocks") {
  Net net;
  const ValueId image = net.input({2, 3, 9, 11});
  const ValueId a = net.conv(image, 3, 24, 3), b = net.conv(image, 3, 7, 3);
  const ValueId c = net.conv(image, 3, 16, 3), d = net.conv(image, 3, 3, 3);
  const ValueId x = net.add("Concat", {a, b, c, d}, {{"axis", std::int64_t{1}}});
  net.graph.outputs = {net.conv(x, 50, 12, 3)};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("a BlockedConcat of inputs that do not fit is an error") {
  for (const Int64s& channels : {Int64s{3}, Int64s{3, -1}, Int64s{3, 9}}) {
    Net net;
    const std::vector<Dim> open{Dim(), Dim(), Dim(), Dim(), 4};
    Node node{.domain = "inlay",
              .op = "BlockedConcat",
              .version = 1,
              .inputs = {net.input(open), net.input(open)}};
    node.attributes.set("block", std::int64_t{4});
    node.attributes.set("channels", channels);
    node.outputs = {net.graph.add_value("y", Type::tensor(DType::float32))};
    net.graph.add_node(std::move(node));
    net.graph.outputs = {net.graph.nodes.back().output(0)};
    const auto model = Model::try_from_graph(std::move(net.graph));
    const std::vector<Value> images(2, Tensor::zeros(DType::float32, {1, 1, 2, 2, 4}));
    const bool runs = model && Session(*model).try_run(std::span<const Value>(images)).has_value();
    CHECK_FALSE(runs);
  }
}

TEST_CASE("block_channels takes channels apart where blocks are whole") {
  Net net;
  const ValueId x = net.conv(net.input({2, 3, 8, 9}), 3, 40, 3);
  const ValueId parts = net.graph.add_constant("parts", Tensor::copy_of<std::int64_t>({16, 16, 8}));
  std::vector<ValueId> split{net.graph.add_value(net.name()), net.graph.add_value(net.name()),
                             net.graph.add_value(net.name())};
  Node node{.op = "Split", .version = 18, .inputs = {x, parts}, .outputs = split};
  node.attributes.set("axis", std::int64_t{1});
  net.graph.add_node(std::move(node));
  const auto list = [&](std::int64_t n) {
    return net.graph.add_constant(net.name(), Tensor::copy_of<std::int64_t>({n}));
  };
  const ValueId slice = net.add("Slice", {x, list(-24), list(1000), list(-3)});
  const ValueId sum = net.add("Add", {net.conv(split[0], 16, 24, 3), slice});
  const ValueId joined = net.add("Concat", {net.conv(split[1], 16, 16, 1), split[2], sum},
                                 {{"axis", std::int64_t{1}}});
  net.graph.outputs = {net.conv(joined, 48, 5, 1)};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("block_channels reduces pictures and broadcasts sizes that are not known") {
  Net net;
  const Dim height = Dim::named("h"), width = Dim::named("w");
  const ValueId axes = net.graph.add_constant("axes", Tensor::copy_of<std::int64_t>({-1, 2}));
  const ValueId a = net.conv(net.input({1, 3, height, width}), 3, 24, 3);
  const ValueId b = net.conv(net.input({1, 3, Dim(), Dim()}), 3, 24, 3);
  const ValueId gate = net.add("Sigmoid", {net.add("ReduceMean", {a, axes})});
  const ValueId sum = net.add("Add", {net.add("Mul", {a, gate}), b});
  const ValueId peak = net.add("ReduceMax", {sum, axes});
  net.graph.outputs = {net.conv(net.add("Sub", {sum, peak}), 24, 5, 1)};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("block_channels gives plain values to outputs and to other operators") {
  Net net;
  const ValueId x = net.conv(net.input({1, 3, 9, 9}), 3, 24, 3);
  const ValueId y = net.add("Relu", {net.conv(x, 24, 24, 3)});
  const ValueId other = net.add("Transpose", {y}, {{"perm", Int64s{0, 2, 3, 1}}});
  net.graph.outputs = {x, other};
  check_blocked(net.graph, 0, 2);
}

TEST_CASE("block_channels works with sizes that are not known yet") {
  Net net;
  ValueId x = net.input({Dim::named("n"), 3, Dim::named("h"), Dim::named("w")});
  x = net.add("Relu", {net.conv(x, 3, 16, 3, 2)});
  x = net.add("Add", {net.conv(x, 16, 16, 3), net.add("Neg", {x})});
  net.graph.outputs = {net.conv(x, 16, 8, 1)};
  for (const std::int64_t size : {1, 6, 33}) check_blocked(net.graph, 0, 1, size);
  check_blocked(net.graph, 0, 1, 0);
}

TEST_CASE("block_channels puts a wide input in blocks and leaves what it cannot run") {
  Net net;
  const ValueId wide = net.input({1, 48, 8, 8});
  const ValueId odd_groups = net.conv(wide, 48, 42, 3, 1, 3);
  const ValueId blocked = net.conv(wide, 48, 64, 3);
  net.graph.outputs = {odd_groups, blocked};
  check_blocked(net.graph, 1, 1);
}
