// All passes over real models: valid after each, and nothing left for a second round.
#include "inlay/reader.hpp"
#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

std::size_t count_all_nodes(const Graph& graph) {
  std::size_t count = 0;
  for (const Node& node : graph.nodes) {
    count += node.dead() ? 0 : 1;
    for_each_subgraph(node, [&](const Graph& subgraph) { count += count_all_nodes(subgraph); });
  }
  return count;
}

}  // namespace

TEST_CASE("the passes leave real models valid and with nothing more to do") {
  REQUIRE_TEST_DATA(data);
  if (!std::filesystem::is_directory(data / "models")) {
    WARN("skipped: no models in the test data");
    return;
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data / "models")) {
    if (entry.path().extension() != ".onnx") continue;
    CAPTURE(entry.path().filename());
    Graph graph = read_graph(*file_reader(entry.path()));
    const std::size_t before = count_all_nodes(graph);
    const auto run_all = [&] {
      run_passes(graph, {*Registry::standard()}, standard_passes(),
                 [](const Pass& pass, const Graph& after) {
                   CAPTURE(pass.name);
                   REQUIRE_NOTHROW(after.verify());
                 });
    };
    run_all();
    const std::size_t after = count_all_nodes(graph);
    CHECK(after <= before);
    run_all();
    CHECK(count_all_nodes(graph) == after);
  }
}
