// Element types of tensors, numbered as ONNX's TensorProto.DataType.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

enum class DType : std::uint8_t {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  complex64 = 14,
  complex128 = 15,
  bfloat16 = 16,
  float8e4m3fn = 17,
  float8e4m3fnuz = 18,
  float8e5m2 = 19,
  float8e5m2fnuz = 20,
  uint4 = 21,
  int4 = 22,
  float4e2m1 = 23,
  float8e8m0 = 24,
  uint2 = 25,
  int2 = 26,
};

/// The type's name as written above; "undefined" for a number outside the list.
INLAY_API std::string_view name(DType dtype) noexcept;
/// The type of that name; DType::undefined if there is none.
INLAY_API DType dtype_from_name(std::string_view name) noexcept;

/// Bits of one element: 4 and 2 for the packed types, 8*sizeof(std::string) for string, 0 for
/// undefined.
constexpr int bit_width(DType dtype) noexcept {
  switch (dtype) {
    case DType::uint2:
    case DType::int2:
      return 2;
    case DType::uint4:
    case DType::int4:
    case DType::float4e2m1:
      return 4;
    case DType::uint8:
    case DType::int8:
    case DType::boolean:
    case DType::float8e4m3fn:
    case DType::float8e4m3fnuz:
    case DType::float8e5m2:
    case DType::float8e5m2fnuz:
    case DType::float8e8m0:
      return 8;
    case DType::uint16:
    case DType::int16:
    case DType::float16:
    case DType::bfloat16:
      return 16;
    case DType::float32:
    case DType::int32:
    case DType::uint32:
      return 32;
    case DType::int64:
    case DType::uint64:
    case DType::float64:
    case DType::complex64:
      return 64;
    case DType::complex128:
      return 128;
    case DType::string:
      return 8 * sizeof(std::string);
    case DType::undefined:
      break;
  }
  return 0;
}

constexpr bool is_integer(DType d) noexcept {
  return (d >= DType::uint8 && d <= DType::int64) || d == DType::uint32 || d == DType::uint64 ||
         d == DType::uint4 || d == DType::int4 || d == DType::uint2 || d == DType::int2;
}
constexpr bool is_floating(DType d) noexcept {
  return d == DType::float32 || d == DType::float64 || d == DType::float16 || d == DType::bfloat16;
}

/// A set of dtypes.
class DTypeSet {
 public:
  constexpr DTypeSet() noexcept = default;
  constexpr DTypeSet(DType one) noexcept  // NOLINT: a dtype is a set of one
      : bits_(std::uint32_t{1} << static_cast<unsigned>(one)) {}
  constexpr DTypeSet(std::initializer_list<DTypeSet> sets) noexcept {
    for (const DTypeSet set : sets) bits_ |= set.bits_;
  }

  constexpr bool contains(DType dtype) const noexcept {
    return (bits_ & DTypeSet(dtype).bits_) != 0;
  }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  friend constexpr DTypeSet operator|(DTypeSet a, DTypeSet b) noexcept { return {a, b}; }
  friend constexpr bool operator==(DTypeSet a, DTypeSet b) noexcept = default;

 private:
  std::uint32_t bits_ = 0;  // 1 << dtype
};

/// The sets that operators are made of.
namespace dtypes {
inline constexpr DTypeSet floats{DType::float16, DType::bfloat16, DType::float32, DType::float64};
inline constexpr DTypeSet signed_integers{DType::int8, DType::int16, DType::int32, DType::int64};
inline constexpr DTypeSet unsigned_integers{DType::uint8, DType::uint16, DType::uint32,
                                            DType::uint64};
inline constexpr DTypeSet integers = signed_integers | unsigned_integers;
inline constexpr DTypeSet signed_numbers = floats | signed_integers;
inline constexpr DTypeSet numbers = floats | integers;
inline constexpr DTypeSet eight_bit_integers{DType::int8, DType::uint8};
inline constexpr DTypeSet indices{DType::int32, DType::int64};
inline constexpr DTypeSet boolean{DType::boolean};
inline constexpr DTypeSet string{DType::string};
inline constexpr DTypeSet complex{DType::complex64, DType::complex128};
inline constexpr DTypeSet float8{DType::float8e4m3fn, DType::float8e4m3fnuz, DType::float8e5m2,
                                 DType::float8e5m2fnuz};
inline constexpr DTypeSet packed{DType::uint4, DType::int4, DType::uint2, DType::int2,
                                 DType::float4e2m1};
inline constexpr DTypeSet any =
    numbers | boolean | string | complex | float8 | packed | DTypeSet(DType::float8e8m0);
}  // namespace dtypes

