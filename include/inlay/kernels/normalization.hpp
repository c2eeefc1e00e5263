// Layer, RMS, group, instance and batch normalization of f32.
//
// Variances take two passes (the mean first, then the squared distances from it): one pass over
// sums of squares loses all digits where the mean is large.
#pragma once

#include <inlay/kernels/reduce.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

template <class A>
struct Moments {
  float mean;
  float inverse_deviation;  ///< 1 / sqrt(variance + epsilon)
};

template <class A>
INLAY_INLINE float inverse_square_root(float x) {
  const Vec<float, A> one(1.0f);
  return divide<A>(one, square_root<A>(Vec<float, A>(x))).get(0);
}

template <class A>
INLAY_INLINE Moments<A> moments(const float* x, std::size_t n, float epsilon) {
  using F = Vec<float, A>;
  const float mean = reduce_row<A, ReduceOp::mean>(x, n);
  const F center(mean);
  const auto step = [&](const F& acc, const F& v) {
    const F distance = v - center;
    return fma<A>(distance, distance, acc);
  };
  const auto combine = [](const F& a, const F& b) { return F(a + b); };
  const float squares = reduce_lanes<ReduceOp::sum, A>(fold_row<A>(x, n, 0.0f, step, combine));
  return {mean, inverse_square_root<A>(squares / static_cast<float>(n) + epsilon)};
}

/// y = f(x, scale, bias) where `bias` may be null and then counts as zero.
template <class A, class F>
INLAY_INLINE void map_scaled_row(const float* x, const float* scale, const float* bias, float* y,
                                 std::size_t n, F f) {
  for_column_blocks<A>(n, [&](auto block, std::size_t i) {
    for (std::size_t v = 0; v < decltype(block)::width; ++v) {
      const Vec<float, A> b = bias != nullptr ? block.load(bias + i, v) : Vec<float, A>(0.0f);
      block.store(y + i, v, f(block.load(x + i, v), block.load(scale + i, v), b));
    }
  });
}

}  // namespace detail

/// Layer normalization (Ba et al. 2016) of contiguous rows: y = (x - mean) / deviation * scale +
/// bias, with scale and bias of n values; bias may be null. `mean` and `inverse_deviation` take one
/// value for each row, or are null. y may be x.
template <class A>
INLAY_FLATTEN void layer_norm(const float* x, const float* scale, const float* bias, float* y,
                              std::size_t rows, std::size_t n, float epsilon, float* mean,
                              float* inverse_deviation) {
  using F = Vec<float, A>;
  for (std::size_t r = 0; r < rows; ++r, x += n, y += n) {
    const detail::Moments<A> row = detail::moments<A>(x, n, epsilon);
    const F center(row.mean), factor(row.inverse_deviation);
    detail::map_scaled_row<A>(x, scale, bias, y, n, [&](const F& v, const F& s, const F& b) {
      return fma<A>(F((v - center) * factor), s, b);
    });
    if (mean != nullptr) mean[r] = row.mean;
    if (inverse_deviation != nullptr) inverse_deviation[r] = row.inverse_deviation;
  }
}

/// RMS normalization (Zhang and Sennrich 2019) of contiguous rows: y = x / sqrt(mean(x^2) +
/// epsilon)
/// * scale. y may be x.
template <class A>
INLAY_FLATTEN void rms_norm(const float* x, const float* scale, float* y, std::size_t rows,
                            std::size_t n, float epsilon) {
  using F = Vec<float, A>;
  for (std::size_t r = 0; r < rows; ++r, x += n, y += n) {
    const float squares = detail::reduce_row<A, ReduceOp::sum_square>(x, n);
    const F factor(detail::inverse_square_root<A>(squares / static_cast<float>(n) + epsilon));
    detail::map_scaled_row<A>(x, scale, nullptr, y, n,
                              [&](const F& v, const F& s, const F&) { return F(v * factor * s); });
  }
}

/// batch x groups x channels_per_group x spatial, contiguous.
struct GroupShape {
  std::size_t groups;
  std::size_t channels_per_group;
  std::size_t spatial;
};

/// Group normalization (Wu and He 2018) of the groups [begin, end) of batch x groups: each group's
/// channels share a mean and a deviation; scale and bias have one value for each channel. One
/// channel for each group makes it instance normalization. y may be x.
template <class A>
INLAY_FLATTEN void group_norm(const float* x, const float* scale, const float* bias, float* y,
                              const GroupShape& shape, std::size_t begin, std::size_t end,
                              float epsilon) {
  const std::size_t size = shape.channels_per_group * shape.spatial;
  for (std::size_t g = begin; g < end; ++g) {
    const detail::Moments<A> group = detail::moments<A>(x + g * size, size, epsilon);
    const std::size_t first = g % shape.groups * shape.channels_per_group;
    for (std::size_t c = 0; c < shape.channels_per_group; ++c) {
      const std::size_t offset = g * size + c * shape.spatial;
      const float factor = group.inverse_deviation * scale[first + c];
      const Vec<float, A> center(group.mean), s(factor), b(bias[first + c]);
      map_row<A>(x + offset, y + offset, shape.spatial,
                 [&](const Vec<float, A>& v) { return fma<A>(Vec<float, A>(v - center), s, b); });
    }
  }
}

/// The scale and shift that batch normalization (Ioffe and Szegedy 2015) comes down to when its
/// statistics are known: factor = gamma / sqrt(variance + epsilon), shift = beta - mean * factor.
template <class A>
INLAY_FLATTEN void batch_norm_coefficients(const float* gamma, const float* beta, const float* mean,
                                           const float* variance, float epsilon,
                                           std::size_t channels, float* factor, float* shift) {
  for (std::size_t c = 0; c < channels; ++c) {
    factor[c] = gamma[c] * detail::inverse_square_root<A>(variance[c] + epsilon);
    shift[c] = beta[c] - mean[c] * factor[c];
  }
}

/// y = x * factor[channel] + shift[channel] for the planes [begin, end) of batch x channels, each
/// of `spatial` values. y may be x.
template <class A>
INLAY_FLATTEN void scale_shift(const float* x, const float* factor, const float* shift, float* y,
                               std::size_t channels, std::size_t spatial, std::size_t begin,
                               std::size_t end) {
  using F = Vec<float, A>;
  if (spatial == 1) {
    while (begin < end) {
      const std::size_t c = begin % channels;
      const std::size_t n = end - begin < channels - c ? end - begin : channels - c;
      detail::map_scaled_row<A>(x + begin, factor + c, shift + c, y + begin, n,
                                [](const F& v, const F& s, const F& t) { return fma<A>(v, s, t); });
      begin += n;
    }
    return;
  }
  for (std::size_t p = begin; p < end; ++p) {
    const F s(factor[p % channels]), t(shift[p % channels]);
    map_row<A>(x + p * spatial, y + p * spatial, spatial,
               [&](const F& v) { return fma<A>(v, s, t); });
  }
}

}  // namespace inlay::inline v0::kernels
