// Which operators only move elements.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "inlay/graph.hpp"

namespace inlay::inline v0::passes {

/// Whether the node's only output holds elements of its first input, of any dtype, moved, picked or
/// repeated: then it does to codes what it does to the numbers that they mean.
inline bool moves_elements(const Node& node) {
  static constexpr std::array<std::string_view, 14> ops = {
      "Reshape", "Transpose", "Squeeze",      "Unsqueeze",    "Flatten", "Slice",    "Gather",
      "Expand",  "Tile",      "DepthToSpace", "SpaceToDepth", "MaxPool", "Identity", "Resize"};
  if (!node.domain.empty() || std::find(ops.begin(), ops.end(), node.op) == ops.end()) return false;
  if (node.op == "Resize") {
    return node.version >= 11 && node.attributes.text("mode", "nearest") == "nearest" &&
           node.attributes.text("coordinate_transformation_mode", "") != "tf_crop_and_resize";
  }
  return node.op != "MaxPool" || node.output(1) == no_id;
}

}  // namespace inlay::inline v0::passes
