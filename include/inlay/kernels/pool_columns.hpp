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

/// Pools the planes [begin, end); see pool.
template <class A, PoolOp op>
INLAY_FLATTEN void pool_columns(const float* x, float* y, const PoolShape& shape, std::size_t begin,
                                std::size_t end) {
  using F = Vec<float, A>;
  const PoolAxis &d = shape.axis[0], &h = shape.axis[1];
  const std::ptrdiff_t columns = shape.axis[2].size;
  const F outside(op == PoolOp::max ? -std::numeric_limits<float>::infinity() : 0.0f);
  const float* plane = x + begin * static_cast<std::size_t>(d.size * h.size * columns);
  float* row = y + begin * static_cast<std::size_t>(d.out * h.out * columns);
  for (std::size_t p = begin; p < end; ++p, plane += d.size * h.size * columns) {
    for (std::ptrdiff_t i = 0; i < d.out; ++i) {
      const detail::PoolTaps taps_d = detail::taps_between<A>(d, i, 0, d.size);
      const float count_d = detail::counted_taps<A>(d, i, shape.count_include_pad);
      for (std::ptrdiff_t j = 0; j < h.out; ++j, row += columns) {
        const detail::PoolTaps taps_h = detail::taps_between<A>(h, j, 0, h.size);
        const F count(count_d * detail::counted_taps<A>(h, j, shape.count_include_pad));
        const std::ptrdiff_t first_h = j * h.stride - h.pad_begin;
        for_column_blocks<A>(static_cast<std::size_t>(columns), [&](auto block, std::size_t c) {
          constexpr std::size_t width = decltype(block)::width;
          F sums[width];
          for (std::size_t v = 0; v < width; ++v) sums[v] = outside;
          for (std::ptrdiff_t kd = taps_d.begin; kd < taps_d.end; ++kd) {
            const std::ptrdiff_t at_d = i * d.stride - d.pad_begin + kd * d.dilation;
            for (std::ptrdiff_t kh = taps_h.begin; kh < taps_h.end; ++kh) {
              const float* from = plane + (at_d * h.size + first_h + kh * h.dilation) * columns + c;
              for (std::size_t v = 0; v < width; ++v) {
                sums[v] = detail::pool_step<op, A>(sums[v], block.load(from, v));
              }
            }
          }
          for (std::size_t v = 0; v < width; ++v) {
            if constexpr (op == PoolOp::average) sums[v] = divide<A>(sums[v], count);
            block.store(row + c, v, sums[v]);
          }
        });
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
