// The transforms of Winograd's minimal filtering F(4x4, 3x3) on registers, after Lavin and Gray,
// "Fast Algorithms for Convolutional Neural Networks" (2016): 36 products instead of 144 give 4 x 4
// results. The interpolation points 0, +-a, +-b and infinity with a = 1 / sqrt 2, b = sqrt 2 grow
// rounding errors less than 1 and 2 would (Barabasz et al., "Error Analysis and Improving the
// Accuracy of Winograd Convolution for Deep Neural Networks", 2020).
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// Side of a tile of results, of the inputs it sees, and the points of a transformed tile.
inline constexpr int winograd_out = 4;
inline constexpr int winograd_in = 6;
inline constexpr int winograd_points = winograd_in * winograd_in;

namespace detail {

inline constexpr float winograd_a = 0.70710678118654752440f;
inline constexpr float winograd_b = 1.41421356237309504880f;

/// to[i * to_step] = row i of the input transform of from[j * from_step], j < 6; strides in floats.
template <class A>
INLAY_INLINE void winograd_input_line(const float* from, std::int64_t from_step, float* to,
                                      std::int64_t to_step) {
  using F = Vec<float, A>;
  const F a(winograd_a), b(winograd_b), a2(0.5f), b2(2.0f), sum(2.5f);
  F d[winograd_in];
  unroll<winograd_in>([&](auto i) { d[i] = load<float, A>(from + i * from_step); });
  const F even_a = d[4] - b2 * d[2], odd_a = a * (d[3] - b2 * d[1]);
  const F even_b = d[4] - a2 * d[2], odd_b = b * (d[3] - a2 * d[1]);
  store<float, A>(to, d[0] - sum * d[2] + d[4]);
  store<float, A>(to + to_step, even_a + odd_a);
  store<float, A>(to + 2 * to_step, even_a - odd_a);
  store<float, A>(to + 3 * to_step, even_b + odd_b);
  store<float, A>(to + 4 * to_step, even_b - odd_b);
  store<float, A>(to + 5 * to_step, d[1] - sum * d[3] + d[5]);
}

/// The output transform of from[j * from_step], j < 6, to four results.
template <class A>
INLAY_INLINE void winograd_output_line(const float* from, std::int64_t from_step, float* to,
                                       std::int64_t to_step) {
  using F = Vec<float, A>;
  const F a(winograd_a), b(winograd_b), a2(0.5f), b2(2.0f);
  F m[winograd_in];
  unroll<winograd_in>([&](auto i) { m[i] = load<float, A>(from + i * from_step); });
  const F sum_a = m[1] + m[2], difference_a = a * (m[1] - m[2]);
  const F sum_b = m[3] + m[4], difference_b = b * (m[3] - m[4]);
  store<float, A>(to, m[0] + sum_a + sum_b);
  store<float, A>(to + to_step, difference_a + difference_b);
  store<float, A>(to + 2 * to_step, a2 * sum_a + b2 * sum_b);
  store<float, A>(to + 3 * to_step, a2 * difference_a + b2 * difference_b + m[5]);
}

}  // namespace detail

/// Transforms a tile of 6 x 6 pixels, each a register; rows are `pitch` floats apart. Point i goes
/// to to[i * step].
template <class A>
INLAY_FLATTEN void winograd_input(const float* from, std::int64_t pitch, float* to,
                                  std::int64_t step) {
  constexpr std::int64_t size = lanes<float, A>;
  alignas(64) float half[winograd_points * size];
  for (int x = 0; x < winograd_in; ++x) {
    detail::winograd_input_line<A>(from + x * size, pitch, half + x * size, winograd_in * size);
  }
  for (int y = 0; y < winograd_in; ++y) {
    detail::winograd_input_line<A>(half + y * winograd_in * size, size, to + y * winograd_in * step,
                                   step);
  }
}

/// The way back: point i is at from[i * step]; results are 4 x 4 registers, `to_step` floats apart,
/// row after row.
template <class A>
INLAY_FLATTEN void winograd_output(const float* from, std::int64_t step, float* to,
                                   std::int64_t to_step) {
  constexpr std::int64_t size = lanes<float, A>;
  alignas(64) float half[winograd_out * winograd_in * size];
  for (int x = 0; x < winograd_in; ++x) {
    detail::winograd_output_line<A>(from + x * step, winograd_in * step, half + x * size,
                                    winograd_in * size);
  }
  for (int y = 0; y < winograd_out; ++y) {
    detail::winograd_output_line<A>(half + y * winograd_in * size, size,
                                    to + y * winograd_out * to_step, to_step);
  }
}

/// The transform of one 3 x 3 filter, in double: G g G^T.
INLAY_INLINE void winograd_weights(const float* filter, float* points) {
  // Squares of a and b are exact, so that rows +a, -a and +b, -b differ by their signs alone.
  constexpr double a = 0.70710678118654752440, b = 1.41421356237309504880;
  constexpr double at[5] = {0, a, -a, b, -b};
  constexpr double scale[5] = {1, 2 * 0.5 * (0.5 - 2), 2 * 0.5 * (0.5 - 2), 2 * 2 * (2 - 0.5),
                               2 * 2 * (2 - 0.5)};
  double g[winograd_in][3];
  for (int i = 0; i < 5; ++i) {
    g[i][0] = 1 / scale[i];
    g[i][1] = at[i] / scale[i];
    g[i][2] = at[i] * at[i] / scale[i];
  }
  g[5][0] = g[5][1] = 0;
  g[5][2] = 1;
  for (int y = 0; y < winograd_in; ++y) {
    for (int x = 0; x < winograd_in; ++x) {
      double sum = 0;
      for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) {
          sum += g[y][i] * static_cast<double>(filter[i * 3 + j]) * g[x][j];
        }
      }
      points[y * winograd_in + x] = static_cast<float>(sum);
    }
  }
}

}  // namespace inlay::inline v0::kernels
