// The matrix whose columns are the input pixels that each output pixel sees, a panel at a time.
#pragma once

#include <inlay/kernels/conv_problem.hpp>
#include <inlay/kernels/strided_copy.hpp>

namespace inlay::inline v0::kernels {

/// Output pixel o and kernel tap t see input pixel o * stride + origin + t * dilation, in each
/// dimension; pixels outside the input are zero. The dilation may be negative.
struct Im2col {
  const float* input;  ///< the first channel of the group
  Extent3 in, kernel, out;
  Extent3 stride, dilation, origin;
};

namespace detail {

/// The part of a panel that lies in one row of the output.
struct RowSegment {
  std::int64_t z, y, x;  ///< input pixel that tap 0 of the first column sees
  std::int64_t column, count;
};

/// Packs rows first_row..first_row+rows of the matrix, columns first_col..first_col+cols <= Width.
template <class A, int Width>
INLAY_FLATTEN void im2col_panel(const Im2col& m, std::int64_t first_row, std::int64_t rows,
                                std::int64_t first_col, std::int64_t cols, float* dst) {
  RowSegment segments[Width];
  std::int64_t segment_count = 0;
  for (std::int64_t j = 0; j < cols;) {
    const std::int64_t pixel = first_col + j;
    const std::int64_t x = pixel % m.out.w, line = pixel / m.out.w;
    const std::int64_t left = m.out.w - x;
    const std::int64_t count = left < cols - j ? left : cols - j;
    segments[segment_count++] = {line / m.out.h * m.stride.d + m.origin.d,
                                 line % m.out.h * m.stride.h + m.origin.h,
                                 x * m.stride.w + m.origin.w, j, count};
    j += count;
  }
  std::int64_t tx = first_row % m.kernel.w, rest = first_row / m.kernel.w;
  std::int64_t ty = rest % m.kernel.h;
  rest /= m.kernel.h;
  std::int64_t tz = rest % m.kernel.d, channel = rest / m.kernel.d;
  for (std::int64_t p = 0; p < rows; ++p, dst += Width) {
    const float* plane = m.input + channel * m.in.count();
    for (std::int64_t i = 0; i < segment_count; ++i) {
      const RowSegment& s = segments[i];
      const std::int64_t z = s.z + tz * m.dilation.d, y = s.y + ty * m.dilation.h;
      const bool inside = z >= 0 && z < m.in.d && y >= 0 && y < m.in.h;
      const float* row = inside ? plane + (z * m.in.h + y) * m.in.w : plane;
      copy_strided<A>(row, inside ? m.in.w : 0, s.x + tx * m.dilation.w, m.stride.w, s.count,
                      dst + s.column);
    }
    for (std::int64_t j = cols; j < Width; ++j) dst[j] = 0.0f;
    if (++tx < m.kernel.w) continue;
    tx = 0;
    if (++ty < m.kernel.h) continue;
    ty = 0;
    if (++tz < m.kernel.d) continue;
    tz = 0;
    ++channel;
  }
}

}  // namespace detail

/// Packs a block of the matrix into panels of rows * Width floats, as GEMM reads them.
template <class A, int Width>
void im2col_block(const Im2col& m, std::int64_t first_row, std::int64_t rows,
                  std::int64_t first_col, std::int64_t cols, float* dst) {
  for (std::int64_t j = 0; j < cols; j += Width, dst += rows * Width) {
    detail::im2col_panel<A, Width>(m, first_row, rows, first_col + j,
                                   cols - j < Width ? cols - j : Width, dst);
  }
}

}  // namespace inlay::inline v0::kernels
