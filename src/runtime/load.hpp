// The steps from a file to a model.
#pragma once

#include <inlay/kernels/inline.hpp>

#include "runtime/model_state.hpp"

namespace inlay::inline v0 {

/// Options with what they leave open filled in.
struct LoadContext {
  INLAY_COLD explicit LoadContext(const ModelOptions& given);

  ModelOptions options;  ///< with a registry and an executor
  std::vector<std::shared_ptr<const Backend>> backends;
  prepared::Key key;
};

/// Runs the passes and compiles.
std::shared_ptr<Model::State> state_from_graph(Graph graph, const LoadContext& context);
/// Errors: as prepared::read_file.
std::shared_ptr<Model::State> state_from_prepared(const Bytes& file, const LoadContext& context);
/// From a file of any format, or the prepared one of the options.
std::shared_ptr<Model::State> state_from_reader(Reader& reader, const LoadContext& context);

/// Errors: io.
void save_prepared(const Model::State& state, const std::string& path);

}  // namespace inlay::inline v0
