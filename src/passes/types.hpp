// Questions that passes ask about types and constant operands.
#pragma once

#include <optional>
#include <vector>

#include "inlay/graph.hpp"

namespace inlay::inline v0::passes {

/// Whether both are tensors of surely the same shape.
bool same_shape(const Type& a, const Type& b);
/// The same, and of the same dtype.
inline bool same_type(const Type& a, const Type& b) {
  return a.dtype == b.dtype && same_shape(a, b);
}

/// The elements of a constant int64 or int32 value; empty optional for anything else.
std::optional<std::vector<std::int64_t>> integers(const Graph& graph, ValueId value);

/// A Reshape target that gives a tensor of type `type` its shape: every dim known but at most one,
/// which is -1, and none 0. Empty optional when there is no such target.
std::optional<std::vector<std::int64_t>> reshape_target(const Type& type);

}  // namespace inlay::inline v0::passes
