// From a dtype at run time to a type at compile time.
#pragma once

#include <complex>
#include <string>

#include "inlay/dtype.hpp"

namespace inlay::cli {

/// Calls f(T{}) with the C++ type of `dtype`; false, and no call, for a dtype that has none.
template <class F>
bool visit_dtype(DType dtype, F&& f) {
  const auto call = [&]<class... Ts>() {
    return ((dtype == dtype_of<Ts> && (f(Ts{}), true)) || ...);
  };
  return call
      .template operator()<float, double, float16, bfloat16, bool, std::int8_t, std::int16_t,
                           std::int32_t, std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t,
                           std::uint64_t, std::complex<float>, std::complex<double>, std::string>();
}

/// The bits of element i of a type without a C++ type (8 bits and fewer; packed low bits first).
inline unsigned element_bits(DType dtype, const void* data, std::int64_t i) {
  const int bits = bit_width(dtype);
  const std::int64_t per_byte = 8 / bits;
  const unsigned byte = static_cast<const std::uint8_t*>(data)[i / per_byte];
  return byte >> (i % per_byte * bits) & ((1u << bits) - 1);
}

}  // namespace inlay::cli
