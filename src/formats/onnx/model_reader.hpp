// ModelProto: the graph, the functions, the opsets and the metadata.
#pragma once

#include <inlay/kernels/inline.hpp>
#include <string_view>

#include "formats/onnx/definition.hpp"
#include "formats/onnx/read_context.hpp"

namespace inlay::inline v0::onnx {

/// A whole file. Errors: parse, invalid_graph, limit, unsupported, and those of external data.
INLAY_COLD ModelProto read_model(std::string_view bytes, ReadContext& context);

}  // namespace inlay::inline v0::onnx
