#include "blocked_net.hpp"

using namespace inlay;
using namespace inlay::test;

TEST_CASE("block_channels leaves one reorder at the end of a chain", "[cpu]") {
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

TEST_CASE("block_channels takes transposed convolutions along", "[cpu]") {
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

TEST_CASE("block_channels makes the pixels of few filters filters of their own", "[cpu]") {
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

TEST_CASE("block_channels leaves unusual transposed convolutions", "[cpu]") {
  Net net;
  ValueId x = net.conv(net.input({1, 3, 8, 8}), 3, 20, 3);
  // Pixels that no tap reaches; dilation; groups.
  x = net.add("ConvTranspose", {x, net.weights({20, 20, 1, 1})}, {{"strides", Int64s{2, 2}}});
  x = net.add("ConvTranspose", {x, net.weights({20, 20, 2, 2})}, {{"dilations", Int64s{2, 2}}});
  x = net.add("ConvTranspose", {x, net.weights({20, 10, 2, 2})}, {{"group", std::int64_t{2}}});
  net.graph.outputs = {x};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("block_channels goes straight to channels last", "[cpu]") {
  for (const std::int64_t filters : {16, 21, 33}) {
    Net net;
    const ValueId x = net.conv(net.input({2, 3, 18, 21}), 3, filters, 3);
    const ValueId y = net.add("Transpose", {x}, {{"perm", Int64s{0, 2, 3, 1}}});
    net.graph.outputs = {net.add("Softmax", {y})};
    check_blocked(net.graph, 0, 1);
  }
}

TEST_CASE("block_channels follows gates, pools, concatenations and resizes", "[cpu]") {
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

TEST_CASE("block_channels joins channels that do not fill their blocks", "[cpu]") {
  Net net;
  const ValueId image = net.input({2, 3, 9, 11});
  const ValueId a = net.conv(image, 3, 24, 3), b = net.conv(image, 3, 7, 3);
  const ValueId c = net.conv(image, 3, 16, 3), d = net.conv(image, 3, 3, 3);
  const ValueId x = net.add("Concat", {a, b, c, d}, {{"axis", std::int64_t{1}}});
  net.graph.outputs = {net.conv(x, 50, 12, 3)};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("a BlockedGather of inputs that do not fit is an error") {
  struct Case {
    Int64s channels, indices;
  };
  for (const Case& c :
       {Case{{3}, {}}, Case{{3, -1}, {}}, Case{{3, 9}, {}}, Case{{3, std::int64_t{1} << 40}, {}},
        Case{{3, 4}, {0, 7}}, Case{{3, 4}, {-1}}}) {
    Net net;
    const std::vector<Dim> open{Dim(), Dim(), Dim(), Dim(), 4};
    Node node{.domain = "inlay",
              .op = "BlockedGather",
              .version = 1,
              .inputs = {net.input(open), net.input(open)}};
    node.attributes.set("block", std::int64_t{4});
    node.attributes.set("channels", c.channels);
    if (!c.indices.empty()) node.attributes.set("indices", c.indices);
    node.outputs = {net.graph.add_value("y", Type::tensor(DType::float32))};
    net.graph.add_node(std::move(node));
    net.graph.outputs = {net.graph.nodes.back().output(0)};
    const auto model = Model::try_from_graph(std::move(net.graph));
    const std::vector<Value> images(2, Tensor::zeros(DType::float32, {1, 1, 2, 2, 4}));
    const bool runs = model && Session(*model).try_run(std::span<const Value>(images)).has_value();
    CHECK_FALSE(runs);
  }
}

TEST_CASE("block_channels takes channels apart where blocks are whole", "[cpu]") {
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

TEST_CASE("block_channels reduces pictures and broadcasts sizes that are not known", "[cpu]") {
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

TEST_CASE("block_channels gives plain values to outputs and to other operators", "[cpu]") {
  Net net;
  const ValueId x = net.conv(net.input({1, 3, 9, 9}), 3, 24, 3);
  const ValueId y = net.add("Relu", {net.conv(x, 24, 24, 3)});
  const ValueId other = net.add("Transpose", {y}, {{"perm", Int64s{0, 2, 3, 1}}});
  net.graph.outputs = {x, other};
  check_blocked(net.graph, 0, 2);
}

TEST_CASE("block_channels works with sizes that are not known yet", "[cpu]") {
  Net net;
  ValueId x = net.input({Dim::named("n"), 3, Dim::named("h"), Dim::named("w")});
  x = net.add("Relu", {net.conv(x, 3, 16, 3, 2)});
  x = net.add("Add", {net.conv(x, 16, 16, 3), net.add("Neg", {x})});
  net.graph.outputs = {net.conv(x, 16, 8, 1)};
  for (const std::int64_t size : {1, 6, 33}) check_blocked(net.graph, 0, 1, size);
  check_blocked(net.graph, 0, 1, 0);
}

TEST_CASE("block_channels puts a wide input in blocks and leaves what it cannot run", "[cpu]") {
  Net net;
  const ValueId wide = net.input({1, 48, 8, 8});
  const ValueId odd_groups = net.conv(wide, 48, 42, 3, 1, 3);
  const ValueId blocked = net.conv(wide, 48, 64, 3);
  net.graph.outputs = {odd_groups, blocked};
  check_blocked(net.graph, 1, 1);
}
