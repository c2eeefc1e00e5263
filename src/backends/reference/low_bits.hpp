// Elements of 8 bits and less that C++ has no type for: float8, float4, and packed 4- and 2-bit
// integers. Formats: OCP 8-bit floating point, OCP microscaling (MX), and ONNX's FNUZ variants.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "inlay/dtype.hpp"
#include "inlay/error.hpp"

namespace inlay::inline v0::kernels {

/// Whether elements of the type lie in the low bits of bytes that they share.
constexpr bool is_packed(DType dtype) noexcept {
  return bit_width(dtype) > 0 && bit_width(dtype) < 8;
}

/// Element i of an array of `bits`-bit codes (8, 4 or 2), low bits first.
inline std::uint8_t get_code(const void* data, int bits, std::int64_t i) {
  const std::int64_t bit = i * bits;
  const std::uint8_t byte = static_cast<const std::uint8_t*>(data)[bit / 8];
  return static_cast<std::uint8_t>((byte >> (bit % 8)) & ((1 << bits) - 1));
}
/// Leaves the byte's other elements alone, so not for threads that share a byte.
inline void set_code(void* data, int bits, std::int64_t i, std::uint8_t code) {
  const std::int64_t bit = i * bits;
  std::uint8_t& byte = static_cast<std::uint8_t*>(data)[bit / 8];
  const int mask = ((1 << bits) - 1) << (bit % 8);
  byte = static_cast<std::uint8_t>((byte & ~mask) | ((code << (bit % 8)) & mask));
}

/// Zeroes the bits behind the last of `count` packed elements, which belong to none.
inline void clear_tail(DType dtype, void* data, std::int64_t count) {
  const int bits = bit_width(dtype);
  for (std::int64_t i = count; i * bits % 8 != 0; ++i) set_code(data, bits, i, 0);
}

/// The layout of a small float: a sign, `exponent` bits, `mantissa` bits.
struct SmallFloat {
  int exponent;
  int mantissa;
  int bias;
  std::uint8_t max;       ///< code of the largest finite number
  std::uint8_t infinity;  ///< 0: there is none
  std::uint8_t nan;       ///< 0: there is none
  bool fnuz;              ///< no negative zero: its code is the NaN

