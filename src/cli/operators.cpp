// `inlay operators`: what this build can run, and what the cases below some folders prove of it.
#include <cstdio>
#include <map>
#include <set>

#include "cases/suite.hpp"
#include "command.hpp"
#include "inlay/backend.hpp"

namespace inlay::cli {
namespace {

struct OperatorsArguments {
  std::vector<std::string> folders;
  cases::Tolerance tolerance{.rtol = 1e-3, .atol = 1e-7};
};

/// What passing cases have shown of an operator.
struct Proof {
  std::set<int> versions;                  ///< opset versions that its nodes were written for
  std::map<std::string, DTypeSet> dtypes;  ///< of its first input, by the backend it ran on
  std::set<std::string> cases;
};
using Proofs = std::map<std::string, Proof>;  // by qualified_op

std::string describe(DTypeSet set) {
  static const std::pair<const char*, DTypeSet> groups[] = {
      {"any", dtypes::any},
      {"numbers", dtypes::numbers},
      {"floats", dtypes::floats},
      {"integers", dtypes::integers},
      {"signed integers", dtypes::signed_integers},
      {"unsigned integers", dtypes::unsigned_integers},
      {"float8", dtypes::float8},
      {"packed", dtypes::packed},
      {"complex", dtypes::complex},
  };
  std::string text;
  const auto add = [&](std::string_view word) {
    text += (text.empty() ? "" : ", ") + std::string(word);
  };
  DTypeSet named;
  for (const auto& [word, group] : groups) {
    if ((set | group) != set || (named | group) == named) continue;
    add(word);
    named = named | group;
  }
  for (unsigned code = 1; code < 32; ++code) {
    const auto dtype = static_cast<DType>(code);
    if (set.contains(dtype) && !named.contains(dtype)) add(name(dtype));
  }
  return text;
}

/// The sets of all inputs, those that follow an equal one left out.
std::string describe(const std::vector<DTypeSet>& types) {
  std::string text;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (i > 0 && types[i] == types[i - 1]) continue;
    text += (i > 0 ? "; " : "") + describe(types[i]);
  }
  return text;
}

/// "7, 9, 11–13".
std::string describe(const std::set<int>& versions) {
  std::string text;
  for (auto it = versions.begin(); it != versions.end();) {
    const int first = *it;
    int last = first;
    while (++it != versions.end() && *it == last + 1) last = *it;
    text += (text.empty() ? "" : ", ") + std::to_string(first);
    if (last > first) text += (last > first + 1 ? "–" : ", ") + std::to_string(last);
  }
  return text;
}

void add_nodes(const Graph& graph, std::span<const Placement>& placements,
               const std::string& case_name, Proofs& proofs) {
  for (const Node& node : graph.nodes) {
    const Placement& placement = placements.front();
    placements = placements.subspan(1);
    Proof& proof = proofs[qualified_op(node.domain, node.op)];
    proof.versions.insert(node.version);
    proof.cases.insert(case_name);
    const DType dtype =
        node.has_input(0) ? graph.value(node.inputs[0]).type.dtype : DType::undefined;
    DTypeSet& dtypes = proof.dtypes[placement.backend];
    if (dtype != DType::undefined) dtypes = dtypes | dtype;
    for_each_subgraph(node,
                      [&](const Graph& inner) { add_nodes(inner, placements, case_name, proofs); });
  }
}

/// Whether two runs of the graph may give different numbers, so that passing proves nothing.
bool draws_unseeded(const Graph& graph, const Registry& registry) {
  bool random = false;
  for (const Node& node : graph.nodes) {
    const OpSchema* schema = registry.find_op(node.domain, node.op, node.version);
    random |= schema != nullptr && has(schema->traits, Trait::nondeterministic) &&
              !node.attributes.has("seed") && !node.is("Dropout");
    for_each_subgraph(node, [&](const Graph& inner) { random |= draws_unseeded(inner, registry); });
  }
  return random;
}

/// Runs the cases below `folder`, by default and on the reference backend alone, every node as it
/// was written.
void prove(const std::string& folder, const OperatorsArguments& arguments,
           const GlobalOptions& global, const Registry& registry, Proofs& proofs) {
  for (const cases::SuiteCase& one : cases::find_cases(folder)) {
    for (const char* backend : {"", "reference"}) {
      ModelOptions options = global.model_options();
      options.optimize = false;
      if (*backend != '\0') options.backends = {backend};
      const auto outcome = try_call([&] {
        const Model model = Model::load(one.folder / "model.onnx", options);
        if (draws_unseeded(model.graph(), registry)) return;
        const auto result =
            cases::run_data_sets(one.folder, model, global.session_options(), arguments.tolerance);
        if (result.status != cases::Status::passed) return;
        auto placements = model.placements();
        add_nodes(model.graph(), placements, one.name, proofs);
      });
      if (!outcome && global.progress) {
        std::fprintf(stderr, "%s: %s\n", one.name.c_str(), outcome.error().what());
      }
    }
  }
}

/// The backends and dtypes that cases show, and `reference` where no case is but a kernel.
std::string backends_of(const OpSchema& schema, const Proof& proof, const Registry& registry) {
  Graph graph;
  Node node;
  node.domain = schema.domain;
  node.op = schema.name;
  node.version = schema.since;
  auto proven = proof.dtypes;
  const Backend* reference = registry.find_backend("reference");
  if (reference != nullptr && reference->supports({graph, node}).supported) proven["reference"];
  std::string text;
  for (const auto& [backend, dtypes] : proven) {
    text += (text.empty() ? "" : "; ") + backend;
    if (!dtypes.empty()) text += ": " + describe(dtypes);
  }
  return text;
}

void operators(const OperatorsArguments& arguments, const GlobalOptions& global) {
  const ModelOptions options = global.model_options();
  const auto registry = options.registry ? options.registry : Registry::standard();
  Proofs proofs;
  for (const std::string& folder : arguments.folders)
    prove(folder, arguments, global, *registry, proofs);

  std::map<std::string, std::vector<const OpSchema*>> by_name;
  for (const OpSchema* schema : registry->ops()) {
    by_name[qualified_op(schema->domain, schema->name)].push_back(schema);
  }
  std::puts(
      "| Operator | From version | Takes | Cases | Their versions | Ran on, with |\n"
      "|---|---|---|---|---|---|");
  for (const auto& [op, schemas] : by_name) {
    const Proof& proof = proofs[op];
    std::printf("| %s | %d | %s | %zu | %s | %s |\n", op.c_str(), schemas.front()->since,
                describe(schemas.back()->types).c_str(), proof.cases.size(),
                describe(proof.versions).c_str(),
                backends_of(*schemas.back(), proof, *registry).c_str());
  }
}

}  // namespace

void add_operators(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<OperatorsArguments>();
  CLI::App* command = app.add_subcommand(
      "operators", "List the operators, and what passing test cases show of them (Markdown)");
  command->add_option("DIR", arguments->folders, "Folders of cases to run");
  command->callback([arguments, &global] { operators(*arguments, global); });
}

}  // namespace inlay::cli
