// One time step of LSTM (Hochreiter and Schmidhuber 1997) and GRU (Cho et al. 2014) layers.
//
// The caller computes X W^T + Wb (+ Rb) for all steps with one matrix product; a step adds the
// recurrent product, applies the activations and writes the new state, for a range of blocks of
// hidden units. A block is one register wide and independent of the others, so threads split
// blocks. Gates follow ONNX's order: i o f c for LSTM, z r h for GRU. Activations are ONNX's
// defaults.
#pragma once

#include <inlay/kernels/math.hpp>

namespace inlay::inline v0::kernels {

/// Blocks of hidden units.
template <class A>
INLAY_INLINE constexpr std::size_t rnn_blocks(std::size_t hidden) {
  return (hidden + lanes<float, A> - 1) / lanes<float, A>;
}

/// Floats that pack_recurrent writes.
template <class A>
constexpr std::size_t packed_recurrent_size(std::size_t gates, std::size_t hidden) {
  return rnn_blocks<A>(hidden) * gates * hidden * lanes<float, A>;
}

/// Packs ONNX's R, (gates * hidden) x hidden, as [block][k][gate][lane]: a step reads it in order.
template <class A>
INLAY_FLATTEN void pack_recurrent(const float* r, std::size_t gates, std::size_t hidden,
                                  float* packed) {
  for (std::size_t block = 0; block < rnn_blocks<A>(hidden); ++block) {
    for (std::size_t k = 0; k < hidden; ++k) {
      for (std::size_t gate = 0; gate < gates; ++gate) {
        for (std::size_t lane = 0; lane < lanes<float, A>; ++lane) {
          const std::size_t unit = block * lanes<float, A> + lane;
          *packed++ = unit < hidden ? r[(gate * hidden + unit) * hidden + k] : 0.0f;
        }
      }
    }
  }
}

/// What every step function takes. Rows are sequences of the batch; strides count floats.
struct RnnStep {
  std::size_t rows;
  std::size_t hidden;
  const float* gates;  ///< rows x (gates * hidden) of X W^T plus biases
  std::size_t gates_stride;
  const float* packed;     ///< from pack_recurrent; LSTM: null where `gates` has the product
  const float* hidden_in;  ///< rows x hidden; must not overlap hidden_out
  float* hidden_out;       ///< rows x hidden
  float clip = 0.0f;       ///< activations' inputs are clamped to [-clip, clip]; 0: not
};

/// `cell` is rows x hidden and updated in place. The peepholes (i o f, each of `hidden` weights)
/// may be null.
struct LstmStep : RnnStep {
  float* cell = nullptr;
  const float* peepholes = nullptr;
};

/// `recurrent_bias` (hidden values, or null) is Rb of the h gate where linear_before_reset is set;
/// otherwise it belongs into `gates`.
struct GruStep : RnnStep {
  const float* recurrent_bias = nullptr;
};

namespace detail {

/// Some hidden units: the first `count` lanes of a register, starting at unit `first`.
template <class A>
struct Units {
  std::size_t first;
  std::size_t count;

  INLAY_INLINE Vec<float, A> load(const float* row) const {
    return count == lanes<float, A> ? kernels::load<float, A>(row + first)
                                    : load_first<float, A>(row + first, count);
  }
  INLAY_INLINE void store(float* row, const Vec<float, A>& v) const {
    if (count == lanes<float, A>) {
      kernels::store<float, A>(row + first, v);
    } else {
      store_first<float, A>(row + first, v, count);
    }
  }
};

/// sum[row][gate] += state[row][k] * packed[k][gate]. Few sums are split by k % chains, so that
/// there are enough to hide the latency of adding.
template <std::size_t gates, std::size_t rows, class A>
INLAY_INLINE void add_recurrent(const float* packed, const float* state, std::size_t hidden,
                                Vec<float, A> (&sum)[rows][gates]) {
  using F = Vec<float, A>;
  constexpr std::size_t width = lanes<float, A>;
  constexpr std::size_t chains = rows * gates >= 6 ? 1 : rows * gates >= 3 ? 2 : 4;
  F parts[chains][rows][gates];
  for (auto& part : parts) {
    for (auto& row : part) {
      for (F& value : row) value = F(0.0f);
    }
  }
  const auto step = [&](std::size_t k, F(&part)[rows][gates]) {
    F weights[gates];
    for (std::size_t g = 0; g < gates; ++g) weights[g] = load<float, A>(packed + g * width);
    packed += gates * width;
    for (std::size_t row = 0; row < rows; ++row) {
      const F h(state[row * hidden + k]);
      for (std::size_t g = 0; g < gates; ++g) part[row][g] = fma<A>(h, weights[g], part[row][g]);
    }
  };
  std::size_t k = 0;
  for (; k + chains <= hidden; k += chains) {
    unroll<static_cast<int>(chains)>([&](auto c) { step(k + c, parts[c]); });
  }
  for (; k < hidden; ++k) step(k, parts[0]);
  for (auto& part : parts) {
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t g = 0; g < gates; ++g) sum[row][g] += part[row][g];
    }
  }
}

