#include "blocked_net.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

/// Channels of `groups` groups in turn, as ShuffleNet writes it.
ValueId shuffle(Net& net, ValueId x, const Shape& shape, std::int64_t groups) {
  const ValueId apart =
      net.add("Reshape", {x, net.list({shape[0], groups, shape[1] / groups, shape[2], shape[3]})});
  const ValueId turned = net.add("Transpose", {apart}, {{"perm", Int64s{0, 2, 1, 3, 4}}});
  return net.add("Reshape", {turned, net.list({shape[0], -1, shape[2], shape[3]})});
}

std::vector<ValueId> halves(Net& net, ValueId x, std::int64_t channels) {
  std::vector<ValueId> parts{net.graph.add_value(net.name()), net.graph.add_value(net.name())};
  Node node{.op = "Split",
            .version = 18,
            .inputs = {x, net.list({channels / 2, channels / 2})},
            .outputs = parts};
  node.attributes.set("axis", std::int64_t{1});
  net.graph.add_node(std::move(node));
  return parts;
}

}  // namespace

TEST_CASE("a channel shuffle is a Gather of channels") {
  Net net;
  const ValueId x = net.input({1, 6, 4, 5});
  net.graph.outputs = {net.add("Neg", {shuffle(net, x, {1, 6, 4, 5}, 3)})};
  const Graph& graph = net.graph;
  CHECK(after_passes(graph.clone(), {"fuse_channel_shuffle", "eliminate_dead"}).find("Transpose") ==
        std::string::npos);
  check_same_answers(graph);
}

TEST_CASE("units of shuffled halves stay in blocks", "[cpu]") {
  const std::int64_t batch = GENERATE(1, 2), width = GENERATE(24, 32, 58);
  Net net;
  const Shape shape{batch, width, 7, 9};
  ValueId x = net.conv(net.input({batch, 3, 7, 9}), 3, width, 3);
  for (int unit = 0; unit < 3; ++unit) {
    const auto parts = halves(net, x, width);
    const ValueId right = net.add("Relu", {net.conv(parts[1], width / 2, width / 2, 1)});
    x = net.add("Concat", {parts[0], right}, {{"axis", std::int64_t{1}}});
    x = shuffle(net, x, shape, 2);
  }
  net.graph.outputs = {net.conv(x, width, 10, 1)};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("halves picked from a leading axis are shuffled channels, too", "[cpu]") {
  Net net;
  const ValueId x = net.conv(net.input({1, 3, 6, 7}), 3, 24, 3);
  const ValueId pairs = net.add("Reshape", {x, net.list({12, 2, 42})});
  const ValueId turned = net.add("Transpose", {pairs}, {{"perm", Int64s{1, 0, 2}}});
  const ValueId both = net.add("Reshape", {turned, net.list({2, -1, 12, 6, 7})});
  const auto half = [&](std::int64_t i) {
    const ValueId index = net.graph.add_constant(net.name(), Tensor::scalar(i));
    return net.add("Gather", {both, index}, {{"axis", std::int64_t{0}}});
  };
  net.graph.outputs = {net.add("Add", {net.conv(half(0), 12, 5, 1), net.conv(half(1), 12, 5, 3)})};
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("what moves pixels or images is no channel shuffle") {
  Net net;
  const ValueId x = net.input({2, 6, 4, 4});
  const ValueId pixels = net.add("Transpose", {x}, {{"perm", Int64s{0, 1, 3, 2}}});
  const ValueId images = net.add("Transpose", {net.add("Reshape", {x, net.list({2, 2, 3, 4, 4})})},
                                 {{"perm", Int64s{2, 1, 0, 3, 4}}});
  const ValueId mixed = net.add("Reshape", {images, net.list({2, 6, 4, 4})});
  const ValueId space = net.add("Transpose", {net.add("Reshape", {x, net.list({2, 6, 2, 2, 4})})},
                                {{"perm", Int64s{0, 2, 1, 3, 4}}});
  const ValueId rows = net.add("Reshape", {space, net.list({2, 6, 4, 4})});
  net.graph.outputs = {net.add("Neg", {pixels}), net.add("Neg", {mixed}), net.add("Neg", {rows})};
  const std::string after =
      after_passes(net.graph.clone(), {"fuse_channel_shuffle", "eliminate_dead"});
  CHECK(after.find("Gather") == std::string::npos);
  check_same_answers(net.graph);
}

TEST_CASE("slices and splits that cut blocks stay in blocks", "[cpu]") {
  Net net;
  const ValueId x = net.conv(net.input({2, 3, 8, 9}), 3, 42, 3);
  const auto parts = halves(net, x, 42);
  const ValueId slice = net.add("Slice", {x, net.list({-30}), net.list({30}), net.list({-3})});
  const ValueId sum = net.add("Add", {net.conv(parts[0], 21, 18, 3), slice});
  net.graph.outputs = {
      net.conv(net.add("Concat", {parts[1], sum}, {{"axis", std::int64_t{1}}}), 39, 5, 1)};
  check_blocked(net.graph, 0, 1);
}
