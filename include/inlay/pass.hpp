// A pass: a function over a readable graph.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "inlay/backend.hpp"

namespace inlay::inline v0 {

struct PassContext {
  const Registry& registry;
  /// The backend for whose blocked channels a pass may write nodes; null: none.
  const Backend* blocked = nullptr;
};

/// Rewrites a graph. Leaves it valid (Graph::verify) and with the same meaning.
struct Pass {
  std::string_view name;
  std::string_view summary;  ///< one line for a person
  /// Null: left out, since this build is without the operators that it writes.
  void (*run)(Graph& graph, const PassContext& context);
  bool essential = false;  ///< nothing runs without it, so that optimize = false keeps it
  bool whole = false;      ///< run() sees to subgraphs itself; else it is called for each of them
};

/// The passes of Model::load, in order.
INLAY_API std::span<const Pass> standard_passes();

/// Runs `passes` over the graph and its subgraphs, inner ones first. `after` (may be empty) sees
/// the graph after each. Errors: invalid_graph, unsupported (an operator without schema); internal,
/// in debug builds, when a pass leaves a broken graph.
INLAY_API void run_passes(Graph& graph, const PassContext& context, std::span<const Pass> passes,
                          const std::function<void(const Pass&, const Graph&)>& after = {});

}  // namespace inlay::inline v0
