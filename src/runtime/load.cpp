#include "runtime/load.hpp"

#include "inlay/pass.hpp"
#include "pages.hpp"
#include "runtime/build_key.hpp"
#include "runtime/source_reader.hpp"

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

std::vector<Pass> passes_of(const ModelOptions& options) {
  std::vector<Pass> passes;
  for (const Pass& pass : standard_passes()) {
    if (options.optimize || pass.essential) passes.push_back(pass);
  }
  return passes;
}

prepared::Key key_of(const LoadContext& context) {
  std::string backends;
  for (const auto& backend : context.backends) {
    backends += (backends.empty() ? "" : ", ") + std::string(backend->name());
    if (!backend->variant().empty()) backends += " " + std::string(backend->variant());
  }
  const Sparsity& sparsity = context.options.quantization.sparsity;
  return {{"build of Inlay", std::string(INLAY_VERSION_STRING) + " " + std::string(build_key())},
          {"list of backends", std::move(backends)},
          {"setting of optimize", context.options.optimize ? "true" : "false"},
          {"setting of precision", std::to_string(static_cast<int>(context.options.precision))},
          {"setting of sparsity", std::to_string(static_cast<int>(sparsity.pattern)) + " " +
                                      std::to_string(sparsity.share)},
          {"setting of functions",
           context.options.functions == Functions::bodies ? "bodies" : "operators"}};
}

/// Compiles the state's graph. `names`: of the outputs.
void finish(Model::State& state, const LoadContext& context, const std::vector<std::string>& names,
            std::vector<std::vector<Tensor>>* stored) {
  state.registry = context.options.registry;
  state.key = context.key;
  state.outputs = ports(state.graph, state.graph.outputs);
  for (std::size_t i = 0; i < names.size(); ++i) state.outputs[i].name = names[i];
  Compilation compilation{*state.registry, context.backends, *context.options.executor, stored};
  state.plan = Plan::compile(state.graph, compilation);
  if (stored != nullptr && stored->size() != compilation.steps) {
    throw Error(ErrorCode::stale, "the prepared file holds the weights of more nodes");
  }
  add_placements(*state.plan, state.placements);
}

/// Whether the files that a model was prepared from are those that `reader` gives.
bool same_sources(const std::vector<prepared::Source>& sources, Reader& reader) {
  std::vector<prepared::Source> found;
  SourceReader now(reader, &found);
  (void)now.read();
  for (std::size_t i = 1; i < sources.size(); ++i) {
    const auto sibling = now.sibling(sources[i].location);
    if (sibling == nullptr) return false;
    (void)sibling->read();
  }
  return found == sources;
}

/// The model of ModelOptions::prepared. Errors: stale, and all of reading it.
std::shared_ptr<Model::State> state_from_cache(Reader& reader, const LoadContext& context) {
  const auto file = file_reader(context.options.prepared);
  auto state = state_from_prepared(file->read(), context);
  if (state->sources.empty()) {
    throw Error(ErrorCode::stale, "the file does not say which model it was prepared from");
  }
  if (!same_sources(state->sources, reader)) {
    throw Error(ErrorCode::stale, "the file was prepared from another model");
  }
  return state;
}

std::shared_ptr<Model::State> state_from_model(Reader& reader, const LoadContext& context,
                                               std::vector<prepared::Source>* sources) {
  SourceReader source(reader, sources);
  const Bytes file = source.read();
  if (prepared::is_prepared(file.bytes)) return state_from_prepared(file, context);
  const ModelOptions& options = context.options;
  const Registry* operators =
      options.functions == Functions::operators ? options.registry.get() : nullptr;
  Graph graph = read_graph(source, options.limits, operators);
  drop_pages(file.bytes.data(), file.bytes.size(), file.owner);
  auto state = state_from_graph(std::move(graph), context);
  drop_pages(file.bytes.data(), file.bytes.size(), file.owner);
  return state;
}

}  // namespace

LoadContext::LoadContext(const ModelOptions& given) : options(given) {
  if (!options.registry) options.registry = registry_of(given);
  if (!options.executor) {
    options.executor = given.threads == 1 ? inline_executor() : thread_pool(given.threads);
  }
  backends = choose_backends(*options.registry, options.backends);
  key = key_of(*this);
}

std::shared_ptr<Model::State> state_from_graph(Graph graph, const LoadContext& context) {
  auto state = std::make_shared<Model::State>();
  state->inputs = ports(graph, graph.inputs);
  std::vector<std::string> output_names;
  for (const ValueId id : graph.outputs) output_names.push_back(graph.value(id).name);
  graph.verify();
  const bool is_pruned = context.options.quantization.sparsity.pattern != SparsityPattern::none;
  if (context.options.precision != Precision::f32 || is_pruned) {
    QuantizedGraph quantized = quantize(std::move(graph), context.options);
    graph = std::move(quantized.graph);
    state->quantization = std::move(quantized.report);
  }
  PassContext pass_context{*context.options.registry};
  for (const auto& backend : context.backends) {
    if (pass_context.blocked == nullptr && backend->channel_block() > 0) {
      pass_context.blocked = backend.get();
    }
  }
  run_passes(graph, pass_context, passes_of(context.options), context.options.after_pass);
  graph.verify();
  state->graph = std::move(graph);
  finish(*state, context, output_names, nullptr);
  return state;
}

std::shared_ptr<Model::State> state_from_prepared(const Bytes& file, const LoadContext& context) {
  prepared::Contents contents = prepared::read_file(file, context.key, context.options.limits,
                                                    context.options.check_prepared_weights);
  if (contents.output_names.size() != contents.graph.outputs.size()) {
    throw Error(ErrorCode::parse, "the prepared file is damaged: not every output has a name");
  }
  auto state = std::make_shared<Model::State>();
  state->sources = std::move(contents.sources);
  state->graph = std::move(contents.graph);
  ModelOptions types_only;
  types_only.optimize = false;
  run_passes(state->graph, {*context.options.registry}, passes_of(types_only));
  state->inputs = ports(state->graph, state->graph.inputs);
  finish(*state, context, contents.output_names, &contents.packed);
  state->preparation.loaded = true;
  return state;
}

std::shared_ptr<Model::State> state_from_reader(Reader& reader, const LoadContext& context) {
  const FilePath& path = context.options.prepared;
  if (path.text().empty()) return state_from_model(reader, context, nullptr);
  Preparation preparation;
  try {
    return state_from_cache(reader, context);
  } catch (...) {
    preparation.reason = current_error().what();
  }
  std::vector<prepared::Source> sources;
  const auto state = state_from_model(reader, context, &sources);
  if (state->preparation.loaded) return state;  // the model is a prepared file itself
  state->sources = std::move(sources);
  state->preparation = std::move(preparation);
  try {
    save_prepared(*state, path.text());
    state->preparation.written = true;
  } catch (...) {
    state->preparation.reason += "; " + std::string(current_error().what());
  }
  return state;
}

void save_prepared(const Model::State& state, const std::string& path) {
  prepared::Contents contents{.key = state.key,
                              .sources = state.sources,
                              .output_names = {},
                              .graph = state.graph,
                              .packed = {}};
  for (const Model::Port& port : state.outputs) contents.output_names.push_back(port.name);
  state.plan->each_step([&](const Step& step) {
    const auto tensors = step.packed.tensors();
    contents.packed.emplace_back(tensors.begin(), tensors.end());
  });
  prepared::write_file(path, contents);
}

}  // namespace inlay::inline v0
