// Runs one node on constants: what constant folding needs.
#pragma once

#include <inlay/kernels/inline.hpp>
#include <vector>

#include "inlay/backend.hpp"

namespace inlay::inline v0 {

/// The node's outputs (an empty Value where an output is unwanted), by the reference backend. All
/// its inputs must be constants of `graph`, types inferred, and it may have no subgraphs. Errors:
/// unsupported, execution and whatever the kernel throws.
INLAY_COLD std::vector<Value> evaluate_node(const Graph& graph, const Node& node,
                                            const Registry& registry);

}  // namespace inlay::inline v0
