#include "inlay/model.hpp"

#include <unordered_set>

#include "runtime/load.hpp"

namespace inlay::inline v0 {
namespace {

/// Elements that `graph` keeps alive, each block counted once.
void add_constant_bytes(const Graph& graph, std::unordered_set<const void*>& seen,
                        std::size_t& bytes) {
  for (const ValueInfo& value : graph.values) {
    // Nothing lies at the address of an empty tensor, or something else does.
    if (value.is_constant() && value.constant.has_elements() && value.constant.bytes() != 0 &&
        seen.insert(value.constant.data()).second) {
      bytes += value.constant.bytes();
    }
  }
  for (const Node& node : graph.nodes) {
    for_each_subgraph(node,
                      [&](const Graph& subgraph) { add_constant_bytes(subgraph, seen, bytes); });
  }
}

}  // namespace

Model Model::from_graph(Graph graph, const ModelOptions& options) {
  return Model(state_from_graph(std::move(graph), LoadContext(options)));
}

Model Model::load(Reader& reader, const ModelOptions& options) {
  try {
    return Model(state_from_reader(reader, LoadContext(options)));
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

void Model::save_prepared(const FilePath& path) const {
  inlay::save_prepared(*state_, path.text());
}
Result<void> Model::try_save_prepared(const FilePath& path) const noexcept {
  return try_call([&] { save_prepared(path); });
}
const Preparation& Model::preparation() const noexcept { return state_->preparation; }
const QuantizationReport& Model::quantization_report() const noexcept {
  return state_->quantization;
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
