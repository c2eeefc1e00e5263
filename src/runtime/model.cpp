#include "inlay/model.hpp"

#include <unordered_set>

#include "inlay/pass.hpp"
#include "runtime/model_state.hpp"

namespace inlay::inline v0 {
namespace {

std::shared_ptr<const Registry> registry_of(const ModelOptions& options) {
  if (options.registry) return options.registry;
  if (options.isa.empty()) return Registry::standard();
  return Registry::create(options.isa);
}

std::vector<std::shared_ptr<const Backend>> choose_backends(const Registry& registry,
                                                            const std::vector<std::string>& names) {
  const auto all = registry.backends();
  if (names.empty()) return {all.begin(), all.end()};
  std::vector<std::shared_ptr<const Backend>> chosen;
  const auto choose = [&](std::string_view name) {
    for (const auto& backend : all) {
      if (backend->name() == name) return chosen.push_back(backend), true;
    }
    return false;
  };
  choose("custom");
  bool has_reference = false;
  for (const std::string& name : names) {
    has_reference |= name == "reference";
    if (choose(name)) continue;
    std::string known;
    for (const auto& backend : all) known += " " + std::string(backend->name());
    throw Error(ErrorCode::not_found, "no backend '" + name + "'; there are:" + known);
  }
  if (!has_reference) choose("reference");
  return chosen;
}

void add_placements(const Plan& plan, std::vector<Placement>& placements) {
  for (const Step& step : plan.steps()) {
    placements.push_back({step.node->name, qualified_op(step.node->domain, step.node->op),
                          std::string(step.backend->name()), step.reason});
    for (const Subplan& subplan : step.subplans) add_placements(*subplan.plan, placements);
  }
}

/// Elements that `graph` keeps alive, each block counted once.
void add_constant_bytes(const Graph& graph, std::unordered_set<const void*>& seen,
                        std::size_t& bytes) {
  for (const ValueInfo& value : graph.values) {
    if (value.is_constant() && seen.insert(value.constant.data()).second) {
      bytes += value.constant.bytes();
    }
  }
  for (const Node& node : graph.nodes) {
    for_each_subgraph(node,
                      [&](const Graph& subgraph) { add_constant_bytes(subgraph, seen, bytes); });
  }
}

/// Symbols that type inference made up mean nothing to a user.
std::vector<Model::Port> ports(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<Model::Port> result;
  for (const ValueId id : ids) {
    Model::Port port{graph.value(id).name, graph.value(id).type};
    for (Dim& dim : port.type.dims) {
      if (dim.symbol.starts_with('?')) dim.symbol.clear();
    }
    result.push_back(std::move(port));
  }
  return result;
}

}  // namespace

Model Model::from_graph(Graph graph, const ModelOptions& options) {
  auto state = std::make_shared<State>();
  state->registry = registry_of(options);
  const auto backends = choose_backends(*state->registry, options.backends);
  const std::vector<Port> declared_inputs = ports(graph, graph.inputs);
  std::vector<std::string> output_names;
  for (const ValueId id : graph.outputs) output_names.push_back(graph.value(id).name);

  graph.verify();
  std::vector<Pass> passes;
  for (const Pass& pass : standard_passes()) {
    if (options.optimize || pass.essential) passes.push_back(pass);
  }
  PassContext context{*state->registry};
  for (const auto& backend : backends) {
    if (context.blocked == nullptr && backend->channel_block() > 0) context.blocked = backend.get();
  }
  run_passes(graph, context, passes, options.after_pass);
  graph.verify();

  state->graph = std::move(graph);
  state->inputs = declared_inputs;
  state->outputs = ports(state->graph, state->graph.outputs);
  for (std::size_t i = 0; i < output_names.size(); ++i) state->outputs[i].name = output_names[i];
  state->plan = Plan::compile(state->graph, *state->registry, backends);
  add_placements(*state->plan, state->placements);
  return Model(std::move(state));
}

Model Model::load(Reader& reader, const ModelOptions& options) {
  try {
    ModelOptions chosen = options;
    chosen.registry = registry_of(options);
    const Registry* operators =
        options.functions == Functions::operators ? chosen.registry.get() : nullptr;
    return from_graph(read_graph(reader, options.limits, operators), chosen);
  } catch (...) {
    throw current_error().at({.file = reader.name()});
  }
}

Model Model::load(const FilePath& path, const ModelOptions& options) {
  return load(*file_reader(path), options);
}

Model Model::load(std::span<const std::byte> bytes, const ModelOptions& options) {
  return load(*memory_reader(bytes), options);
}

Result<Model> Model::try_load(const FilePath& path, const ModelOptions& options) noexcept {
  return try_call([&] { return load(path, options); });
}
Result<Model> Model::try_load(std::span<const std::byte> bytes,
                              const ModelOptions& options) noexcept {
  return try_call([&] { return load(bytes, options); });
}
Result<Model> Model::try_load(Reader& reader, const ModelOptions& options) noexcept {
  return try_call([&] { return load(reader, options); });
}
Result<Model> Model::try_from_graph(Graph graph, const ModelOptions& options) noexcept {
  return try_call([&] { return from_graph(std::move(graph), options); });
}

std::span<const Model::Port> Model::inputs() const noexcept { return state_->inputs; }
std::span<const Model::Port> Model::outputs() const noexcept { return state_->outputs; }
const std::map<std::string, std::string>& Model::metadata() const noexcept {
  return state_->graph.metadata;
}
const std::map<std::string, int>& Model::opsets() const noexcept { return state_->graph.opsets; }
const Graph& Model::graph() const noexcept { return state_->graph; }
std::span<const Placement> Model::placements() const noexcept { return state_->placements; }

ModelMemory Model::memory() const noexcept {
  ModelMemory memory;
  std::unordered_set<const void*> seen;
  add_constant_bytes(state_->graph, seen, memory.constants);
  memory.packed = state_->plan->packed_bytes();
  return memory;
}

}  // namespace inlay::inline v0
