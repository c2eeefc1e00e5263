#include "blocked_net.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

std::string passed(const Net& net) {
  return after_passes(net.graph.clone(), {"merge_siblings", "eliminate_dead"});
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("heads on the same image are one convolution, with the depthwise ones behind them",
          "[cpu]") {
  Net net;
  const ValueId x = net.input({1, 20, 9, 11});
  const ValueId body = net.add("Relu", {net.conv(x, 20, 32, 3)});
  for (const std::int64_t filters : {1, 3, 1, 10}) {
    const ValueId head = net.conv(body, 32, filters, 1);
    net.graph.outputs.push_back(
        net.add("Sigmoid", {net.conv(head, filters, filters, 3, 1, filters)}));
  }
  const std::string after = passed(net);
  CHECK(count(after, "Conv<") == 3);
  CHECK(count(after, "Split") == 1);
  CHECK(after.find("group=15") != std::string::npos);
  check_same_answers(net.graph);
  check_blocked(net.graph, 1, 4);
}

TEST_CASE("siblings may lack a bias, and have other readers than convolutions") {
  Net net;
  const ValueId x = net.input({2, 7, 6, 5});
  const ValueId a = net.add("Conv", {x, net.weights({1, 7, 1, 1})});
  const ValueId b = net.conv(x, 7, 2, 1);
  net.graph.outputs = {net.add("Exp", {a}), net.add("Add", {b, net.conv(b, 2, 2, 3, 1, 2)})};
  const std::string after = passed(net);
  CHECK(count(after, "Conv<") + count(after, "Conv(") == 2);
  check_same_answers(net.graph);
}

TEST_CASE("convolutions stay apart that differ, or would gain nothing") {
  Net net;
  const ValueId x = net.input({1, 16, 8, 8});
  const auto give = [&](ValueId value) { net.graph.outputs.push_back(net.add("Abs", {value})); };
  SECTION("windows") {
    give(net.conv(x, 16, 3, 1));
    give(net.conv(x, 16, 3, 3));
  }
  SECTION("strides") {
    give(net.conv(x, 16, 3, 3));
    give(net.conv(x, 16, 3, 3, 2));
  }
  SECTION("whole blocks") {
    give(net.conv(x, 16, 16, 1));
    give(net.conv(x, 16, 32, 1));
  }
  SECTION("as many blocks when merged") {
    give(net.conv(x, 16, 15, 1));
    give(net.conv(x, 16, 15, 1));
  }
  SECTION("other images") {
    give(net.conv(x, 16, 3, 1));
    give(net.conv(net.input({1, 16, 8, 8}), 16, 3, 1));
  }
  SECTION("a result that is the graph's own") {
    give(net.conv(x, 16, 3, 1));
    net.graph.outputs.push_back(net.conv(x, 16, 3, 1));
  }
  CHECK(count(passed(net), "Conv<") == 2);
}
