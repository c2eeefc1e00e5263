// Function pointers of the kernels that reduce: reductions, softmax, normalizations.
#pragma once

#include <inlay/kernels/normalization.hpp>
#include <inlay/kernels/softmax.hpp>
#include <utility>

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

template <class A, std::size_t... op>
constexpr ReduceKernels make_reduce_kernels(std::index_sequence<op...>) {
  return {
      .reduce = {&kernels::reduce<A, static_cast<kernels::ReduceOp>(op)>...},
      .softmax_rows = &kernels::softmax_rows<A, false>,
      .log_softmax_rows = &kernels::softmax_rows<A, true>,
      .softmax_columns = &kernels::softmax_columns<A, false>,
      .log_softmax_columns = &kernels::softmax_columns<A, true>,
      .layer_norm = &kernels::layer_norm<A>,
      .rms_norm = &kernels::rms_norm<A>,
      .group_norm = &kernels::group_norm<A>,
      .batch_norm_coefficients = &kernels::batch_norm_coefficients<A>,
      .scale_shift = &kernels::scale_shift<A>,
  };
}

template <class A>
constexpr ReduceKernels make_reduce_kernels() {
  return make_reduce_kernels<A>(std::make_index_sequence<kernels::reduce_op_count>{});
}

}  // namespace inlay::inline v0::cpu
