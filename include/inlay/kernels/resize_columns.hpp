// Nearest and bilinear resizing of pixels that are rows of `columns` floats, as on channels that
// come last.
#pragma once

#include <inlay/kernels/resize.hpp>

namespace inlay::inline v0::kernels {

/// The rows [begin, end) of planes x height.out, each pixel the nearest source pixel.
template <class A>
INLAY_FLATTEN void resize_nearest_columns(const float* x, float* y, const NearestAxis& height,
                                          const NearestAxis& width, std::size_t columns,
                                          std::size_t begin, std::size_t end) {
  const std::size_t out_row = width.out * columns;
  for (std::size_t r = begin; r < end; ++r) {
    float* row = y + r * out_row;
    const std::size_t i = r % height.out;
    if (r > begin && i > 0 && height.index[i] == height.index[i - 1]) {
      std::memcpy(row, row - out_row, out_row * sizeof(float));
      continue;
    }
    const std::size_t from =
        r / height.out * height.size + static_cast<std::size_t>(height.index[i]);
    const float* const source = x + from * width.size * columns;
    for (std::size_t j = 0; j < width.out; ++j, row += columns) {
      map_row<A>(source + static_cast<std::size_t>(width.index[j]) * columns, row, columns,
                 [](const Vec<float, A>& v) { return v; });
    }
  }
}

/// The rows [begin, end) of planes x height.out, each pixel blended from four.
template <class A>
INLAY_FLATTEN void resize_bilinear_columns(const float* x, float* y, const LinearAxis& height,
                                           const LinearAxis& width, std::size_t columns,
                                           std::size_t begin, std::size_t end) {
  using F = Vec<float, A>;
  for (std::size_t r = begin; r < end; ++r) {
    float* pixel = y + r * width.out * columns;
    const std::size_t i = r % height.out, row = width.size * columns;
    const float* const plane = x + r / height.out * height.size * row;
    const float* const upper = plane + static_cast<std::size_t>(height.low[i]) * row;
    const float* const lower = plane + static_cast<std::size_t>(height.high[i]) * row;
    const F weight(height.weight[i]), rest(1.0f - height.weight[i]);
    for (std::size_t j = 0; j < width.out; ++j, pixel += columns) {
      const std::size_t left = static_cast<std::size_t>(width.low[j]) * columns;
      const std::size_t right = static_cast<std::size_t>(width.high[j]) * columns;
      const F near(1.0f - width.weight[j]), far(width.weight[j]);
      for_column_blocks<A>(columns, [&](auto block, std::size_t c) {
        for (std::size_t v = 0; v < decltype(block)::width; ++v) {
          const auto blend = [&](std::size_t at) {
            return fma<A>(block.load(lower + at + c, v), weight,
                          F(block.load(upper + at + c, v) * rest));
          };
          block.store(pixel + c, v, fma<A>(blend(right), far, F(blend(left) * near)));
        }
      });
    }
  }
}

}  // namespace inlay::inline v0::kernels
