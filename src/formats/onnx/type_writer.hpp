// Types as TypeProto.
#pragma once

#include "formats/onnx/message_writer.hpp"
#include "inlay/graph.hpp"

namespace inlay::inline v0::onnx {

/// Symbols that begin with '?', which type inference makes up, are left out.
MessageWriter write_type(const Type& type);

}  // namespace inlay::inline v0::onnx
