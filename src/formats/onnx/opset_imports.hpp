// Which opset a file imports for nodes that were written for several.
#pragma once

#include <map>
#include <string>

#include "inlay/backend.hpp"
#include "inlay/graph.hpp"

namespace inlay::inline v0::onnx {

/// For each domain the newest version of graph.opsets and of all nodes, subgraphs included.
/// Errors: unsupported, for a node of the domain `inlay`, and for one that is another operator in
/// that version: the registry has another schema for it, or ONNX changed its inputs, attributes or
/// meaning.
std::map<std::string, int> opset_imports(const Graph& graph, const Registry& registry);

/// The IR version that came with an opset of ai.onnx; 4 at least, which lets initializers be no
/// inputs.
int ir_version_of(int opset) noexcept;

}  // namespace inlay::inline v0::onnx
