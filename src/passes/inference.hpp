// Type inference in place, shared by infer_types and fold_constants.
#pragma once

#include <inlay/kernels/inline.hpp>
#include <string>

#include "inlay/pass.hpp"

namespace inlay::inline v0::passes {

/// Where inference is: in the main graph or within a node's subgraph.
///
/// Dims that stay unknown get symbols of their own, "?12.0" for axis 0 of value 12: that two values
/// have the same size can then be told even where nothing else is known of it. The names hold for
/// the graph's ids as they are, so only inference of the whole main graph may start to make them.
struct Scope {
  const Registry& registry;
  std::string path = {};  ///< of the subgraph, empty for the main graph
  int loop_depth = 0;     ///< loops around this graph

  Scope within(NodeId node, std::size_t subgraph) const {
    return {registry, path + std::to_string(node) + "_" + std::to_string(subgraph) + "/",
            loop_depth};
  }
};

/// Infers every value of a main graph and its subgraphs.
void infer_main_graph(Graph& graph, const Registry& registry);
/// The same for any graph whose inputs and captures have their types.
void infer_graph(Graph& graph, const Scope& scope);

/// Infers the node's subgraphs and outputs from the types of its inputs; says whether the type of
/// an output changed. Errors: invalid_graph, unsupported (no schema).
INLAY_COLD bool infer_outputs(Graph& graph, NodeId id, const Scope& scope);

}  // namespace inlay::inline v0::passes
