// Packing of GEMM operands into panels: `width` rows of A (or columns of B) side by side, k after
// k, so that the micro-kernel reads both operands from front to back.
#pragma once

#include <inlay/kernels/arch.hpp>
#include <inlay/kernels/lane_moves.hpp>
#include <inlay/kernels/matrix.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// Copies `count` neighbours, for each of k steps, into panels: reads run along memory.
template <class A, int Width>
INLAY_FLATTEN void pack_contiguous(MatrixView view, std::int64_t count, std::int64_t k,
                                   float* dst) {
  constexpr std::int64_t size = lanes<float, A>;
  const std::int64_t panel = k * Width;
  for (std::int64_t p = 0; p < k; ++p, dst += Width) {
    const float* src = view.at(0, p);
    float* to = dst;
    std::int64_t i = 0;
    for (; i + Width <= count; i += Width, to += panel) {
      if constexpr (Width % size == 0) {
        unroll<Width / size>(
            [&](auto v) { store<float, A>(to + v * size, load<float, A>(src + i + v * size)); });
      } else {
        unroll<Width>([&](auto j) { to[j] = src[i + j]; });
      }
    }
    if (i < count) {
      for (std::int64_t j = 0; j < Width; ++j) to[j] = i + j < count ? src[i + j] : 0.0f;
    }
  }
}

/// Transposes one panel of `width` rows that each run along k.
template <class A, int Width>
INLAY_FLATTEN void pack_transposed(MatrixView view, std::int64_t width, std::int64_t k,
                                   float* dst) {
  constexpr std::int64_t line = 16;  // floats of a cache line: each is read whole, then left
  std::int64_t p = 0;
  if (view.col_stride == 1 && width >= 4) {
    for (; p + line <= k; p += line) {
      for (std::int64_t i = 0; i < width; i += 4) {
        const std::int64_t row = i + 4 <= width ? i : width - 4;  // the last block overlaps
        for (std::int64_t q = p; q < p + line; q += 4) {
          transpose4x4<A>(view.at(row, q), view.row_stride, dst + q * Width + row, Width);
        }
      }
    }
  }
  for (std::int64_t q = p; q < k; ++q) {
    for (std::int64_t i = 0; i < width; ++i) dst[q * Width + i] = *view.at(i, q);
  }
  if (width < Width) {
    for (std::int64_t q = 0; q < k; ++q) {
      for (std::int64_t i = width; i < Width; ++i) dst[q * Width + i] = 0.0f;
    }
  }
}

}  // namespace detail

/// Packs `count` rows of a view [count, k] into panels of k * Width floats:
/// dst[(i / Width) * k * Width + p * Width + i % Width] = view(i, p), zero where i >= count.
/// Columns of B are packed by passing B transposed.
template <class A, int Width>
void pack_panels(MatrixView view, std::int64_t count, std::int64_t k, float* dst) {
  if (view.row_stride == 1) return detail::pack_contiguous<A, Width>(view, count, k, dst);
  for (std::int64_t i = 0; i < count; i += Width, dst += k * Width) {
    const MatrixView rows = {view.at(i, 0), view.row_stride, view.col_stride};
    detail::pack_transposed<A, Width>(rows, count - i < Width ? count - i : Width, k, dst);
  }
}

}  // namespace inlay::inline v0::kernels
