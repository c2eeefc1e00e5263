#include "blocked_net.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

/// Every `step`th pixel along the axes, to the end.
ValueId slice(Net& net, ValueId x, Int64s starts, Int64s axes, std::int64_t step) {
  const Int64s ends(axes.size(), std::numeric_limits<std::int64_t>::max());
  const Int64s steps(axes.size(), step);
  return net.add("Slice", {x, net.list(std::move(starts)), net.list(ends),
                           net.list(std::move(axes)), net.list(steps)});
}

/// The phases of a picture as YOLO's Focus takes them: columns of rows, column by column.
ValueId focus(Net& net, ValueId x) {
  std::vector<ValueId> phases;
  for (const auto& [row, column] :
       {std::pair<std::int64_t, std::int64_t>{0, 0}, {1, 0}, {0, 1}, {1, 1}}) {
    phases.push_back(slice(net, slice(net, x, {row}, {2}, 2), {column}, {-1}, 2));
  }
  return net.add("Concat", phases, {{"axis", std::int64_t{1}}});
}

std::string passed(const Net& net) {
  return after_passes(net.graph.clone(),
                      {"fuse_space_to_depth", "split_max_pool", "eliminate_dead"});
}

}  // namespace

TEST_CASE("a convolution of slices is one of the picture", "[cpu]") {
  const std::int64_t kernel = GENERATE(1, 3);
  Net net;
  const ValueId x = net.input({2, 3, 12, 16});
  net.graph.outputs = {net.conv(focus(net, x), 12, 5, kernel, kernel == 1 ? 2 : 1)};
  const std::string after = passed(net);
  CHECK(after.find("Slice") == std::string::npos);
  CHECK(after.find(kernel == 1 ? "kernel_shape=[2, 2]" : "kernel_shape=[6, 6]") !=
        std::string::npos);
  check_same_answers(net.graph);
  check_blocked(net.graph, 0, 1);
}

TEST_CASE("slices of both axes at once, and SpaceToDepth, are phases as well") {
  Net net;
  const ValueId x = net.input({1, 2, 9, 6}), z = net.input({1, 3, 8, 6});
  std::vector<ValueId> phases;
  for (std::int64_t i = 9; i-- > 0;) phases.push_back(slice(net, x, {i / 3, i % 3}, {-2, 3}, 3));
  const ValueId a = net.add("Concat", phases, {{"axis", std::int64_t{1}}});
  const ValueId b = net.add("SpaceToDepth", {z}, {{"blocksize", std::int64_t{2}}});
  net.graph.outputs = {net.conv(a, 18, 4, 3), net.conv(b, 12, 7, 3)};
  const std::string after = passed(net);
  CHECK(after.find("Slice") == std::string::npos);
  CHECK(after.find("SpaceToDepth") == std::string::npos);
  check_same_answers(net.graph);
}

TEST_CASE("slices that are not all phases of a picture stay") {
  Net net;
  const ValueId x = net.input({1, 2, 8, 8}), other = net.input({1, 2, 8, 8});
  const auto phase = [&](ValueId from, std::int64_t row, std::int64_t column) {
    return slice(net, from, {row, column}, {2, 3}, 2);
  };
  const std::vector<std::vector<ValueId>> sets = {
      {phase(x, 0, 0), phase(x, 0, 1), phase(x, 1, 0), phase(other, 1, 1)},
      {phase(x, 0, 0), phase(x, 0, 1), phase(x, 1, 0), phase(x, 1, 0)},
      {phase(x, 0, 0), phase(x, 0, 1)},
      {slice(net, x, {0}, {2}, 2), slice(net, x, {1}, {2}, 2)}};
  for (const auto& set : sets) {
    const ValueId joined = net.add("Concat", set, {{"axis", std::int64_t{1}}});
    net.graph.outputs.push_back(net.conv(joined, std::ssize(set) * 2, 3, 3));
  }
  CHECK(passed(net).find("kernel_shape") == std::string::npos);
  check_same_answers(net.graph);
}

TEST_CASE("a wide maximum is taken along one axis after the other", "[cpu]") {
  Net net;
  const ValueId x = net.conv(net.input({2, 3, 13, 17}), 3, 20, 3);
  const auto pool = [&](Int64s kernel, Int64s strides, Int64s pads, std::int64_t ceil) {
    return net.add("MaxPool", {x},
                   {{"kernel_shape", std::move(kernel)},
                    {"strides", std::move(strides)},
                    {"pads", std::move(pads)},
                    {"ceil_mode", ceil}});
  };
  net.graph.outputs = {
      pool({5, 5}, {1, 1}, {2, 2, 2, 2}, 0), pool({13, 9}, {1, 1}, {6, 4, 6, 4}, 0),
      pool({6, 5}, {3, 2}, {1, 2, 0, 1}, 1), pool({3, 3}, {2, 2}, {1, 1, 1, 1}, 0)};
  const std::string after = passed(net);
  CHECK(after.find("kernel_shape=[13, 1]") != std::string::npos);
  CHECK(after.find("kernel_shape=[1, 9]") != std::string::npos);
  CHECK(after.find("kernel_shape=[3, 3]") != std::string::npos);
  check_same_answers(net.graph);
  check_blocked(net.graph, 0, 4);
}
