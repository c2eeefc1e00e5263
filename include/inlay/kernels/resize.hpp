// Nearest and bilinear resizing of f32 planes. The caller works out, once, which source elements
// and weights each result needs: ONNX has many coordinate rules, the loops are the same for all.
#pragma once

#include <inlay/kernels/columns.hpp>

namespace inlay::inline v0::kernels {

/// One axis of a nearest-neighbour resize: result i comes from source index[i].
struct NearestAxis {
  std::size_t size;  ///< of the source
  std::size_t out;
  const std::int32_t* index;
};

/// One axis of a linear resize: result i is (1 - weight[i]) source[low[i]] + weight[i]
/// source[high[i]].
struct LinearAxis {
  std::size_t size;  ///< of the source
  std::size_t out;
  const std::int32_t* low;
  const std::int32_t* high;
  const float* weight;
};

/// The rows [begin, end) of planes x height.out, each element the nearest source element.
template <class A>
INLAY_FLATTEN void resize_nearest(const float* x, float* y, const NearestAxis& height,
                                  const NearestAxis& width, std::size_t begin, std::size_t end) {
  for (std::size_t r = begin; r < end; ++r) {
    float* const row = y + r * width.out;
    const std::size_t i = r % height.out;
    if (r > begin && i > 0 && height.index[i] == height.index[i - 1]) {
      std::memcpy(row, row - width.out, width.out * sizeof(float));
      continue;
    }
    const std::size_t from =
        r / height.out * height.size + static_cast<std::size_t>(height.index[i]);
    const float* const source = x + from * width.size;
    for (std::size_t j = 0; j < width.out; ++j) row[j] = source[width.index[j]];
  }
}

/// The rows [begin, end) of planes x height.out, bilinearly: two source rows are blended into
/// `scratch` (width.size floats), then pairs of its elements.
template <class A>
INLAY_FLATTEN void resize_bilinear(const float* x, float* y, const LinearAxis& height,
                                   const LinearAxis& width, std::size_t begin, std::size_t end,
                                   float* INLAY_RESTRICT scratch) {
  using F = Vec<float, A>;
  for (std::size_t r = begin; r < end; ++r) {
    float* INLAY_RESTRICT row = y + r * width.out;
    const std::size_t i = r % height.out;
    const float* const plane = x + r / height.out * height.size * width.size;
    const float* const upper = plane + static_cast<std::size_t>(height.low[i]) * width.size;
    const float* const lower = plane + static_cast<std::size_t>(height.high[i]) * width.size;
    const F weight(height.weight[i]), rest(1.0f - height.weight[i]);
    for_column_blocks<A>(width.size, [&](auto block, std::size_t j) {
      for (std::size_t v = 0; v < decltype(block)::width; ++v) {
        const F blend =
            fma<A>(block.load(lower + j, v), weight, F(block.load(upper + j, v) * rest));
        block.store(scratch + j, v, blend);
      }
    });
    for (std::size_t j = 0; j < width.out; ++j) {
      const float w = width.weight[j];
      row[j] = scratch[width.low[j]] * (1.0f - w) + scratch[width.high[j]] * w;
    }
  }
}

}  // namespace inlay::inline v0::kernels
