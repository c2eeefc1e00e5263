// Function pointers of the kernels that reduce: reductions, softmax, normalizations.
#pragma once

#include <inlay/kernels/normalization.hpp>
#include <inlay/kernels/softmax.hpp>
#include <utility>

#include "backends/cpu/rules.hpp"

namespace inlay::inline v0::cpu {

struct ReduceKernels {
  using Reduce = void (*)(const float* x, float* y, const kernels::ReduceShape& shape,
                          std::size_t begin, std::size_t end);
  using Rows = void (*)(const float* x, float* y, std::size_t rows, std::size_t n);

  Reduce reduce[kernels::reduce_op_count];  ///< by kernels::ReduceOp
  Rows softmax_rows, log_softmax_rows;
  Reduce softmax_columns, log_softmax_columns;
  void (*layer_norm)(const float* x, const float* scale, const float* bias, float* y,
                     std::size_t rows, std::size_t n, float epsilon, float* mean,
                     float* inverse_deviation);
  void (*rms_norm)(const float* x, const float* scale, float* y, std::size_t rows, std::size_t n,
                   float epsilon);
  void (*group_norm)(const float* x, const float* scale, const float* bias, float* y,
                     const kernels::GroupShape& shape, std::size_t begin, std::size_t end,
                     float epsilon);
  void (*batch_norm_coefficients)(const float* gamma, const float* beta, const float* mean,
                                  const float* variance, float epsilon, std::size_t channels,
                                  float* factor, float* shift);
  void (*scale_shift)(const float* x, const float* factor, const float* shift, float* y,
                      std::size_t channels, std::size_t spatial, std::size_t begin,
                      std::size_t end);
};

constexpr bool reduces(kernels::ReduceOp op) {
  return is_needed(reduce_rules, op) ||
         (op == kernels::ReduceOp::mean && is_built("", "GlobalAveragePool")) ||
         (op == kernels::ReduceOp::max && is_built("", "GlobalMaxPool"));
}

template <class A, std::size_t... op>
constexpr ReduceKernels make_reduce_kernels(std::index_sequence<op...>) {
  constexpr bool softmax = is_built("", "Softmax"), log_softmax = is_built("", "LogSoftmax");
  constexpr bool group_norm = is_any_built({"GroupNormalization", "InstanceNormalization"});
  constexpr bool batch_norm = is_built("", "BatchNormalization");
  return {
      .reduce = {reduces(static_cast<kernels::ReduceOp>(op))
                     ? &kernels::reduce<A, static_cast<kernels::ReduceOp>(op)>
                     : nullptr...},
      .softmax_rows = softmax ? &kernels::softmax_rows<A, false> : nullptr,
      .log_softmax_rows = log_softmax ? &kernels::softmax_rows<A, true> : nullptr,
      .softmax_columns = softmax ? &kernels::softmax_columns<A, false> : nullptr,
      .log_softmax_columns = log_softmax ? &kernels::softmax_columns<A, true> : nullptr,
      .layer_norm = is_built("", "LayerNormalization") ? &kernels::layer_norm<A> : nullptr,
      .rms_norm = is_built("", "RMSNormalization") ? &kernels::rms_norm<A> : nullptr,
      .group_norm = group_norm ? &kernels::group_norm<A> : nullptr,
      .batch_norm_coefficients = batch_norm ? &kernels::batch_norm_coefficients<A> : nullptr,
      .scale_shift = batch_norm ? &kernels::scale_shift<A> : nullptr,
  };
}

template <class A>
constexpr ReduceKernels make_reduce_kernels() {
  return make_reduce_kernels<A>(std::make_index_sequence<kernels::reduce_op_count>{});
}

}  // namespace inlay::inline v0::cpu
