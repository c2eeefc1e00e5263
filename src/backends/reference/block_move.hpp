// What DepthToSpace and SpaceToDepth move, for every backend.
#pragma once

#include <array>

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// Input 0 seen as `axes`, transposed by `perm`, is the result.
struct BlockMove {
  Shape axes;
  std::array<std::size_t, 6> perm;
  Shape result;
};

/// Pixels (n, c, h, block row, w, block column) lie densely in space; in depth the block's row and
/// column come before the channel (DCR) or after it (CRD). Errors: invalid_argument,
/// shape_mismatch.
inline BlockMove block_move(const KernelContext& context, bool to_space) {
  const Tensor& data = context.input(0);
  const std::int64_t block = context.attributes().integer("blocksize", 0);
  if (data.rank() != 4 || block < 1 || block > INT32_MAX) {
    context.fail(ErrorCode::invalid_argument, "needs a tensor of rank 4 and a block size");
  }
  const std::int64_t per_depth = to_space ? block * block : 1;
  const std::int64_t per_side = to_space ? 1 : block;
  if (data.dim(1) % per_depth != 0 || data.dim(2) % per_side != 0 || data.dim(3) % per_side != 0) {
    context.fail(ErrorCode::shape_mismatch, "an axis is no multiple of the block size");
  }
  const std::int64_t n = data.dim(0), c = data.dim(1) / per_depth;
  const std::int64_t h = data.dim(2) / per_side, w = data.dim(3) / per_side;
  const bool depth_first = context.attributes().text("mode", "DCR") == "DCR";
  if (to_space) {
    const Shape result{n, c, Shape{h, block}.elements(), Shape{w, block}.elements()};
    if (depth_first) return {{n, block, block, c, h, w}, {0, 3, 4, 1, 5, 2}, result};
    return {{n, c, block, block, h, w}, {0, 1, 4, 2, 5, 3}, result};
  }
  const Shape result{n, Shape{c, block, block}.elements(), h, w};
  if (depth_first) return {{n, c, h, block, w, block}, {0, 3, 5, 1, 2, 4}, result};
  return {{n, c, h, block, w, block}, {0, 1, 3, 5, 2, 4}, result};
}

}  // namespace inlay::inline v0::kernels
