// Graphs and attributes as GraphProto and AttributeProto.
#pragma once

#include "formats/onnx/external_elements.hpp"
#include "formats/onnx/message_writer.hpp"
#include "inlay/graph.hpp"

namespace inlay::inline v0::onnx {

/// The graph as conform() leaves it. Initializers go to `external` (may be null) where it takes
/// them. Errors: as write_tensor.
MessageWriter write_graph(const Graph& graph, ExternalElements* external);

/// Errors: as write_tensor.
MessageWriter write_attribute(const std::string& name, const Attribute& attribute,
                              ExternalElements* external);

}  // namespace inlay::inline v0::onnx
