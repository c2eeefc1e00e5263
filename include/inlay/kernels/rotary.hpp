// Rotary position embedding (Su et al., "RoFormer", 2021) of f32: pairs of a row's elements are
// rotated by angles that the position gives.
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// Rows of 2 * pairs elements, each with its cosines and sines: row r starts at x + r * x_step,
/// cosines + r * cosine_step and sines + r * sine_step; y at y + r * y_step.
struct RotaryRows {
  const float* x;
  const float* cosines;
  const float* sines;
  float* y;
  std::int64_t x_step, cosine_step, sine_step, y_step;
  std::int64_t rows, pairs;
  bool full;         ///< an angle for each element, else for each pair
  bool interleaved;  ///< pairs are neighbours, else elements i and pairs + i
};

/// (a, b) becomes (a cos - b sin, b cos + a sin). y must not overlap x unless both are the same.
template <class A>
INLAY_FLATTEN void rotary(const RotaryRows& in) {
  constexpr std::int64_t size = lanes<float, A>;
  const std::int64_t pairs = in.pairs;
  for (std::int64_t r = 0; r < in.rows; ++r) {
    const float* x = in.x + r * in.x_step;
    const float* cosines = in.cosines + r * in.cosine_step;
    const float* sines = in.sines + r * in.sine_step;
    float* y = in.y + r * in.y_step;
    // Where the second elements of pairs have their angles.
    const std::int64_t second = !in.full ? 0 : in.interleaved ? 1 : pairs;
    if (in.interleaved) {
      const std::int64_t step = in.full ? 2 : 1;
      for (std::int64_t i = 0; i < pairs; ++i) {
        const float a = x[2 * i], b = x[2 * i + 1];
        y[2 * i] = a * cosines[i * step] - b * sines[i * step];
        y[2 * i + 1] = b * cosines[i * step + second] + a * sines[i * step + second];
      }
      continue;
    }
    for (std::int64_t i = 0; i < pairs; i += size) {
      const auto n = static_cast<std::size_t>(pairs - i < size ? pairs - i : size);
      const auto get = [&](const float* p) {
        return n == lanes<float, A> ? load<float, A>(p + i) : load_first<float, A>(p + i, n);
      };
      const auto put = [&](float* p, const Vec<float, A>& v) {
        n == lanes<float, A> ? store<float, A>(p + i, v) : store_first<float, A>(p + i, v, n);
      };
      const Vec<float, A> a = get(x), b = get(x + pairs);
      put(y, Vec<float, A>(a * get(cosines) - b * get(sines)));
      put(y + pairs, Vec<float, A>(b * get(cosines + second) + a * get(sines + second)));
    }
  }
}

}  // namespace inlay::inline v0::kernels