/// Runs body(units, first row, integral_constant<rows>) over the blocks and rows; two rows at a
/// time share the packed weights they read.
template <class A, class Body>
INLAY_INLINE void for_units_and_rows(std::size_t hidden, std::size_t rows, std::size_t begin,
                                     std::size_t end, Body body) {
  for (std::size_t block = begin; block < end; ++block) {
    const std::size_t first = block * lanes<float, A>;
    const std::size_t rest = hidden - first;
    const Units<A> units{first, rest < lanes<float, A> ? rest : lanes<float, A>};
    std::size_t row = 0;
    for (; row + 2 <= rows; row += 2) {
      body(units, row, std::integral_constant<std::size_t, 2>{});
    }
    if (row < rows) body(units, row, std::integral_constant<std::size_t, 1>{});
  }
}

template <class A>
INLAY_INLINE Vec<float, A> clip_gate(const Vec<float, A>& x, float limit) {
  using F = Vec<float, A>;
  return limit > 0.0f ? clamp<A>(x, F(-limit), F(limit)) : x;
}

/// The packed weights of the block that starts at unit `first`.
template <class A>
INLAY_INLINE const float* packed_block(const RnnStep& s, std::size_t gates, std::size_t first) {
  return s.packed + first * gates * s.hidden;
}

}  // namespace detail

/// i, f, o = sigmoid(gates + h R^T + P . c), c' = f . c + i . tanh(...), h' = o . tanh(c'), for the
/// blocks [begin, end).
template <class A>
INLAY_FLATTEN void lstm_step(const LstmStep& s, std::size_t begin, std::size_t end) {
  using F = Vec<float, A>;
  const std::size_t hidden = s.hidden;
  detail::for_units_and_rows<A>(
      hidden, s.rows, begin, end, [&](auto units, std::size_t first, auto row_count) {
        constexpr std::size_t rows = decltype(row_count)::value;
        F sum[rows][4];
        for (std::size_t r = 0; r < rows; ++r) {
          for (std::size_t g = 0; g < 4; ++g) {
            sum[r][g] = units.load(s.gates + (first + r) * s.gates_stride + g * hidden);
          }
        }
        if (s.packed != nullptr) {
          detail::add_recurrent<4, rows, A>(detail::packed_block<A>(s, 4, units.first),
                                            s.hidden_in + first * hidden, hidden, sum);
        }
        for (std::size_t r = 0; r < rows; ++r) {
          float* const cell_row = s.cell + (first + r) * hidden;
          const F cell = units.load(cell_row);
          F i = sum[r][0], o = sum[r][1], f = sum[r][2];
          if (s.peepholes != nullptr) {
            i = fma<A>(units.load(s.peepholes), cell, i);
            f = fma<A>(units.load(s.peepholes + 2 * hidden), cell, f);
          }
          i = vsigmoid<A>(detail::clip_gate<A>(i, s.clip));
          f = vsigmoid<A>(detail::clip_gate<A>(f, s.clip));
          const F candidate = vtanh<A>(detail::clip_gate<A>(sum[r][3], s.clip));
          const F next = fma<A>(f, cell, F(i * candidate));
          if (s.peepholes != nullptr) o = fma<A>(units.load(s.peepholes + hidden), next, o);
          o = vsigmoid<A>(detail::clip_gate<A>(o, s.clip));
          units.store(cell_row, next);
          units.store(s.hidden_out + (first + r) * hidden,
                      F(o * vtanh<A>(detail::clip_gate<A>(next, s.clip))));
        }
      });
}

