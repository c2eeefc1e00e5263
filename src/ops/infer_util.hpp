// What the operators' inference functions share: axes, broadcasting of symbolic dims, dtype checks.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "inlay/op.hpp"

namespace inlay::inline v0::infer {

/// `axis` as 0..rank-1; fails inference when it is out of range.
int axis(const InferContext& context, std::int64_t axis, int rank);

/// The attribute `name` when present, else input `i` when it is a constant; empty optional when
/// neither is known. `given` tells whether the node has either.
struct Integers {
  bool given = false;
  std::optional<std::vector<std::int64_t>> values;
};
Integers integers(const InferContext& context, std::string_view name, std::size_t i);

/// The axes as sorted, unique 0..rank-1; fails inference when one is out of range or named twice.
std::vector<int> axes(const InferContext& context, const std::vector<std::int64_t>& values,
                      int rank);

/// What two axes broadcast to; fails inference when they surely do not.
Dim broadcast(const InferContext& context, const Dim& a, const Dim& b);
/// The dims that inputs [first, last) broadcast to (ONNX multidirectional) as a tensor of `dtype`;
/// of unknown rank when the rank of one is not known. Absent inputs are passed over.
Type broadcast(const InferContext& context, DType dtype, std::size_t first, std::size_t last);

/// Fails inference when the present inputs of [first, last) do not have one dtype.
void require_same_dtype(const InferContext& context, std::size_t first, std::size_t last);
/// Fails inference when input i is known to have another rank than one in [low, high].
void require_rank(const InferContext& context, std::size_t i, int low, int high);

/// Output 0 has the type of input 0.
void same_as_input(InferContext& context);
/// Output 0 has the shape of input 0 and the given dtype.
void same_shape(InferContext& context, DType dtype);
/// Output 0 is what all the inputs broadcast to; they share a dtype, which is also the output's.
void broadcast_inputs(InferContext& context);

/// A type like `type` with another dtype.
inline Type with_dtype(Type type, DType dtype) {
  type.kind = Type::Kind::tensor;
  type.dtype = dtype;
  return type;
}
/// The type without rank and dims.
Type without_shape(Type type);
/// The most that is known of a value that is sometimes an `a` and sometimes a `b`.
Type common_type(const Type& a, const Type& b);
/// The dtype that an attribute holding a TensorProto.DataType names; `fallback` when absent.
DType dtype_attribute(const InferContext& context, std::string_view name, DType fallback);
/// `count` axes of unknown size.
inline std::vector<Dim> unknown_dims(int count) {
  return std::vector<Dim>(static_cast<std::size_t>(count));
}

}  // namespace inlay::inline v0::infer
