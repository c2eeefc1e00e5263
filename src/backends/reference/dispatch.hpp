// From a dtype known at run time to a C++ type: visit_dtype and the groups of types it chooses
// from.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "inlay/tensor.hpp"

namespace inlay::inline v0::kernels {

template <class... Ts>
struct Types {};

namespace detail {
template <class...>
struct Concat;
template <class... As>
struct Concat<Types<As...>> {
  using type = Types<As...>;
};
template <class... As, class... Bs, class... Rest>
struct Concat<Types<As...>, Types<Bs...>, Rest...> {
  using type = typename Concat<Types<As..., Bs...>, Rest...>::type;
};
}  // namespace detail

/// The types of several groups.
template <class... Groups>
using Union = typename detail::Concat<Groups...>::type;

using Floats = Types<float, double, float16, bfloat16>;
using SignedIntegers = Types<std::int8_t, std::int16_t, std::int32_t, std::int64_t>;
using UnsignedIntegers = Types<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;
using Integers = Union<SignedIntegers, UnsignedIntegers>;
using SignedNumbers = Union<Floats, SignedIntegers>;
using Numbers = Union<Floats, Integers>;
using Complex = Types<std::complex<float>, std::complex<double>>;
using Indices = Types<std::int32_t, std::int64_t>;
using Any = Union<Numbers, Types<bool>, Complex, Types<std::string>>;

template <class T>
inline constexpr bool is_half = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;
template <class T>
inline constexpr bool is_float = std::is_floating_point_v<T> || is_half<T>;

/// The type that arithmetic on T is done in: float for the 16-bit floats, else T.
template <class T>
using compute_t = std::conditional_t<is_half<T>, float, T>;

namespace detail {
template <class T>
struct Accumulate {
  using type = std::conditional_t<is_float<T>, double, T>;
};
}  // namespace detail
/// The type that sums of T are kept in: double for floats; integers wrap around, as in numpy.
template <class T>
using accumulate_t = typename detail::Accumulate<T>::type;

/// Calls f.template operator()<T>() for the T of the group whose dtype it is.
/// Errors: type_mismatch when the group has none.
template <class... Ts, class F>
void visit_dtype(Types<Ts...>, DType dtype, F&& f) {
  const bool found = ((dtype == dtype_of<Ts> ? (f.template operator()<Ts>(), true) : false) || ...);
  if (!found) {
    throw Error(ErrorCode::type_mismatch,
                "the operator does not take elements of type " + std::string(name(dtype)));
  }
}
template <class Group, class F>
void visit_dtype(DType dtype, F&& f) {
  visit_dtype(Group{}, dtype, std::forward<F>(f));
}

/// An element that is only moved, whatever its type: bytes may stand for any object.
template <std::size_t size>
struct Bytes {
  std::byte bytes[size];
};

/// Calls f.template operator()<T>() with a T that holds one element and can be copied: std::string
/// or Bytes of the element's size. Errors: type_mismatch for the packed 2- and 4-bit types.
template <class F>
void visit_storage(DType dtype, F&& f) {
  if (dtype == DType::string) return f.template operator()<std::string>();
  switch (bit_width(dtype)) {
    case 8:
      return f.template operator()<Bytes<1>>();
    case 16:
      return f.template operator()<Bytes<2>>();
    case 32:
      return f.template operator()<Bytes<4>>();
    case 64:
      return f.template operator()<Bytes<8>>();
    case 128:
      return f.template operator()<Bytes<16>>();
    default:
      throw Error(ErrorCode::type_mismatch,
                  "the operator does not take elements of type " + std::string(name(dtype)));
  }
}

}  // namespace inlay::inline v0::kernels