/// A GRU step with linear_before_reset: h~ = tanh(gates_h + r . (h R_h^T + Rb_h)), h' = (1 - z) .
/// h~
/// + z . h, for the blocks [begin, end). `packed` holds three gates.
template <class A>
INLAY_FLATTEN void gru_step(const GruStep& s, std::size_t begin, std::size_t end) {
  using F = Vec<float, A>;
  const std::size_t hidden = s.hidden;
  detail::for_units_and_rows<A>(
      hidden, s.rows, begin, end, [&](auto units, std::size_t first, auto row_count) {
        constexpr std::size_t rows = decltype(row_count)::value;
        F sum[rows][3];
        for (std::size_t r = 0; r < rows; ++r) {
          const float* const gates = s.gates + (first + r) * s.gates_stride;
          sum[r][0] = units.load(gates);
          sum[r][1] = units.load(gates + hidden);
          sum[r][2] = s.recurrent_bias != nullptr ? units.load(s.recurrent_bias) : F(0.0f);
        }
        detail::add_recurrent<3, rows, A>(detail::packed_block<A>(s, 3, units.first),
                                          s.hidden_in + first * hidden, hidden, sum);
        for (std::size_t r = 0; r < rows; ++r) {
          const float* const gates = s.gates + (first + r) * s.gates_stride;
          const F z = vsigmoid<A>(detail::clip_gate<A>(sum[r][0], s.clip));
          const F reset = vsigmoid<A>(detail::clip_gate<A>(sum[r][1], s.clip));
          const F h = fma<A>(reset, sum[r][2], units.load(gates + 2 * hidden));
          const F candidate = vtanh<A>(detail::clip_gate<A>(h, s.clip));
          const F previous = units.load(s.hidden_in + (first + r) * hidden);
          units.store(s.hidden_out + (first + r) * hidden,
                      fma<A>(z, F(previous - candidate), candidate));
        }
      });
}

/// First half of a GRU step without linear_before_reset: z into `update` and r . h into `reset`
/// (both rows x hidden) for the blocks [begin, end). `packed` holds the two gates z and r.
template <class A>
INLAY_FLATTEN void gru_gates(const GruStep& s, float* update, float* reset, std::size_t begin,
                             std::size_t end) {
  using F = Vec<float, A>;
  const std::size_t hidden = s.hidden;
  detail::for_units_and_rows<A>(
      hidden, s.rows, begin, end, [&](auto units, std::size_t first, auto row_count) {
        constexpr std::size_t rows = decltype(row_count)::value;
        F sum[rows][2];
        for (std::size_t r = 0; r < rows; ++r) {
          const float* const gates = s.gates + (first + r) * s.gates_stride;
          sum[r][0] = units.load(gates);
          sum[r][1] = units.load(gates + hidden);
        }
        detail::add_recurrent<2, rows, A>(detail::packed_block<A>(s, 2, units.first),
                                          s.hidden_in + first * hidden, hidden, sum);
        for (std::size_t r = 0; r < rows; ++r) {
          const std::size_t offset = (first + r) * hidden;
          const F h = units.load(s.hidden_in + offset);
          units.store(update + offset, vsigmoid<A>(detail::clip_gate<A>(sum[r][0], s.clip)));
          units.store(reset + offset, F(h * vsigmoid<A>(detail::clip_gate<A>(sum[r][1], s.clip))));
        }
      });
}

/// Second half, once all blocks of the first are done: h~ = tanh(gates_h + reset R_h^T), h' = (1 -
/// z) . h~ + z . h. `packed` holds the one gate h.
template <class A>
INLAY_FLATTEN void gru_output(const GruStep& s, const float* update, const float* reset,
                              std::size_t begin, std::size_t end) {
  using F = Vec<float, A>;
  const std::size_t hidden = s.hidden;
  detail::for_units_and_rows<A>(
      hidden, s.rows, begin, end, [&](auto units, std::size_t first, auto row_count) {
        constexpr std::size_t rows = decltype(row_count)::value;
        F sum[rows][1];
        for (std::size_t r = 0; r < rows; ++r) {
          sum[r][0] = units.load(s.gates + (first + r) * s.gates_stride + 2 * hidden);
        }
        detail::add_recurrent<1, rows, A>(detail::packed_block<A>(s, 1, units.first),
                                          reset + first * hidden, hidden, sum);
        for (std::size_t r = 0; r < rows; ++r) {
          const std::size_t offset = (first + r) * hidden;
          const F candidate = vtanh<A>(detail::clip_gate<A>(sum[r][0], s.clip));
          const F previous = units.load(s.hidden_in + offset);
          units.store(s.hidden_out + offset,
                      fma<A>(units.load(update + offset), F(previous - candidate), candidate));
        }
      });
}

}  // namespace inlay::inline v0::kernels
