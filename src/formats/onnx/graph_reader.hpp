// GraphProto, NodeProto and AttributeProto: decoded, names left as they are.
#pragma once

#include <string_view>

#include "formats/onnx/definition.hpp"
#include "formats/onnx/read_context.hpp"

namespace inlay::inline v0::onnx {

/// A GraphProto with its subgraphs. `depth` counts the graphs around it. value_info is not read:
/// files get it wrong, and inference finds the types of intermediate values by itself.
/// Errors: parse, invalid_graph, limit, unsupported, and those of external data.
GraphProto read_graph(std::string_view bytes, ReadContext& context, int depth);

/// A NodeProto; `depth` is that of its graph. Errors: as read_graph, with the node's place.
NodeProto read_node(std::string_view bytes, ReadContext& context, int depth);

/// An AttributeProto; `depth` is that of its node's graph. Errors: as read_graph.
AttributeProto read_attribute(std::string_view bytes, ReadContext& context, int depth);

/// Sorts by name. Errors: invalid_graph, when a name comes twice.
void sort_attributes(std::vector<AttributeProto>& attributes);

}  // namespace inlay::inline v0::onnx
