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

namespace detail {

/// The rows of G.
struct WinogradFilterTransform {
  double rows[winograd_in][3];

  constexpr WinogradFilterTransform() : rows() {
    // Squares of a and b are exact, so that rows +a, -a and +b, -b differ by their signs alone.
    constexpr double a = 0.70710678118654752440, b = 1.41421356237309504880;
    constexpr double at[5] = {0, a, -a, b, -b};
    constexpr double scale[5] = {1, 2 * 0.5 * (0.5 - 2), 2 * 0.5 * (0.5 - 2), 2 * 2 * (2 - 0.5),
                                 2 * 2 * (2 - 0.5)};
    for (int i = 0; i < 5; ++i) {
      rows[i][0] = 1 / scale[i];
      rows[i][1] = at[i] / scale[i];
      rows[i][2] = at[i] * at[i] / scale[i];
    }
    rows[5][2] = 1;
  }
};

}  // namespace detail

/// The transform of Count 3 x 3 filters side by side, in double: G g G^T. Element t of filter i is
/// filters[t * Count + i], points likewise.
template <int Count>
INLAY_INLINE void winograd_weights(const float* INLAY_RESTRICT filters,
                                   float* INLAY_RESTRICT points) {
  constexpr detail::WinogradFilterTransform g;
  double half[winograd_in][3][Count];
  for (int y = 0; y < winograd_in; ++y) {
    const double* const row = g.rows[y];
    for (int j = 0; j < 3; ++j) {
      const float* const column = filters + j * Count;
      for (int i = 0; i < Count; ++i) {
        half[y][j][i] = row[0] * static_cast<double>(column[i]) +
                        row[1] * static_cast<double>(column[3 * Count + i]) +
                        row[2] * static_cast<double>(column[6 * Count + i]);
      }
    }
  }
  for (int y = 0; y < winograd_in; ++y) {
    for (int x = 0; x < winograd_in; ++x, points += Count) {
      const double* const row = g.rows[x];
      for (int i = 0; i < Count; ++i) {
        points[i] = static_cast<float>(row[0] * half[y][0][i] + row[1] * half[y][1][i] +
                                       row[2] * half[y][2][i]);
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
