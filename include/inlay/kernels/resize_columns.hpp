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

/// The rows [begin, end) of planes x height.out, bilinearly: two source rows are blended into
/// `scratch` (width.size * columns floats), then pairs of its pixels.
template <class A>
INLAY_FLATTEN void resize_bilinear_columns(const float* x, float* y, const LinearAxis& height,
                                           const LinearAxis& width, std::size_t columns,
                                           std::size_t begin, std::size_t end,
                                           float* INLAY_RESTRICT scratch) {
  using F = Vec<float, A>;
  const std::size_t row = width.size * columns;
  const auto blend = [](const float* u, float share, const float* v, float other, float* to,
                        std::size_t count) {
    const F a(share), b(other);
    for_column_blocks<A>(count, [&](auto block, std::size_t c) {
      for (std::size_t i = 0; i < decltype(block)::width; ++i) {
        block.store(to + c, i, fma<A>(block.load(v + c, i), b, F(block.load(u + c, i) * a)));
      }
    });
  };
  for (std::size_t r = begin; r < end; ++r) {
    const std::size_t i = r % height.out;
    const float* const plane = x + r / height.out * height.size * row;
    blend(plane + static_cast<std::size_t>(height.low[i]) * row, 1.0f - height.weight[i],
          plane + static_cast<std::size_t>(height.high[i]) * row, height.weight[i], scratch, row);
    float* pixel = y + r * width.out * columns;
    for (std::size_t j = 0; j < width.out; ++j, pixel += columns) {
      blend(scratch + static_cast<std::size_t>(width.low[j]) * columns, 1.0f - width.weight[j],
            scratch + static_cast<std::size_t>(width.high[j]) * columns, width.weight[j], pixel,
            columns);
    }
  }
}

}  // namespace inlay::inline v0::kernels
