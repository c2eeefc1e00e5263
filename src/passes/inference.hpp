// Type inference of one node in place, shared by infer_types and fold_constants.
#pragma once

#include "inlay/pass.hpp"

namespace inlay::inline v0::passes {

/// Infers every value of the graph and its subgraphs. `depth`: loops around this graph.
void infer_graph(Graph& graph, const Registry& registry, int loop_depth = 0);

/// Infers the node's subgraphs and outputs from the types of its inputs; says whether the type of
/// an output changed. Errors: invalid_graph, unsupported (no schema).
bool infer_outputs(Graph& graph, NodeId id, const Registry& registry, int loop_depth = 0);

}  // namespace inlay::inline v0::passes
