// Pooling of 8-bit codes with channels last.
#pragma once

#include <inlay/kernels/code_vectors.hpp>
#include <inlay/kernels/pool_window.hpp>

namespace inlay::inline v0::kernels {

/// An average is the sum of the codes less their zero points, times scale / the number of elements
/// it is over, rounded as codes are, plus y_zero. Maxima keep their codes.
struct CodePool {
  PoolShape shape;
  std::int64_t channels = 0;
  std::int32_t x_zero = 0, y_zero = 0;
  float x_scale = 1.0f, y_scale = 1.0f;
};

namespace detail {

/// The pixels that a window sees.
template <class T>
struct CodeWindow {
  const T* first;
  std::ptrdiff_t count[3], stride[3];
  float divisor;

  template <class F>
  INLAY_INLINE void for_each(F f) const {
    const T* plane = first;
    for (std::ptrdiff_t d = 0; d < count[0]; ++d, plane += stride[0]) {
      const T* line = plane;
      for (std::ptrdiff_t h = 0; h < count[1]; ++h, line += stride[1]) {
        const T* pixel = line;
        for (std::ptrdiff_t w = 0; w < count[2]; ++w, pixel += stride[2]) f(pixel);
      }
    }
  }
  INLAY_INLINE std::ptrdiff_t size() const { return count[0] * count[1] * count[2]; }
};

template <class A, class T>
INLAY_INLINE CodeWindow<T> code_window(const CodePool& pool, const T* image,
                                       const std::ptrdiff_t (&at)[3]) {
  CodeWindow<T> window{image, {}, {}, 1.0f};
  std::ptrdiff_t step = pool.channels;
  for (int i = 2; i >= 0; --i) {
    const PoolAxis& axis = pool.shape.axis[i];
    const PoolTaps taps = taps_between<A>(axis, at[i], 0, axis.size);
    window.count[i] = taps.end - taps.begin;
    window.stride[i] = step * axis.dilation;
    if (window.count[i] > 0) {
      window.first += (at[i] * axis.stride - axis.pad_begin + taps.begin * axis.dilation) * step;
    }
    window.divisor *= counted_taps<A>(axis, at[i], pool.shape.count_include_pad);
    step *= axis.size;
  }
  return window;
}

template <class A, class T>
INLAY_INLINE void max_of_window(const CodeWindow<T>& window, T* y, std::int64_t channels) {
  constexpr std::int64_t block = 64;  // bytes of a cache line, in registers
  for (std::int64_t c = 0; c < channels; c += block) {
    T best[block];
    for (T& b : best) b = std::numeric_limits<T>::min();
    if (channels - c >= block) {
      window.for_each([&](const T* pixel) {
        for (std::int64_t i = 0; i < block; ++i) {
          best[i] = pixel[c + i] > best[i] ? pixel[c + i] : best[i];
        }
      });
      std::memcpy(y + c, best, block);
    } else {
      window.for_each([&](const T* pixel) {
        for (std::int64_t i = 0; i < channels - c; ++i) {
          best[i] = pixel[c + i] > best[i] ? pixel[c + i] : best[i];
        }
      });
      std::memcpy(y + c, best, static_cast<std::size_t>(channels - c));
    }
  }
}

template <class A, class T>
INLAY_INLINE void average_of_window(const CodePool& pool, const CodeWindow<T>& window, T* y) {
  using Vi = Vec<std::int32_t, A>;
  constexpr auto step = static_cast<std::int64_t>(lanes<std::int32_t, A>);
  const Vec<float, A> factor(pool.x_scale / (pool.y_scale * window.divisor));
  const Vi zeros(static_cast<std::int32_t>(window.size()) * pool.x_zero);
  for (std::int64_t c = 0; c < pool.channels; c += step) {
    const std::int64_t left = pool.channels - c < step ? pool.channels - c : step;
    const auto n = static_cast<std::size_t>(left);
    Vi sum(0);
    window.for_each([&](const T* pixel) { sum += load_codes<T, A>(pixel + c, n); });
    const auto code = round_to_codes<A>(to_floats<A>(sum - zeros) * factor) + Vi(pool.y_zero);
    store_codes<T, A>(y + c, code, n);
  }
}

}  // namespace detail

/// Lines [begin, end) of the output [batch, d, h, w, channels]; T is std::int8_t or std::uint8_t. A
/// maximum of nothing is the lowest code; no average may be over nothing.
template <class A, class T, PoolOp op>
INLAY_FLATTEN void pool_codes(const CodePool& pool, const T* x, T* y, std::int64_t begin,
                              std::int64_t end) {
  const PoolAxis* const axis = pool.shape.axis;
  const std::ptrdiff_t image = axis[0].size * axis[1].size * axis[2].size * pool.channels;
  y += begin * axis[2].out * pool.channels;
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t h = line % axis[1].out, rest = line / axis[1].out;
    for (std::ptrdiff_t w = 0; w < axis[2].out; ++w, y += pool.channels) {
      const detail::CodeWindow<T> window = detail::code_window<A, T>(
          pool, x + rest / axis[0].out * image, {rest % axis[0].out, h, w});
      if constexpr (op == PoolOp::max) {
        detail::max_of_window<A>(window, y, pool.channels);
      } else {
        detail::average_of_window<A>(pool, window, y);
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
