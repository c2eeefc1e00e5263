// Between f32 and 8-bit codes of linear quantization, real = (code - zero point) * scale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <inlay/kernels/inline.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// y[i] = f(x[i], i), in blocks of a size that compilers know and turn into vector code.
template <class A, class From, class To, class F>
INLAY_INLINE void map_blocks(const From* INLAY_RESTRICT x, To* INLAY_RESTRICT y, std::size_t n,
                             F f) {
  constexpr std::size_t block = 64;
  std::size_t i = 0;
  for (; i + block <= n; i += block) {
    for (std::size_t j = 0; j < block; ++j) y[i + j] = f(x[i + j], i + j);
  }
  for (; i < n; ++i) y[i] = f(x[i], i);
}

/// `value` rounded to the nearest integer, ties to even, plus the zero point, within T's range.
template <class T>
INLAY_INLINE T code_of(float value, std::int32_t zero_point) {
  constexpr float beyond = 1024.0f;        // is out of range with any zero point
  constexpr float integers = 12582912.0f;  // 1.5 * 2^23: adding it leaves no fraction
  constexpr std::int32_t low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  value = value > -beyond ? value : -beyond;  // NaN, too
  value = value < beyond ? value : beyond;
  const std::int32_t code = static_cast<std::int32_t>((value + integers) - integers) + zero_point;
  return static_cast<T>(code < low ? low : code > high ? high : code);
}

}  // namespace detail

/// y[i] = (x[i] - zero_point) * scale; T is std::int8_t or std::uint8_t, as below.
template <class A, class T>
INLAY_FLATTEN void dequantize_codes(const T* x, float* y, std::size_t n, float scale,
                                    std::int32_t zero_point) {
  detail::map_blocks<A>(x, y, n, [&](T code, std::size_t) {
    return static_cast<float>(static_cast<std::int32_t>(code) - zero_point) * scale;
  });
}

/// y[i] = the code of x[i] / scale.
template <class A, class T>
INLAY_FLATTEN void quantize_codes(const float* x, T* y, std::size_t n, float scale,
                                  std::int32_t zero_point) {
  detail::map_blocks<A>(x, y, n, [&](float value, std::size_t) {
    return detail::code_of<T>(value / scale, zero_point);
  });
}

}  // namespace inlay::inline v0::kernels
