// Maximum and average pooling of f32, channels first, in one to three dimensions.
//
// A row of results is made in two steps: the window's rows are folded into one padded line (whole
// registers at a time), then the window slides along that line. Padding lives in the line, so no
// inner loop tests bounds.
#pragma once

#include <inlay/kernels/pool_columns.hpp>

namespace inlay::inline v0::kernels {

/// Floats of scratch that pool needs.
INLAY_INLINE std::size_t pool_scratch_size(const PoolShape& shape) {
  const PoolAxis& w = shape.axis[2];
  const std::ptrdiff_t line = (w.out - 1) * w.stride + (w.kernel - 1) * w.dilation + 1;
  const std::ptrdiff_t whole = line > w.pad_begin + w.size ? line : w.pad_begin + w.size;
  return static_cast<std::size_t>(whole + w.out);
}

namespace detail {

/// Folds row `x` into `line`; the first row only copies.
template <PoolOp op, class A>
INLAY_INLINE void fold_into_line(const float* x, float* line, std::size_t n, bool first) {
  using F = Vec<float, A>;
  if (first) {
    map_row<A>(x, line, n, [](const F& v) { return v; });
    return;
  }
  for_column_blocks<A>(n, [&](auto block, std::size_t i) {
    for (std::size_t v = 0; v < decltype(block)::width; ++v) {
      block.store(line + i, v, pool_step<op, A>(block.load(line + i, v), block.load(x + i, v)));
    }
  });
}

/// y[i] = fold over k of line[i * stride + k * dilation]. Constant strides let the compiler
/// vectorize the inner loop.
template <PoolOp op, class A, std::ptrdiff_t constant_stride>
INLAY_INLINE void slide(const float* INLAY_RESTRICT line, float* INLAY_RESTRICT y,
                        const PoolAxis& axis) {
  const std::ptrdiff_t stride = constant_stride != 0 ? constant_stride : axis.stride;
  for (std::ptrdiff_t i = 0; i < axis.out; ++i) y[i] = line[i * stride];
  for (std::ptrdiff_t k = 1; k < axis.kernel; ++k) {
    const float* INLAY_RESTRICT tap = line + k * axis.dilation;
    for (std::ptrdiff_t i = 0; i < axis.out; ++i) {
      const float v = tap[i * stride];
      if constexpr (op == PoolOp::max) {
        y[i] = y[i] > v || y[i] != y[i] ? y[i] : v;
      } else {
        y[i] += v;
      }
    }
  }
}

/// slide for any stride: rare, and a gather for each register.
template <PoolOp op, class A>
INLAY_NOINLINE INLAY_COLD void slide_far(const float* INLAY_RESTRICT line, float* INLAY_RESTRICT y,
                                         const PoolAxis& axis) {
  slide<op, A, 0>(line, y, axis);
}

template <PoolOp op, class A>
INLAY_INLINE void pool_row(const float* plane, float* y, const PoolShape& shape,
                           std::ptrdiff_t out_d, std::ptrdiff_t out_h, float* line) {
  const PoolAxis &d = shape.axis[0], &h = shape.axis[1], &w = shape.axis[2];
  const PoolTaps taps_d = taps_between<A>(d, out_d, 0, d.size);
  const PoolTaps taps_h = taps_between<A>(h, out_h, 0, h.size);
  float* const inside = line + w.pad_begin;
  bool first = true;
  for (std::ptrdiff_t kd = taps_d.begin; kd < taps_d.end; ++kd) {
    const std::ptrdiff_t in_d = out_d * d.stride - d.pad_begin + kd * d.dilation;
    for (std::ptrdiff_t kh = taps_h.begin; kh < taps_h.end; ++kh) {
      const std::ptrdiff_t in_h = out_h * h.stride - h.pad_begin + kh * h.dilation;
      const float* row = plane + (in_d * h.size + in_h) * w.size;
      fold_into_line<op, A>(row, inside, static_cast<std::size_t>(w.size), first);
      first = false;
    }
  }
  if (first) {
    const float outside = op == PoolOp::max ? -std::numeric_limits<float>::infinity() : 0.0f;
    for (std::ptrdiff_t i = 0; i < w.size; ++i) inside[i] = outside;
  }
  if (w.stride == 1) {
    slide<op, A, 1>(line, y, w);
  } else if (w.stride == 2) {
    slide<op, A, 2>(line, y, w);
  } else {
    slide_far<op, A>(line, y, w);
  }
}

}  // namespace detail

/// Pools slices [begin, end) of the result from x into y: one per plane of batch x channels and
/// depth of the output. `scratch` holds pool_scratch_size floats. A maximum is NaN where its window
/// holds NaN; a window without any element gives -inf (max) or NaN (average).
template <class A, PoolOp op>
INLAY_FLATTEN void pool(const float* x, float* y, const PoolShape& shape, std::size_t begin,
                        std::size_t end, float* scratch) {
  if (pools_columns(shape)) return pool_columns<A, op>(x, y, shape, begin, end);
  const PoolAxis &d = shape.axis[0], &h = shape.axis[1], &w = shape.axis[2];
  const std::size_t out_w = static_cast<std::size_t>(w.out);
  const std::size_t line_size = pool_scratch_size(shape) - out_w;
  float* const line = scratch;
  float* const counts = scratch + line_size;
  const float outside = op == PoolOp::max ? -std::numeric_limits<float>::infinity() : 0.0f;
  for (std::size_t i = 0; i < line_size; ++i) line[i] = outside;
  for (std::ptrdiff_t i = 0; i < w.out; ++i) {
    counts[i] = detail::counted_taps<A>(w, i, shape.count_include_pad);
  }
  const std::size_t slices = static_cast<std::size_t>(d.out);
  float* row = y + begin * static_cast<std::size_t>(h.out * w.out);
  for (std::size_t slice = begin; slice < end; ++slice) {
    const std::ptrdiff_t out_d = static_cast<std::ptrdiff_t>(slice % slices);
    const float* plane = x + slice / slices * static_cast<std::size_t>(d.size * h.size * w.size);
    for (std::ptrdiff_t out_h = 0; out_h < h.out; ++out_h, row += out_w) {
      detail::pool_row<op, A>(plane, row, shape, out_d, out_h, line);
      if constexpr (op == PoolOp::average) {
        const float rows = detail::counted_taps<A>(d, out_d, shape.count_include_pad) *
                           detail::counted_taps<A>(h, out_h, shape.count_include_pad);
        for (std::size_t i = 0; i < out_w; ++i) row[i] /= rows * counts[i];
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
