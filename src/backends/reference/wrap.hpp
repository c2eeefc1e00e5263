// Arithmetic that is defined for every value: integers wrap around (two's complement), as in numpy.
#pragma once

#include <type_traits>

namespace inlay::inline v0::kernels {

namespace detail {
/// The unsigned type that T's arithmetic is done in: at least unsigned, so that the 16-bit types do
/// not become int and overflow.
template <class T>
using Modular = std::common_type_t<std::make_unsigned_t<T>, unsigned>;

template <class T, class F>
constexpr T modular(T a, T b, F f) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(f(static_cast<Modular<T>>(a), static_cast<Modular<T>>(b)));
  } else {
    return f(a, b);
  }
}
}  // namespace detail

template <class T>
constexpr T wrap_add(T a, T b) {
  return detail::modular(a, b, [](auto x, auto y) { return x + y; });
}
template <class T>
constexpr T wrap_sub(T a, T b) {
  return detail::modular(a, b, [](auto x, auto y) { return x - y; });
}
template <class T>
constexpr T wrap_mul(T a, T b) {
  return detail::modular(a, b, [](auto x, auto y) { return x * y; });
}

}  // namespace inlay::inline v0::kernels
