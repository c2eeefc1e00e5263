// Function pointers of the 8-bit quantization kernels.
#pragma once

#include <inlay/kernels/quantize.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/quantize.hpp for the contracts.
template <class T>
struct CodeKernels {
  void (*dequantize)(const T* x, float* y, std::size_t n, float scale, std::int32_t zero_point);
  void (*quantize)(const float* x, T* y, std::size_t n, float scale, std::int32_t zero_point);
  void (*requantize)(const float* x, T* y, std::size_t n, float factor, std::int32_t zero_point);
};

struct QuantizeKernels {
  CodeKernels<std::int8_t> int8;
  CodeKernels<std::uint8_t> uint8;
};

template <class A, class T>
constexpr CodeKernels<T> make_code_kernels() {
  return {.dequantize = &kernels::dequantize_codes<A, T>,
          .quantize = &kernels::quantize_codes<A, T>,
          .requantize = &kernels::requantize_codes<A, T>};
}

template <class A>
constexpr QuantizeKernels make_quantize_kernels() {
  if (!is_any_built({"QuantizeLinear", "DequantizeLinear"}) &&
      !is_built("com.microsoft", "QLinearAdd") && !is_built("com.microsoft", "QLinearMul")) {
    return {};
  }
  return {.int8 = make_code_kernels<A, std::int8_t>(),
          .uint8 = make_code_kernels<A, std::uint8_t>()};
}

}  // namespace inlay::inline v0::cpu