  std::uint8_t sign() const { return static_cast<std::uint8_t>(1 << (exponent + mantissa)); }
};

/// Errors: type_mismatch for any other type.
inline SmallFloat small_float(DType dtype) {
  switch (dtype) {
    case DType::float8e4m3fn:
      return {4, 3, 7, 0x7E, 0, 0x7F, false};
    case DType::float8e4m3fnuz:
      return {4, 3, 8, 0x7F, 0, 0x80, true};
    case DType::float8e5m2:
      return {5, 2, 15, 0x7B, 0x7C, 0x7E, false};
    case DType::float8e5m2fnuz:
      return {5, 2, 16, 0x7F, 0, 0x80, true};
    case DType::float4e2m1:
      return {2, 1, 1, 0x7, 0, 0, false};
    default:
      throw Error(ErrorCode::type_mismatch,
                  std::string(name(dtype)) + " is not a float of 8 bits or less");
  }
}

inline double decode(const SmallFloat& format, std::uint8_t code) {
  const int magnitude = code & (format.sign() - 1);
  const double sign = (code & format.sign()) != 0 ? -1 : 1;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (format.fnuz && code == format.nan) return nan;
  if (magnitude > format.max) {
    const bool infinite = format.infinity != 0 && magnitude == format.infinity;
    return infinite ? sign * std::numeric_limits<double>::infinity() : nan;
  }
  const int exponent = magnitude >> format.mantissa;
  const int fraction = magnitude & ((1 << format.mantissa) - 1);
  const int significand = exponent == 0 ? fraction : fraction | (1 << format.mantissa);
  return sign * std::ldexp(significand, std::max(exponent, 1) - format.bias - format.mantissa);
}

/// Rounds to nearest even. Beyond the largest number, infinities included: that number when
/// `saturate`, else infinity or NaN, whichever the format has (ONNX's Cast tables).
inline std::uint8_t encode(const SmallFloat& format, double value, bool saturate) {
  const std::uint8_t sign = std::signbit(value) ? format.sign() : std::uint8_t{0};
  if (std::isnan(value)) {
    if (format.nan == 0) return format.sign();
    return format.fnuz ? format.nan : static_cast<std::uint8_t>(format.nan | sign);
  }
  const double magnitude = std::abs(value);
  int code = format.max + 1;
  if (!std::isinf(value)) {
    const int lowest = 1 - format.bias;
    const int exponent = magnitude == 0 ? lowest : std::max(std::ilogb(magnitude), lowest);
    const double steps = std::nearbyint(std::ldexp(magnitude, format.mantissa - exponent));
    const std::int64_t wide =
        (std::int64_t{exponent - lowest} << format.mantissa) + static_cast<std::int64_t>(steps);
    code = static_cast<int>(std::min<std::int64_t>(wide, code));
  }
  if (code > format.max) {
    if (saturate || (format.infinity == 0 && format.nan == 0)) {
      code = format.max;
    } else if (format.infinity != 0) {
      code = format.infinity;
    } else {
      code = format.nan;
    }
  }
  if (format.fnuz && (code == 0 || code == format.nan)) return static_cast<std::uint8_t>(code);
  return static_cast<std::uint8_t>(code | sign);
}

enum class RoundMode { up, down, nearest };

/// A power of two, 2^(code - 127); code 255 is NaN.
inline double decode_e8m0(std::uint8_t code) {
  if (code == 0xFF) return std::numeric_limits<double>::quiet_NaN();
  return std::ldexp(1.0, code - 127);
}
inline std::uint8_t encode_e8m0(double value, bool saturate, RoundMode round) {
  constexpr std::uint8_t nan = 0xFF;
  if (std::isnan(value) || value < 0) return nan;
  int exponent = -128;
  if (std::isinf(value)) {
    exponent = 255;
  } else if (value > 0) {
    exponent = std::ilogb(value);
    const double significand = std::ldexp(value, -exponent);
    if (round == RoundMode::up && significand > 1) ++exponent;
    if (round == RoundMode::nearest && significand >= 1.5) ++exponent;
  }
  if (exponent < -127) return saturate ? 0 : nan;
  if (exponent > 127) return saturate ? 0xFE : nan;
  return static_cast<std::uint8_t>(exponent + 127);
}

constexpr bool is_small_float(DType dtype) noexcept {
  return dtype >= DType::float8e4m3fn && dtype <= DType::float8e8m0 && dtype != DType::uint4 &&
         dtype != DType::int4;
}
constexpr bool is_small_integer(DType dtype) noexcept {
  return is_packed(dtype) && is_integer(dtype);
}
/// Smallest and largest value of a 2- or 4-bit integer type.
constexpr std::int64_t small_min(DType dtype) noexcept {
  return dtype == DType::int4 ? -8 : dtype == DType::int2 ? -2 : 0;
}
constexpr std::int64_t small_max(DType dtype) noexcept {
  return small_min(dtype) + (1 << bit_width(dtype)) - 1;
}

/// Element i of a small float tensor.
inline double get_small_float(DType dtype, const void* data, std::int64_t i) {
  const std::uint8_t code = get_code(data, bit_width(dtype), i);
  return dtype == DType::float8e8m0 ? decode_e8m0(code) : decode(small_float(dtype), code);
}
/// Element i of a 2- or 4-bit integer tensor.
inline std::int64_t get_small_integer(DType dtype, const void* data, std::int64_t i) {
  const std::int64_t code = get_code(data, bit_width(dtype), i);
  return code > small_max(dtype) ? code - (1 << bit_width(dtype)) : code;
}

inline void set_small_float(DType dtype, void* data, std::int64_t i, double value,
                            bool saturate = true, RoundMode round = RoundMode::up) {
  const std::uint8_t code = dtype == DType::float8e8m0
                                ? encode_e8m0(value, saturate, round)
                                : encode(small_float(dtype), value, saturate);
  set_code(data, bit_width(dtype), i, code);
}
/// Drops the bits that do not fit, as casts between integers do.
inline void set_small_integer(DType dtype, void* data, std::int64_t i, std::int64_t value) {
  set_code(data, bit_width(dtype), i, static_cast<std::uint8_t>(value & 0xFF));
}
/// Clamps to the type's range, as quantization does.
inline void set_small_integer_saturated(DType dtype, void* data, std::int64_t i,
                                        std::int64_t value) {
  set_small_integer(dtype, data, i, std::clamp(value, small_min(dtype), small_max(dtype)));
}

}  // namespace inlay::inline v0::kernels
