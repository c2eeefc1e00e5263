#include "blocked_net.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

std::string passed(const Net& net) {
  return after_passes(net.graph.clone(), {"hoist_transpose", "eliminate_dead"});
}

}  // namespace

TEST_CASE("channels go last before a Resize enlarges") {
  Net net;
  const ValueId x = net.input({1, 5, 6, 7});
  ValueId resized = no_id;
  const auto resize = [&](ValueId roi, ValueId scales, ValueId sizes) {
    std::vector<ValueId> inputs = {x, roi, scales};
    if (sizes != no_id) inputs.push_back(sizes);
    return net.add("Resize", inputs, {{"mode", std::string("linear")}});
  };
  const auto scales = [&](std::vector<float> list) {
    return net.graph.add_constant(net.name(), Tensor::copy_of(std::span<const float>(list), {4}));
  };
  bool hoists = true;
  SECTION("by scales") { resized = resize(no_id, scales({1, 1, 2.5f, 3}), no_id); }
  SECTION("by sizes") { resized = resize(no_id, no_id, net.list({1, 5, 12, 7})); }
  SECTION("not where it shrinks a side") {
    resized = resize(no_id, scales({1, 1, 2, 0.5f}), no_id);
    hoists = false;
  }
  SECTION("not where it makes channels") {
    resized = resize(no_id, scales({1, 2, 1, 1}), no_id);
    hoists = false;
  }
  net.graph.outputs = {net.add("Transpose", {resized}, {{"perm", Int64s{0, 2, 3, 1}}})};
  const std::string after = passed(net);
  CHECK((after.find("Transpose") < after.find("Resize")) == hoists);
  check_same_answers(net.graph);
}

TEST_CASE("channels go last before pixels are flattened and joined", "[cpu]") {
  Net net;
  const ValueId x = net.input({1, 3, 24, 20});
  std::vector<ValueId> parts;
  for (const std::int64_t stride : {1, 2}) {
    const ValueId image = net.conv(x, 3, 21, 3, stride);
    parts.push_back(net.add("Reshape", {image, net.list({1, 21, -1})}));
  }
  const bool joins = GENERATE(true, false);
  const ValueId pixels = joins ? net.add("Concat", parts, {{"axis", std::int64_t{-1}}}) : parts[1];
  net.graph.outputs = {net.add("Transpose", {pixels}, {{"perm", Int64s{0, 2, 1}}})};
  const std::string after = passed(net);
  CHECK(after.find("perm=[0, 2, 1]") == std::string::npos);
  CHECK(after.find("perm=[0, 2, 3, 1]") != std::string::npos);
  check_same_answers(net.graph);
  check_blocked(net.graph, 0, joins ? 2 : 1);
}

TEST_CASE("a Transpose stays behind what flattens otherwise, or is read by others") {
  Net net;
  const ValueId x = net.input({2, 6, 4, 5});
  ValueId pixels = no_id;
  SECTION("channels are cut") { pixels = net.add("Reshape", {x, net.list({2, 12, 10})}); }
  SECTION("images are joined") { pixels = net.add("Reshape", {x, net.list({1, 12, 20})}); }
  SECTION("other readers") {
    pixels = net.add("Reshape", {x, net.list({2, 6, 20})});
    net.graph.outputs.push_back(net.add("Exp", {pixels}));
  }
  SECTION("channels are joined") {
    const ValueId part = net.add("Reshape", {x, net.list({2, 6, 20})});
    const ValueId other = net.add("Reshape", {net.input({2, 6, 4, 5}), net.list({2, 6, 20})});
    pixels = net.add("Concat", {part, other}, {{"axis", std::int64_t{1}}});
  }
  net.graph.outputs.push_back(net.add("Transpose", {pixels}, {{"perm", Int64s{0, 2, 1}}}));
  CHECK(passed(net).find("perm=[0, 2, 1]") != std::string::npos);
  check_same_answers(net.graph);
}
