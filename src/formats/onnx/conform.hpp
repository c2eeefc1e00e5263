// conform: from a graph to one that a file can hold.
#pragma once

#include "inlay/backend.hpp"
#include "inlay/graph.hpp"

namespace inlay::inline v0::onnx {

/// Drops what nobody sees, and gives the main graph `graph` and its subgraphs what files need:
/// - names for all values, which no value of the graphs around has, except captures: they have the
///   name of what they capture;
/// - outputs that are a graph's own values (by Identity where a subgraph gives a captured one);
/// - com.microsoft's DynamicQuantizeMatMul for Inlay's, whose codes are closer;
/// - one opset version of each domain, in graph.opsets.
/// Errors: unsupported, as opset_imports().
void conform(Graph& graph, const Registry& registry);

}  // namespace inlay::inline v0::onnx
