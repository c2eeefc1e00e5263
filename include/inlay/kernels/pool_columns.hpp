// Pooling whose windows are one element wide along the last axis, as on channels that come last:
// results are whole rows of that axis.
#pragma once

#include <inlay/kernels/pool_window.hpp>

namespace inlay::inline v0::kernels {

/// Whether every element of the last axis is pooled on its own.
INLAY_INLINE bool pools_columns(const PoolShape& shape) {
  const PoolAxis& w = shape.axis[2];
  return w.kernel == 1 && w.stride == 1 && w.pad_begin == 0 && w.out == w.size;
}

namespace detail {

/// Pixels neighbouring results of one row, each a register: `plane` of rows of registers under the
/// taps of the first, which all of them see.
template <class A, PoolOp op, int Pixels>
INLAY_INLINE void pool_pixels(const float* plane, float* y, const PoolShape& shape,
                              std::ptrdiff_t first_d, const PoolTaps& taps_d,
                              std::ptrdiff_t first_h, const PoolTaps& taps_h, float count) {
  using F = Vec<float, A>;
  constexpr std::ptrdiff_t size = lanes<float, A>;
  const PoolAxis &d = shape.axis[0], &h = shape.axis[1];
  F sums[Pixels];
  unroll<Pixels>([&](auto p) {
    sums[p] = F(op == PoolOp::max ? -std::numeric_limits<float>::infinity() : 0.0f);
  });
  for (std::ptrdiff_t kd = taps_d.begin; kd < taps_d.end; ++kd) {
    const float* row = plane + ((first_d + kd * d.dilation) * h.size + first_h) * size;
    for (std::ptrdiff_t kh = taps_h.begin; kh < taps_h.end; ++kh) {
      const float* from = row + kh * h.dilation * size;
      unroll<Pixels>([&](auto p) {
        sums[p] = pool_step<op, A>(sums[p], load<float, A>(from + p * h.stride * size));
      });
    }
  }
  unroll<Pixels>([&](auto p) {
    if constexpr (op == PoolOp::average) sums[p] = divide<A>(sums[p], F(count));
    store<float, A>(y + p * size, sums[p]);
  });
}

}  // namespace detail

/// Pools slices as pool has them.
template <class A, PoolOp op>
INLAY_FLATTEN void pool_columns(const float* x, float* y, const PoolShape& shape, std::size_t begin,
                                std::size_t end) {
  using F = Vec<float, A>;
  const PoolAxis &d = shape.axis[0], &h = shape.axis[1];
  const std::ptrdiff_t columns = shape.axis[2].size;
  const F outside(op == PoolOp::max ? -std::numeric_limits<float>::infinity() : 0.0f);
  const std::size_t slices = static_cast<std::size_t>(d.out);
  for (std::size_t slice = begin; slice < end; ++slice) {
    const std::ptrdiff_t i = static_cast<std::ptrdiff_t>(slice % slices);
    const float* plane = x + slice / slices * static_cast<std::size_t>(d.size * h.size * columns);
    float* row = y + slice * static_cast<std::size_t>(h.out * columns);
    const detail::PoolTaps taps_d = detail::taps_between<A>(d, i, 0, d.size);
    const float count_d = detail::counted_taps<A>(d, i, shape.count_include_pad);
    const std::ptrdiff_t first_d = i * d.stride - d.pad_begin;
    std::ptrdiff_t pixels = 1;
    for (std::ptrdiff_t j = 0; j < h.out; j += pixels, row += pixels * columns) {
      const detail::PoolTaps taps_h = detail::taps_between<A>(h, j, 0, h.size);
      const float count = count_d * detail::counted_taps<A>(h, j, shape.count_include_pad);
      const std::ptrdiff_t first_h = j * h.stride - h.pad_begin;
      pixels = 1;
      if (columns == lanes<float, A>) {
        constexpr std::ptrdiff_t most = 4;
        const std::ptrdiff_t last = first_h + (most - 1) * h.stride + (h.kernel - 1) * h.dilation;
        if (first_h >= 0 && last < h.size && j + most <= h.out) {
          pixels = most;
          detail::pool_pixels<A, op, most>(plane, row, shape, first_d, taps_d, first_h, taps_h,
                                           count);
        } else {
          detail::pool_pixels<A, op, 1>(plane, row, shape, first_d, taps_d, first_h, taps_h, count);
        }
        continue;
      }
      for_column_blocks<A>(static_cast<std::size_t>(columns), [&](auto block, std::size_t c) {
        constexpr std::size_t width = decltype(block)::width;
        F sums[width];
        for (std::size_t v = 0; v < width; ++v) sums[v] = outside;
        for (std::ptrdiff_t kd = taps_d.begin; kd < taps_d.end; ++kd) {
          const std::ptrdiff_t at_d = first_d + kd * d.dilation;
          for (std::ptrdiff_t kh = taps_h.begin; kh < taps_h.end; ++kh) {
            const float* from = plane + (at_d * h.size + first_h + kh * h.dilation) * columns + c;
            for (std::size_t v = 0; v < width; ++v) {
              sums[v] = detail::pool_step<op, A>(sums[v], block.load(from, v));
            }
          }
        }
        for (std::size_t v = 0; v < width; ++v) {
          if constexpr (op == PoolOp::average) sums[v] = divide<A>(sums[v], F(count));
          block.store(row + c, v, sums[v]);
        }
      });
    }
  }
}

}  // namespace inlay::inline v0::kernels
