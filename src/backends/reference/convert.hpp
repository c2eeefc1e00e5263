// Conversions between numbers that C++ leaves undefined or rounds twice.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "backends/reference/dispatch.hpp"

namespace inlay::inline v0::kernels {

/// `value` without its fraction; outside T's range its nearest end; 0 for NaN.
template <class T>
T truncate(double value) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(Limits::min())) return Limits::min();
  if (value >= static_cast<double>(Limits::max())) return Limits::max();
  return static_cast<T>(value);
}

/// `value` as a float that a second rounding to 16 bits cannot tell from the double itself: an
/// inexact result gets an odd last bit (Boldo and Melquiond, "Emulation of FMA and correctly
/// rounded sums", 2008).
inline float round_to_odd(double value) {
  const auto near = static_cast<float>(value);
  if (static_cast<double>(near) == value || std::isnan(value) || std::isinf(near)) return near;
  const auto bits = std::bit_cast<std::uint32_t>(near);
  if ((bits & 1) != 0) return near;
  const bool away = std::abs(static_cast<double>(near)) > std::abs(value);
  return std::bit_cast<float>(away ? bits - 1 : bits + 1);
}

/// A T near `value`: floats are rounded to nearest even, once; integers truncated, and beyond 64
/// bits clamped, then cut to their width.
template <class T>
T from_real(double value) {
  if constexpr (is_half<T>) {
    return T(round_to_odd(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return value < 0 ? static_cast<T>(truncate<std::int64_t>(value)) : truncate<T>(value);
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(truncate<std::int64_t>(value));
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace inlay::inline v0::kernels
