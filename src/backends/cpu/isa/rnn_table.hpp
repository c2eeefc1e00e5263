// Function pointers of the recurrent kernels.
#pragma once

#include <inlay/kernels/rnn.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

struct RnnKernels {
  std::size_t (*blocks)(std::size_t hidden);
  std::size_t (*packed_size)(std::size_t gates, std::size_t hidden);
  void (*pack)(const float* r, std::size_t gates, std::size_t hidden, float* packed);
  void (*lstm_step)(const kernels::LstmStep& step, std::size_t begin, std::size_t end);
  void (*gru_step)(const kernels::GruStep& step, std::size_t begin, std::size_t end);
  void (*gru_gates)(const kernels::GruStep& step, float* update, float* reset, std::size_t begin,
                    std::size_t end);
  void (*gru_output)(const kernels::GruStep& step, const float* update, const float* reset,
                     std::size_t begin, std::size_t end);
};

template <class A>
constexpr RnnKernels make_rnn_kernels() {
  if (!is_any_built({"LSTM", "GRU"}) && !is_built("com.microsoft", "DynamicQuantizeLSTM")) {
    return {};
  }
  return {
      .blocks = &kernels::rnn_blocks<A>,
      .packed_size = &kernels::packed_recurrent_size<A>,
      .pack = &kernels::pack_recurrent<A>,
      .lstm_step = &kernels::lstm_step<A>,
      .gru_step = &kernels::gru_step<A>,
      .gru_gates = &kernels::gru_gates<A>,
      .gru_output = &kernels::gru_output<A>,
  };
}

}  // namespace inlay::inline v0::cpu
