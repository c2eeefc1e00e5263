// What the rotary embeddings turn, and by which rows of cosines and sines.
#pragma once

#include "backends/reference/attention/attention.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::kernels {

/// RotaryEmbedding: the first 2 * pairs elements of each head's rows are turned.
struct RotaryGeometry {
  HeadLayout heads;
  std::int64_t pairs;
  std::int64_t cache_rows;
  bool interleaved;
  std::span<const std::int64_t> positions;  ///< of tokens; empty: the caches hold one row for each

  /// The row of the caches for a token. Errors: execution.
  std::int64_t row(const KernelContext& context, std::int64_t token) const {
    const std::int64_t row = positions.empty() ? token : positions[static_cast<std::size_t>(token)];
    if (row < 0 || row >= cache_rows) {
      context.fail(ErrorCode::execution, "a position lies outside the caches");
    }
    return row;
  }
};

/// Errors: shape_mismatch when the inputs do not fit each other.
RotaryGeometry rotary_geometry(const KernelContext& context);

/// inlay:FusedRotaryEmbedding: the rows of the output, of `size` elements, and the steps, in rows,
/// of its operands along their axes. Cosines and sines have `angles` elements: size or half of it.
struct FusedRotaryGeometry {
  Shape rows;
  std::int64_t size, angles;
  Strides x_steps, cosine_steps, sine_steps;
};

/// Errors: shape_mismatch when the inputs do not fit each other.
FusedRotaryGeometry fused_rotary_geometry(const KernelContext& context);

void run_rotary_embedding(KernelContext& context);
void run_fused_rotary_embedding(KernelContext& context);

}  // namespace inlay::inline v0::kernels
