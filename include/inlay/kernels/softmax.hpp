// Softmax and log-softmax of f32, stable for any finite input (the maximum is subtracted first).
#pragma once

#include <inlay/kernels/reduce.hpp>

namespace inlay::inline v0::kernels {

/// Softmax, or its logarithm, of `rows` contiguous rows of n values. y may be x. A row that holds
/// NaN or infinity, or only -inf, gives NaN.
template <class A, bool logarithm>
INLAY_FLATTEN void softmax_rows(const float* x, float* y, std::size_t rows, std::size_t n) {
  using F = Vec<float, A>;
  for (std::size_t r = 0; r < rows; ++r, x += n, y += n) {
    const F maximum(detail::fold_row_with<ReduceOp::max, A>(x, n, 0.0f));
    if constexpr (logarithm) {
      const F sum(detail::fold_row_with<ReduceOp::log_sum_exp, A>(x, n, maximum.get(0)));
      const F log_sum = vlog<A>(sum);
      map_row<A>(x, y, n, [&](const F& v) { return F(v - maximum - log_sum); });
    } else {
      map_row<A, side_by_side<A>>(x, y, n, [&](const F& v) { return vexp<A>(F(v - maximum)); });
      const F scale = divide<A>(F(1.0f), F(detail::fold_row_with<ReduceOp::sum, A>(y, n, 0.0f)));
      map_row<A>(y, y, n, [&](const F& v) { return F(v * scale); });
    }
  }
}

/// Softmax, or its logarithm, over the middle axis of outer x reduce x inner, for the columns
/// [begin, end) of the outer x inner. y may be x. A column's result does not depend on the range.
template <class A, bool logarithm>
INLAY_FLATTEN void softmax_columns(const float* x, float* y, const ReduceShape& shape,
                                   std::size_t begin, std::size_t end) {
  using F = Vec<float, A>;
  const std::size_t inner = shape.inner, n = shape.reduce;
  while (begin < end) {
    const std::size_t o = begin / inner, first = begin - o * inner;
    const std::size_t count = end - begin < inner - first ? end - begin : inner - first;
    const std::size_t offset = o * n * inner + first;
    for_column_blocks<A>(count, [&](auto block, std::size_t column) {
      constexpr std::size_t width = decltype(block)::width;
      const float* source = x + offset + column;
      float* target = y + offset + column;
      F maximum[width], sum[width];
      detail::fold_columns<ReduceOp::max, A>(source, n, inner, block, nullptr, maximum);
      detail::fold_columns<ReduceOp::log_sum_exp, A>(source, n, inner, block, maximum, sum);
      for (std::size_t v = 0; v < width; ++v)
        sum[v] = logarithm ? vlog<A>(sum[v]) : divide<A>(F(1.0f), sum[v]);
      for (std::size_t r = 0; r < n; ++r) {
        for (std::size_t v = 0; v < width; ++v) {
          const F shifted = block.load(source + r * inner, v) - maximum[v];
          const F value = logarithm ? F(shifted - sum[v]) : F(vexp<A>(shifted) * sum[v]);
          block.store(target + r * inner, v, value);
        }
      }
    });
    begin += count;
  }
}

}  // namespace inlay::inline v0::kernels
