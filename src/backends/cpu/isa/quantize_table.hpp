// Function pointers of the 8-bit quantization kernels.
#pragma once

#include <inlay/kernels/code_binary.hpp>
#include <inlay/kernels/code_pool.hpp>
#include <inlay/kernels/code_range.hpp>
#include <inlay/kernels/quantize.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// See inlay/kernels/quantize.hpp and code_*.hpp for the contracts.
template <class T>
struct CodeKernels {
  void (*dequantize)(const T* x, float* y, std::size_t n, float scale, std::int32_t zero_point);
  void (*quantize)(const float* x, T* y, std::size_t n, float scale, std::int32_t zero_point);
  using Binary = void (*)(const T* a, const T* b, T* y, const kernels::BroadcastRows& rows,
                          const kernels::CodeBinary& by);
  Binary add, mul;
  using Pool = void (*)(const kernels::CodePool& pool, const T* x, T* y, std::int64_t begin,
                        std::int64_t end);
  Pool max_pool, average_pool;
};

struct QuantizeKernels {
  CodeKernels<std::int8_t> int8;
  CodeKernels<std::uint8_t> uint8;
  kernels::NumberRange (*range)(const float* x, std::size_t n);
};

template <class A, class T>
constexpr CodeKernels<T> make_code_kernels() {
  CodeKernels<T> table{};
  table.dequantize = &kernels::dequantize_codes<A, T>;
  table.quantize = &kernels::quantize_codes<A, T>;
  if (is_any_built_of_microsoft({"QLinearAdd"})) table.add = &kernels::binary_codes<A, T, true>;
  if (is_any_built_of_microsoft({"QLinearMul"})) table.mul = &kernels::binary_codes<A, T, false>;
  if (is_any_built_of_microsoft({"NhwcMaxPool"})) {
    table.max_pool = &kernels::pool_codes<A, T, kernels::PoolOp::max>;
  }
  if (is_any_built_of_microsoft({"QLinearAveragePool", "QLinearGlobalAveragePool"})) {
    table.average_pool = &kernels::pool_codes<A, T, kernels::PoolOp::average>;
  }
  return table;
}

/// Whether an operator chooses codes for what comes in.
inline constexpr bool has_dynamic_codes = is_built("", "DynamicQuantizeLinear") ||
                                          is_built("com.microsoft", "DynamicQuantizeMatMul") ||
                                          is_built("inlay", "DynamicQuantizeMatMul");

template <class A>
constexpr QuantizeKernels make_quantize_kernels() {
  if (!has_dynamic_codes && !is_any_built({"QuantizeLinear", "DequantizeLinear"}) &&
      !is_any_built_of_microsoft({"QLinearAdd", "QLinearMul", "NhwcMaxPool", "QLinearAveragePool",
                                  "QLinearGlobalAveragePool"})) {
    return {};
  }
  return {.int8 = make_code_kernels<A, std::int8_t>(),
          .uint8 = make_code_kernels<A, std::uint8_t>(),
          .range = has_dynamic_codes ? &kernels::range_with_zero<A> : nullptr};
}

}  // namespace inlay::inline v0::cpu
