#include "inlay/dtype.hpp"

#include <array>

namespace inlay::inline v0 {
namespace {

constexpr std::array<std::string_view, 27> names = {
    "undefined",      "float32",  "uint8",        "int8",           "uint16",
    "int16",          "int32",    "int64",        "string",         "boolean",
    "float16",        "float64",  "uint32",       "uint64",         "complex64",
    "complex128",     "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
    "float8e5m2fnuz", "uint4",    "int4",         "float4e2m1",     "float8e8m0",
    "uint2",          "int2"};

}  // namespace

std::string_view name(DType dtype) noexcept {
  const auto index = static_cast<std::size_t>(dtype);
  return index < names.size() ? names[index] : names[0];
}

DType dtype_from_name(std::string_view text) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<DType>(i);
  }
  return DType::undefined;
}

}  // namespace inlay::inline v0
