// Tensors as TensorProto.
#pragma once

#include <string_view>

#include "formats/onnx/external_elements.hpp"
#include "formats/onnx/message_writer.hpp"

namespace inlay::inline v0::onnx {

/// Refers to the tensor's elements, or, where `external` (may be null) takes them, to their place
/// there. Errors: invalid_graph (an undefined tensor), invalid_argument (one without elements),
/// limit.
MessageWriter write_tensor(std::string_view name, const Tensor& tensor, ExternalElements* external);

}  // namespace inlay::inline v0::onnx
