// Copies of a row with a step and an offset, zero outside the row: what padding and stride mean.
#pragma once

#include <inlay/kernels/lane_moves.hpp>
#include <inlay/kernels/matrix.hpp>

namespace inlay::inline v0::kernels {

/// dst[t] = row[start + t * step] for 0 <= t < count, 0 where that lies outside [0, width).
/// `step` >= 1; nothing outside the row is read, nothing outside [dst, dst + count) written.
template <class A>
INLAY_INLINE void copy_strided(const float* row, std::int64_t width, std::int64_t start,
                               std::int64_t step, std::int64_t count, float* dst) {
  constexpr std::int64_t size = lanes<float, A>;
  const auto steps_to = [&](std::int64_t distance) {
    if (distance <= 0) return std::int64_t{0};
    const std::int64_t steps = step == 1   ? distance
                               : step == 2 ? (distance + 1) / 2
                                           : ceil_div(distance, step);
    return steps < count ? steps : count;
  };
  const std::int64_t low = steps_to(-start);
  const std::int64_t high = steps_to(width - start);
  std::int64_t t = 0;
  if (step == 1) {
    const float* src = row + start;
    for (; t + size <= count; t += size) {
      if (t >= low && t + size <= high) {
        store<float, A>(dst + t, load<float, A>(src + t));
      } else {
        const std::int64_t from = low - t < 0 ? 0 : low - t < size ? low - t : size;
        const std::int64_t to = high - t < size ? high - t : size;
        store<float, A>(dst + t, load_range<A>(src + t, from, to));
      }
    }
    if (t < count) {
      const std::int64_t from = low - t < 0 ? 0 : low - t;
      store_first<float, A>(dst + t, load_range<A>(src + t, from, high - t),
                            static_cast<std::size_t>(count - t));
    }
    return;
  }
  for (; t < low; ++t) dst[t] = 0.0f;
  if (step == 2) {
    for (; t + size <= high; t += size) {
      store<float, A>(dst + t, load_even<A>(row + start + 2 * t));
    }
  }
  for (; t < high; ++t) dst[t] = row[start + t * step];
  for (; t < count; ++t) dst[t] = 0.0f;
}

}  // namespace inlay::inline v0::kernels
