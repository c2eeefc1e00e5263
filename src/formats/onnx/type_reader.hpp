// TypeProto and element types.
#pragma once

#include <inlay/kernels/inline.hpp>
#include <string_view>

#include "formats/onnx/read_context.hpp"

namespace inlay::inline v0::onnx {

/// The DType of a TensorProto.DataType number; undefined for 0. Errors: unsupported.
DType read_dtype(std::int64_t data_type);

/// A TypeProto. Errors: parse, limit, unsupported (sparse and opaque types).
INLAY_COLD Type read_type(std::string_view bytes, const ReadContext& context, int depth = 0);

}  // namespace inlay::inline v0::onnx
