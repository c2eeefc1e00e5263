// What the tests of single operators share.
#pragma once

#include <catch2/catch.hpp>

#include "backends/reference/dispatch.hpp"
#include "support.hpp"

namespace inlay::test {

/// Checks dtype, shape and elements; floats to a relative 1e-5 (16-bit ones to 1e-2) or `margin`.
template <class T>
void check(const Value& value, const Shape& shape, const std::vector<T>& expected,
           double margin = 1e-6) {
  const Tensor& tensor = value.tensor();
  REQUIRE(tensor.dtype() == dtype_of<T>);
  REQUIRE(to_string(tensor.shape()) == to_string(shape));
  const auto actual = tensor.as<T>();
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i);
    if constexpr (is_floating(dtype_of<T>)) {
      const auto a = static_cast<double>(actual[i]);
      const auto b = static_cast<double>(expected[i]);
      if (std::isnan(b)) {
        CHECK(std::isnan(a));
      } else {
        CHECK(a == Approx(b).epsilon(sizeof(T) == 2 ? 1e-2 : 1e-5).margin(margin));
      }
    } else {
      CHECK(actual[i] == expected[i]);
    }
  }
}

/// The same for output number `output` of a call and everything that it should be; packed types are
/// compared byte by byte.
inline void check(const std::vector<Value>& outputs, const Tensor& expected, double margin = 1e-6,
                  std::size_t output = 0) {
  REQUIRE(outputs.size() > output);
  const Tensor& actual = outputs[output].tensor();
  REQUIRE(name(actual.dtype()) == name(expected.dtype()));
  if (bit_width(actual.dtype()) < 8) {
    REQUIRE(to_string(actual.shape()) == to_string(expected.shape()));
    CHECK(std::memcmp(actual.data(), expected.data(), actual.bytes()) == 0);
    return;
  }
  kernels::visit_dtype<kernels::Any>(expected.dtype(), [&]<class T>() {
    const auto values = expected.as<T>();
    check(outputs[output], expected.shape(), std::vector<T>(values.begin(), values.end()), margin);
  });
}

/// A tensor of T from doubles, for types that have no literals.
template <class T>
Tensor tensor(const Shape& shape, std::initializer_list<double> values) {
  Tensor result(dtype_of<T>, shape);
  std::transform(values.begin(), values.end(), result.as_mutable<T>().begin(),
                 [](double value) { return static_cast<T>(static_cast<float>(value)); });
  return result;
}

inline Tensor floats(const Shape& shape, std::initializer_list<float> values) {
  return Tensor::copy_of(values, shape);
}
inline Tensor bytes(const Shape& shape, std::initializer_list<int> values) {
  Tensor result(DType::uint8, shape);
  std::transform(values.begin(), values.end(), result.as_mutable<std::uint8_t>().begin(),
                 [](int value) { return static_cast<std::uint8_t>(value); });
  return result;
}

using Int64s = std::vector<std::int64_t>;
inline Attributes attributes(std::initializer_list<Attributes::Item> items) {
  Attributes result;
  for (const auto& [key, value] : items) result.set(key, value);
  return result;
}

/// A call with attributes written as a list.
inline Call call(std::string op, std::vector<Value> inputs,
                 std::initializer_list<Attributes::Item> items = {}, int version = 21,
                 std::size_t outputs = 1) {
  Call result{.op = std::move(op), .inputs = std::move(inputs), .attributes = attributes(items)};
  result.version = version;
  result.outputs = outputs;
  return result;
}

/// The same for an operator of com.microsoft.
inline Call microsoft_call(std::string op, std::vector<Value> inputs,
                           std::initializer_list<Attributes::Item> items = {},
                           std::size_t outputs = 1) {
  Call result = call(std::move(op), std::move(inputs), items, 1, outputs);
  result.domain = "com.microsoft";
  return result;
}

/// Numbers between -1.25 and 1.25 that look as if drawn: ((7 i + 3 seed) mod 11 - 5) / 4.
inline Tensor pattern(const Shape& shape, std::int64_t seed = 0) {
  Tensor result(DType::float32, shape);
  std::int64_t i = 0;
  for (float& value : result.as_mutable<float>()) {
    value = static_cast<float>((7 * i++ + 3 * seed) % 11 - 5) / 4;
  }
  return result;
}
/// The same tensor with f(element) for each.
template <class F>
Tensor mapped(Tensor tensor, F&& f) {
  for (float& value : tensor.as_mutable<float>()) value = f(value);
  return tensor;
}

}  // namespace inlay::test
