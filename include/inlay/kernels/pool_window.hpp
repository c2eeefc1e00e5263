// One window of a pooling: which elements it sees and how it joins them.
#pragma once

#include <inlay/kernels/columns.hpp>
#include <inlay/kernels/minmax.hpp>
#include <limits>

namespace inlay::inline v0::kernels {

/// One spatial axis. `size` is the input's, `out` the output's. Windows may reach past the end
/// (ceil mode); `pad_end` only says how far elements count for an average that includes padding.
struct PoolAxis {
  std::ptrdiff_t size = 1;
  std::ptrdiff_t out = 1;
  std::ptrdiff_t kernel = 1;
  std::ptrdiff_t stride = 1;
  std::ptrdiff_t dilation = 1;
  std::ptrdiff_t pad_begin = 0;
  std::ptrdiff_t pad_end = 0;
};

/// Depth, height and width; leave out the first ones for fewer dimensions.
struct PoolShape {
  PoolAxis axis[3];
  bool count_include_pad = false;
};

enum class PoolOp : std::uint8_t { max, average };

namespace detail {

/// The taps of one window that lie in [low, high).
struct PoolTaps {
  std::ptrdiff_t begin;
  std::ptrdiff_t end;
};

template <class A>
INLAY_INLINE PoolTaps taps_between(const PoolAxis& axis, std::ptrdiff_t out, std::ptrdiff_t low,
                                   std::ptrdiff_t high) {
  const std::ptrdiff_t start = out * axis.stride - axis.pad_begin;
  const std::ptrdiff_t first = start >= low ? 0 : (low - start + axis.dilation - 1) / axis.dilation;
  const std::ptrdiff_t last =
      start >= high ? 0 : (high - start + axis.dilation - 1) / axis.dilation;
  const std::ptrdiff_t end = last < axis.kernel ? last : axis.kernel;
  return {first < end ? first : end, end};
}

/// How many elements of the window an average divides by, along one axis.
template <class A>
INLAY_INLINE float counted_taps(const PoolAxis& axis, std::ptrdiff_t out, bool include_pad) {
  const PoolTaps taps = include_pad
                            ? taps_between<A>(axis, out, -axis.pad_begin, axis.size + axis.pad_end)
                            : taps_between<A>(axis, out, 0, axis.size);
  return static_cast<float>(taps.end - taps.begin);
}

template <PoolOp op, class A>
INLAY_INLINE Vec<float, A> pool_step(const Vec<float, A>& acc, const Vec<float, A>& x) {
  if constexpr (op == PoolOp::max) return max_nan<float, A>(acc, x);
  return acc + x;
}

}  // namespace detail

}  // namespace inlay::inline v0::kernels
