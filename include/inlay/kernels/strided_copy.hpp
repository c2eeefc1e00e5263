// Copies of a row with a step and an offset, zero outside the row: what padding and stride mean.
#pragma once

#include <inlay/kernels/lane_moves.hpp>
#include <inlay/kernels/matrix.hpp>

namespace inlay::inline v0::kernels {

/// The elements start + t * step, 0 <= t < count, of a row; those with low <= t < high lie inside
/// it.
struct StridedRange {
  std::int64_t start, step, count, low, high;
};

/// `step` >= 1. A row of width 0 has nothing inside.
INLAY_INLINE StridedRange strided_range(std::int64_t width, std::int64_t start, std::int64_t step,
                                        std::int64_t count) {
  const auto steps_to = [&](std::int64_t distance) {
    if (distance <= 0) return std::int64_t{0};
    const std::int64_t steps = step == 1   ? distance
                               : step == 2 ? (distance + 1) / 2
                                           : ceil_div(distance, step);
    return steps < count ? steps : count;
  };
  return {start, step, count, steps_to(-start), steps_to(width - start)};
}

/// dst[t] = the range's elements of `row`, 0 for those outside it; reads nothing outside the row
/// and writes nothing outside [dst, dst + count).
template <class A>
INLAY_INLINE void copy_strided(const float* row, const StridedRange& range, float* dst) {
  constexpr std::int64_t size = lanes<float, A>;
  const auto [start, step, count, low, high] = range;
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
  if (step == 2 && high - low >= size) {
    for (; t < high; t += size) {
      if (t + size > high) t = high - size;  // the last vector overlaps the one before
      store<float, A>(dst + t, load_even<A>(row + start + 2 * t));
    }
    t = high;
  }
  for (; t < high; ++t) dst[t] = row[start + t * step];
  for (; t < count; ++t) dst[t] = 0.0f;
}

/// Zeroes n floats.
template <class A>
INLAY_INLINE void fill_zero(float* dst, std::int64_t n) {
  constexpr std::int64_t size = lanes<float, A>;
  const Vec<float, A> zero(0.0f);
  std::int64_t i = 0;
  for (; i + size <= n; i += size) store<float, A>(dst + i, zero);
  if (i < n) store_first<float, A>(dst + i, zero, static_cast<std::size_t>(n - i));
}

}  // namespace inlay::inline v0::kernels
