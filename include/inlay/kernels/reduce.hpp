// Reductions of f32 over the middle of outer x reduce x inner.
#pragma once

#include <inlay/kernels/columns.hpp>
#include <inlay/kernels/math.hpp>

namespace inlay::inline v0::kernels {

/// Named as in ONNX without the prefix Reduce. Maximum and minimum are NaN where any value is.
enum class ReduceOp : std::uint8_t {
  sum,
  mean,
  max,
  min,
  prod,
  sum_square,
  l1,
  l2,
  log_sum,
  log_sum_exp,
};
inline constexpr std::size_t reduce_op_count = static_cast<std::size_t>(ReduceOp::log_sum_exp) + 1;

struct ReduceShape {
  std::size_t outer;
  std::size_t reduce;
  std::size_t inner;
};

namespace detail {

template <ReduceOp op>
inline constexpr float reduce_identity = op == ReduceOp::max
                                             ? -std::numeric_limits<float>::infinity()
                                         : op == ReduceOp::min
                                             ? std::numeric_limits<float>::infinity()
                                         : op == ReduceOp::prod ? 1.0f
                                                                : 0.0f;

template <ReduceOp op, class A>
INLAY_INLINE Vec<float, A> reduce_combine(const Vec<float, A>& a, const Vec<float, A>& b) {
  if constexpr (op == ReduceOp::max) return max_nan<float, A>(a, b);
  if constexpr (op == ReduceOp::min) return min_nan<float, A>(a, b);
  if constexpr (op == ReduceOp::prod) return a * b;
  return a + b;
}

/// Takes x into acc; `shift` is subtracted under the exponential of log_sum_exp.
template <ReduceOp op, class A>
INLAY_INLINE Vec<float, A> reduce_step(const Vec<float, A>& acc, const Vec<float, A>& x,
                                       const Vec<float, A>& shift) {
  using F = Vec<float, A>;
  if constexpr (op == ReduceOp::sum_square || op == ReduceOp::l2) return fma<A>(x, x, acc);
  if constexpr (op == ReduceOp::l1) return acc + xsimd::abs(x);
  if constexpr (op == ReduceOp::log_sum_exp) return acc + vexp<A>(F(x - shift));
  return reduce_combine<op, A>(acc, x);
}

template <ReduceOp op, class A>
INLAY_INLINE Vec<float, A> reduce_finish(const Vec<float, A>& acc, const Vec<float, A>& shift,
                                         std::size_t n) {
  if constexpr (op == ReduceOp::mean) {
    return divide<A>(acc, Vec<float, A>(static_cast<float>(n)));
  }
  if constexpr (op == ReduceOp::l2) return square_root<A>(acc);
  if constexpr (op == ReduceOp::log_sum) return vlog<A>(acc);
  if constexpr (op == ReduceOp::log_sum_exp) return vlog<A>(acc) + shift;
  return acc;
}

/// What log_sum_exp subtracts: the maximum, or 0 where that is infinite.
template <class A>
INLAY_INLINE Vec<float, A> exponential_shift(const Vec<float, A>& maximum) {
  using F = Vec<float, A>;
  const F inf(std::numeric_limits<float>::infinity());
  return xsimd::select(xsimd::abs(maximum) == inf, F(0.0f), maximum);
}

/// All lanes folded into one, in an order fixed by the lane count.
template <ReduceOp op, class A>
INLAY_INLINE float reduce_lanes(const Vec<float, A>& v) {
  return fold_lanes<float, A>(v, [](float a, float b) {
    if constexpr (op == ReduceOp::max) return a > b || a != a ? a : b;
    if constexpr (op == ReduceOp::min) return a < b || a != a ? a : b;
    if constexpr (op == ReduceOp::prod) return a * b;
    return a + b;
  });
}

template <ReduceOp op, class A>
INLAY_INLINE float fold_row_with(const float* x, std::size_t n, float shift) {
  const Vec<float, A> offset(shift);
  const auto step = [&](const Vec<float, A>& acc, const Vec<float, A>& v) {
    return reduce_step<op, A>(acc, v, offset);
  };
  const auto combine = [](const Vec<float, A>& a, const Vec<float, A>& b) {
    return reduce_combine<op, A>(a, b);
  };
  return reduce_lanes<op, A>(fold_row<A>(x, n, reduce_identity<op>, step, combine));
}

template <class A, ReduceOp op>
INLAY_INLINE float reduce_row(const float* x, std::size_t n) {
  using F = Vec<float, A>;
  F shift(0.0f);
  if constexpr (op == ReduceOp::log_sum_exp) {
    shift = exponential_shift<A>(F(fold_row_with<ReduceOp::max, A>(x, n, 0.0f)));
  }
  const float folded = fold_row_with<op, A>(x, n, shift.get(0));
  return F(reduce_finish<op, A>(F(folded), shift, n)).get(0);
}

/// Folds `rows` rows of the block's columns. Each lane adds in blocks of 64 rows, whatever the
/// width of the block. Only log_sum_exp reads `shift`.
template <ReduceOp op, class A, class Block>
INLAY_INLINE void fold_columns(const float* x, std::size_t rows, std::size_t stride, Block block,
                               const Vec<float, A>* shift, Vec<float, A>* total) {
  using F = Vec<float, A>;
  for (std::size_t v = 0; v < Block::width; ++v) total[v] = F(reduce_identity<op>);
  for (std::size_t r = 0; r < rows;) {
    const std::size_t end = rows - r < 64 ? rows : r + 64;
    F acc[Block::width];
    for (std::size_t v = 0; v < Block::width; ++v) acc[v] = F(reduce_identity<op>);
    for (; r < end; ++r) {
      for (std::size_t v = 0; v < Block::width; ++v) {
        const F s = op == ReduceOp::log_sum_exp ? shift[v] : F(0.0f);
        acc[v] = reduce_step<op, A>(acc[v], block.load(x + r * stride, v), s);
      }
    }
    for (std::size_t v = 0; v < Block::width; ++v) {
      total[v] = reduce_combine<op, A>(total[v], acc[v]);
    }
  }
}

}  // namespace detail

/// y[begin, end) of the outer x inner results, each the reduction of `reduce` values of x. The
/// result of an element does not depend on the range that computes it. Over no values: the
/// operation's identity (0, 1, -inf, inf), NaN for mean.
template <class A, ReduceOp op>
INLAY_FLATTEN void reduce(const float* x, float* y, const ReduceShape& shape, std::size_t begin,
                          std::size_t end) {
  using F = Vec<float, A>;
  const std::size_t inner = shape.inner, n = shape.reduce;
  while (begin < end) {
    const std::size_t o = begin / inner, first = begin - o * inner;
    const std::size_t count = end - begin < inner - first ? end - begin : inner - first;
    const float* source = x + o * n * inner + first;
    if (inner == 1) {
      y[begin] = detail::reduce_row<A, op>(source, n);
    } else {
      for_column_blocks<A>(count, [&](auto block, std::size_t column) {
        constexpr std::size_t width = decltype(block)::width;
        F shift[width], total[width];
        for (std::size_t v = 0; v < width; ++v) shift[v] = F(0.0f);
        if constexpr (op == ReduceOp::log_sum_exp) {
          detail::fold_columns<ReduceOp::max, A>(source + column, n, inner, block, nullptr, total);
          for (std::size_t v = 0; v < width; ++v) {
            shift[v] = detail::exponential_shift<A>(total[v]);
          }
        }
        detail::fold_columns<op, A>(source + column, n, inner, block, shift, total);
        for (std::size_t v = 0; v < width; ++v) {
          block.store(y + begin + column, v, detail::reduce_finish<op, A>(total[v], shift[v], n));
        }
      });
    }
    begin += count;
  }
}

}  // namespace inlay::inline v0::kernels
