// What the recurrent operators share.
#pragma once

#include <cctype>

#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {

/// Floats [rows, columns] in scratch. Errors: limit when their number does not fit.
inline float* scratch_matrix(KernelContext& context, std::int64_t rows, std::int64_t columns) {
  return context.scratch<float>(Shape{rows, columns}.elements()).data();
}

/// Fails where input i is there and of another shape.
inline void require_shape(KernelContext& context, std::size_t i, const Shape& shape) {
  if (context.has_input(i) && !(context.input(i).shape() == shape)) {
    context.fail(ErrorCode::shape_mismatch, "input " + std::to_string(i) + " is " +
                                                to_string(context.input(i).shape()) + ", not " +
                                                to_string(shape));
  }
}

/// Whether `activations` is absent or names the defaults.
inline bool default_activations(const Node& node) {
  const auto* names = node.attributes.get<std::vector<std::string>>("activations");
  if (names == nullptr) return true;
  const std::size_t per_direction = node.op == "GRU" ? 2 : 3;
  for (std::size_t i = 0; i < names->size(); ++i) {
    const std::string_view wanted = i % per_direction == 0 ? "sigmoid" : "tanh";
    const bool same = std::equal(
        (*names)[i].begin(), (*names)[i].end(), wanted.begin(), wanted.end(),
        [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
    if (!same) return false;
  }
  return true;
}

/// Null where the node's cell is one that has kernels.
inline const char* unusual_cell(const Node& node) {
  if (!default_activations(node)) return "activations that are not the defaults";
  if (node.attributes.integer("input_forget", 0) != 0) return "input_forget";
  if (node.attributes.has("clip") && !(node.attributes.real("clip", 0) > 0)) {
    return "clips to nothing";
  }
  return nullptr;
}

}  // namespace inlay::inline v0::cpu
