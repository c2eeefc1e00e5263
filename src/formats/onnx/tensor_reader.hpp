// TensorProto and SparseTensorProto.
#pragma once

#include <inlay/kernels/inline.hpp>
#include <string_view>

#include "formats/onnx/definition.hpp"
#include "formats/onnx/read_context.hpp"

namespace inlay::inline v0::onnx {

/// A TensorProto of any element type, raw, typed or external. Refers to the file's bytes where the
/// context allows it and they are aligned for the element type; else copies.
/// Errors: parse, limit, unsupported (segments), and those of external data, with the tensor's
/// name.
INLAY_COLD NamedTensor read_tensor(std::string_view bytes, ReadContext& context);

/// A SparseTensorProto, made dense. Errors: parse, limit, unsupported (elements under 8 bits).
NamedTensor read_sparse_tensor(std::string_view bytes, ReadContext& context);

}  // namespace inlay::inline v0::onnx
