// The matrix whose columns are the input pixels that each output pixel sees, a panel at a time.
#pragma once

#include <inlay/kernels/conv_problem.hpp>
#include <inlay/kernels/strided_copy.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// The part of a panel that lies in one row of the output.
struct RowSegment {
  std::int64_t z, y, x;  ///< input pixel that tap 0 of the first column sees
  std::int64_t column, count;
};

/// Packs rows first_row..first_row+rows of the matrix, columns first_col..first_col+cols <= Width.
template <class A, int Width>
INLAY_FLATTEN void im2col_panel(const ConvWindow& window, const float* input,
                                std::int64_t first_row, std::int64_t rows, std::int64_t first_col,
                                std::int64_t cols, float* dst) {
  RowSegment segments[Width];
  std::int64_t segment_count = 0;
  for (std::int64_t j = 0; j < cols;) {
    const std::int64_t pixel = first_col + j;
    const std::int64_t x = pixel % window.out.w, line = pixel / window.out.w;
    const std::int64_t left = window.out.w - x;
    const std::int64_t count = left < cols - j ? left : cols - j;
    segments[segment_count++] = {line / window.out.h * window.stride.d - window.pad.d,
                                 line % window.out.h * window.stride.h - window.pad.h,
                                 x * window.stride.w - window.pad.w, j, count};
    j += count;
  }
  std::int64_t tx = first_row % window.kernel.w, rest = first_row / window.kernel.w;
  std::int64_t ty = rest % window.kernel.h;
  rest /= window.kernel.h;
  std::int64_t tz = rest % window.kernel.d, channel = rest / window.kernel.d;
  for (std::int64_t p = 0; p < rows; ++p, dst += Width) {
    const float* plane = input + channel * window.in.count();
    for (std::int64_t i = 0; i < segment_count; ++i) {
      const RowSegment& s = segments[i];
      const std::int64_t z = s.z + tz * window.dilation.d, y = s.y + ty * window.dilation.h;
      const bool inside = z >= 0 && z < window.in.d && y >= 0 && y < window.in.h;
      if (!inside) {
        fill_zero<A>(dst + s.column, s.count);
        continue;
      }
      copy_strided<A>(
          plane + (z * window.in.h + y) * window.in.w,
          strided_range(window.in.w, s.x + tx * window.dilation.w, window.stride.w, s.count),
          dst + s.column);
    }
    for (std::int64_t j = cols; j < Width; ++j) dst[j] = 0.0f;
    if (++tx < window.kernel.w) continue;
    tx = 0;
    if (++ty < window.kernel.h) continue;
    ty = 0;
    if (++tz < window.kernel.d) continue;
    tz = 0;
    ++channel;
  }
}

}  // namespace detail

/// Packs a block of the matrix of a group, whose first channel is `input`, into panels of rows *
/// Width floats, as GEMM reads them.
template <class A, int Width>
void im2col_block(const ConvWindow& window, const float* input, std::int64_t first_row,
                  std::int64_t rows, std::int64_t first_col, std::int64_t cols, float* dst) {
  for (std::int64_t j = 0; j < cols; j += Width, dst += rows * Width) {
    detail::im2col_panel<A, Width>(window, input, first_row, rows, first_col + j,
                                   cols - j < Width ? cols - j : Width, dst);
  }
}

}  // namespace inlay::inline v0::kernels