/// IEEE 754 binary16, stored; arithmetic goes through float (round to nearest even).
struct float16 {
  std::uint16_t bits = 0;

  constexpr float16() = default;
  explicit constexpr float16(float value) noexcept : bits(from_float(value)) {}
  constexpr operator float() const noexcept {  // NOLINT: reads like a number
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1Fu;
    const std::uint32_t mantissa = bits & 0x3FFu;
    if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000u | (mantissa << 13));
    if (exponent != 0) {
      return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
    }
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  static constexpr float16 from_bits(std::uint16_t bits) noexcept {
    float16 value;
    value.bits = bits;
    return value;
  }

 private:
  static constexpr std::uint16_t from_float(float value) noexcept {
    const std::uint32_t x = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (x >> 16) & 0x8000u;
    const std::uint32_t magnitude = x & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) return static_cast<std::uint16_t>(sign | 0x7E00u);
    if (magnitude >= 0x477FF000u) return static_cast<std::uint16_t>(sign | 0x7C00u);
    if (magnitude < 0x38800000u) {  // subnormal: adding 0.5 lets the FPU round to 2^-24 steps
      const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
      return static_cast<std::uint16_t>(sign |
                                        (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000u));
    }
    const std::uint32_t odd = (magnitude >> 13) & 1u;
    return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xFFFu + odd) >> 13));
  }
};

/// The upper half of a binary32 (Google Brain float), round to nearest even.
struct bfloat16 {
  std::uint16_t bits = 0;

  constexpr bfloat16() = default;
  explicit constexpr bfloat16(float value) noexcept {
    const std::uint32_t x = std::bit_cast<std::uint32_t>(value);
    if ((x & 0x7FFFFFFFu) > 0x7F800000u) {
      bits = static_cast<std::uint16_t>((x >> 16) | 0x40u);
    } else {
      bits = static_cast<std::uint16_t>((x + 0x7FFFu + ((x >> 16) & 1u)) >> 16);
    }
  }
  constexpr operator float() const noexcept {  // NOLINT: reads like a number
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
  static constexpr bfloat16 from_bits(std::uint16_t bits) noexcept {
    bfloat16 value;
    value.bits = bits;
    return value;
  }
};

/// std::complex<Part>, told by what it has: <complex> is costly to include.
template <class T, class Part>
concept ComplexOf = std::is_same_v<decltype(T().real() + T().imag()), Part>;

/// The DType of a C++ type; a type without one does not compile.
template <class T>
inline constexpr DType dtype_of = T::no_tensor_element_type;
template <>
inline constexpr DType dtype_of<float> = DType::float32;
template <>
inline constexpr DType dtype_of<double> = DType::float64;
template <>
inline constexpr DType dtype_of<float16> = DType::float16;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bfloat16;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::uint8;
template <>
inline constexpr DType dtype_of<std::int8_t> = DType::int8;
template <>
inline constexpr DType dtype_of<std::uint16_t> = DType::uint16;
template <>
inline constexpr DType dtype_of<std::int16_t> = DType::int16;
template <>
inline constexpr DType dtype_of<std::uint32_t> = DType::uint32;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::int32;
template <>
inline constexpr DType dtype_of<std::uint64_t> = DType::uint64;
template <>
inline constexpr DType dtype_of<std::int64_t> = DType::int64;
template <ComplexOf<float> T>
inline constexpr DType dtype_of<T> = DType::complex64;
template <ComplexOf<double> T>
inline constexpr DType dtype_of<T> = DType::complex128;
template <>
inline constexpr DType dtype_of<std::string> = DType::string;

}  // namespace inlay::inline v0
