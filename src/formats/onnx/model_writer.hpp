// Models as ModelProto.
#pragma once

#include "formats/onnx/external_elements.hpp"
#include "formats/onnx/message_writer.hpp"
#include "inlay/graph.hpp"

namespace inlay::inline v0::onnx {

/// The main graph as conform() leaves it. Errors: as write_graph.
MessageWriter write_model(const Graph& graph, ExternalElements* external);

}  // namespace inlay::inline v0::onnx
