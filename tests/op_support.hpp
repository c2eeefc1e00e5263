// Short ways to call an operator and to check what it gives, for the tests of operators.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>

#include "support.hpp"

namespace inlay::test {

inline Attributes attributes(std::initializer_list<std::pair<std::string, Attribute>> items) {
  Attributes result;
  for (const auto& [key, value] : items) result.set(key, value);
  return result;
}
using Ints = std::vector<std::int64_t>;

/// The element as a double; NaN and infinities included.
inline double element(const Tensor& tensor, std::size_t i) {
  switch (tensor.dtype()) {
    case DType::float32:
      return tensor.as<float>()[i];
    case DType::float64:
      return tensor.as<double>()[i];
    case DType::float16:
      return tensor.as<float16>()[i];
    case DType::bfloat16:
      return tensor.as<bfloat16>()[i];
    case DType::uint8:
      return tensor.as<std::uint8_t>()[i];
    case DType::int8:
      return tensor.as<std::int8_t>()[i];
    case DType::uint16:
      return tensor.as<std::uint16_t>()[i];
    case DType::int16:
      return tensor.as<std::int16_t>()[i];
    case DType::uint32:
      return tensor.as<std::uint32_t>()[i];
    case DType::int32:
      return tensor.as<std::int32_t>()[i];
    case DType::uint64:
      return static_cast<double>(tensor.as<std::uint64_t>()[i]);
    case DType::boolean:
      return tensor.as<bool>()[i] ? 1 : 0;
    default:
      return static_cast<double>(tensor.as<std::int64_t>()[i]);
  }
}

/// The first output has the dtype, shape and elements of `expected` (each within `margin`, NaN
/// equal to NaN).
inline void check(const std::vector<Value>& outputs, const Tensor& expected, double margin = 1e-6,
                  std::size_t output = 0) {
  REQUIRE(outputs.size() > output);
  const Tensor& actual = outputs[output].tensor();
  CHECK(name(actual.dtype()) == name(expected.dtype()));
  CHECK(to_string(actual.shape()) == to_string(expected.shape()));
  if (actual.dtype() != expected.dtype() || !(actual.shape() == expected.shape())) return;
  if (bit_width(actual.dtype()) < 8) {
    CHECK(std::memcmp(actual.data(), expected.data(), actual.bytes()) == 0);
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(actual.size()); ++i) {
    INFO("element " << i);
    const double a = element(actual, i), b = element(expected, i);
    if (std::isnan(b)) {
      CHECK(std::isnan(a));
    } else if (std::isinf(b)) {
      CHECK(a == b);
    } else {
      CHECK(std::abs(a - b) <= margin);
    }
  }
}

}  // namespace inlay::test
