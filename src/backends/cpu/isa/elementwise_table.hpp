// Function pointers of the elementwise kernels.
#pragma once

#include <inlay/kernels/binary.hpp>
#include <inlay/kernels/select.hpp>
#include <inlay/kernels/unary.hpp>
#include <tuple>
#include <utility>

#include "backends/cpu/rules.hpp"

namespace inlay::inline v0::cpu {

struct ElementwiseKernels {
  using Unary = void (*)(const float* x, float* y, std::size_t n, float alpha, float beta);
  template <class T>
  using Binary = void (*)(const T* a, const T* b, T* y, const kernels::BroadcastRows& shape);
  template <class T>
  using Select = void (*)(const bool* condition, const T* a, const T* b, T* y,
                          const kernels::SelectRow& row);

  Unary unary[kernels::unary_op_count];            ///< by kernels::UnaryOp
  Binary<float> binary[kernels::binary_op_count];  ///< by kernels::BinaryOp
  Binary<std::int32_t> binary_int32[kernels::integer_binary_op_count];
  Binary<std::int64_t> binary_int64[kernels::integer_binary_op_count];
  /// By the width of an element.
  std::tuple<Select<std::uint8_t>, Select<std::uint16_t>, Select<std::uint32_t>,
             Select<std::uint64_t>>
      select;
};

constexpr bool computes(kernels::UnaryOp op) {
  if (op == kernels::UnaryOp::clip) return is_built("", "Clip");
  if (op == kernels::UnaryOp::gelu_tanh) return is_built("", "Gelu");
  return is_needed(unary_rules, op);
}

template <class A, class T>
constexpr ElementwiseKernels::Select<T> select_kernel() {
  return is_built("", "Where") ? &kernels::select<A, T> : nullptr;
}

template <class A, std::size_t... unary, std::size_t... binary, std::size_t... integer>
constexpr ElementwiseKernels make_elementwise_kernels(std::index_sequence<unary...>,
                                                      std::index_sequence<binary...>,
                                                      std::index_sequence<integer...>) {
  using kernels::BinaryOp, kernels::UnaryOp;
  return {
      .unary = {computes(static_cast<UnaryOp>(unary))
                    ? &kernels::unary<A, static_cast<UnaryOp>(unary)>
                    : nullptr...},
      .binary = {is_needed(binary_rules, static_cast<BinaryOp>(binary))
                     ? &kernels::binary<A, static_cast<BinaryOp>(binary)>
                     : nullptr...},
      .binary_int32 =
          {is_needed(binary_rules, static_cast<BinaryOp>(integer))
               ? &kernels::binary_integer<A, std::int32_t, static_cast<BinaryOp>(integer)>
               : nullptr...},
      .binary_int64 =
          {is_needed(binary_rules, static_cast<BinaryOp>(integer))
               ? &kernels::binary_integer<A, std::int64_t, static_cast<BinaryOp>(integer)>
               : nullptr...},
      .select = {select_kernel<A, std::uint8_t>(), select_kernel<A, std::uint16_t>(),
                 select_kernel<A, std::uint32_t>(), select_kernel<A, std::uint64_t>()},
  };
}

template <class A>
constexpr ElementwiseKernels make_elementwise_kernels() {
  return make_elementwise_kernels<A>(std::make_index_sequence<kernels::unary_op_count>{},
                                     std::make_index_sequence<kernels::binary_op_count>{},
                                     std::make_index_sequence<kernels::integer_binary_op_count>{});
}

}  // namespace inlay::inline v0::cpu
