#include "cases/suite.hpp"

#include <algorithm>

#include "inlay/backend.hpp"

namespace inlay::cases {

namespace fs = std::filesystem;

namespace {

bool has_random_node(const Graph& graph, const Registry& registry) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    const OpSchema* schema = registry.find_op(node.domain, node.op, node.version);
    bool random = schema != nullptr && has(schema->traits, Trait::nondeterministic);
    for_each_subgraph(node,
                      [&](const Graph& inner) { random |= has_random_node(inner, registry); });
    return random;
  });
}

}  // namespace

std::vector<SuiteCase> find_cases(const fs::path& root) {
  if (!fs::is_directory(root)) {
    throw Error(ErrorCode::not_found, "no such folder", {.file = root.string()});
  }
  std::vector<SuiteCase> found;
  if (fs::exists(root / "model.onnx")) found.push_back({root.filename().string(), root});
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_directory() && fs::exists(entry.path() / "model.onnx")) {
      found.push_back({fs::relative(entry.path(), root).generic_string(), entry.path()});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const SuiteCase& a, const SuiteCase& b) { return a.folder < b.folder; });
  return found;
}

CaseResult run_data_sets(const fs::path& folder, const Model& model, const SessionOptions& options,
                         const Tolerance& tolerance) {
  const auto data_sets = find_data_sets(folder);
  if (data_sets.empty()) return {Status::skipped, "it has no test_data_set folder"};
  Session session(model, options);
  for (const fs::path& data_set : data_sets) {
    const auto outputs = run_case(session, load_case(data_set, model), tolerance);
    for (const auto& [name, comparison] : outputs) {
      if (comparison.equal) continue;
      // Nobody can foresee a random number; kind, dtype and shape were right.
      const bool random =
          comparison.comparable && has_random_node(model.graph(), *Registry::standard());
      return {
          random ? Status::skipped : Status::failed,
          (random ? "random numbers, output '" : "output '") + name + "': " + comparison.reason};
    }
  }
  return {};
}

}  // namespace inlay::cases
