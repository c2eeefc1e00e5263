// LSTM and GRU steps against their equations in double precision.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "kernels_support.hpp"

using inlay::cpu::KernelTable;
using inlay::kernels::GruStep;
using inlay::kernels::LstmStep;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double limit(double x, double clip) { return clip > 0 ? std::fmin(std::fmax(x, -clip), clip) : x; }

struct Layer {
  std::size_t rows, hidden, gates;
  std::vector<float> input, recurrent, state, cell, peepholes, bias;

  Layer(Random& random, std::size_t rows_, std::size_t hidden_, std::size_t gates_)
      : rows(rows_), hidden(hidden_), gates(gates_) {
    const auto floats = [&](std::size_t n) { return random.floats(static_cast<std::int64_t>(n)); };
    input = floats(rows * gates * hidden);
    recurrent = floats(gates * hidden * hidden);
    for (float& v : recurrent) v /= std::sqrt(static_cast<float>(hidden));
    state = floats(rows * hidden);
    cell = floats(rows * hidden);
    peepholes = floats(3 * hidden);
    bias = floats(hidden);
  }

  /// (h R^T)[row][gate][unit] with h scaled element by element.
  double product(std::size_t row, std::size_t gate, std::size_t unit,
                 const std::vector<double>& scale) const {
    double sum = 0;
    for (std::size_t k = 0; k < hidden; ++k) {
      sum += scale[row * hidden + k] * static_cast<double>(state[row * hidden + k]) *
             static_cast<double>(recurrent[(gate * hidden + unit) * hidden + k]);
    }
    return sum;
  }
  double gate(std::size_t row, std::size_t g, std::size_t unit) const {
    return static_cast<double>(input[(row * gates + g) * hidden + unit]);
  }

  std::vector<float> pack(const KernelTable& table, std::size_t first, std::size_t count) const {
    std::vector<float> packed(table.rnn.packed_size(count, hidden));
    table.rnn.pack(recurrent.data() + first * hidden * hidden, count, hidden, packed.data());
    return packed;
  }

  template <class Step>
  Step step(const std::vector<float>& packed, std::vector<float>& out, float clip) const {
    Step s;
    s.rows = rows, s.hidden = hidden, s.gates = input.data(), s.gates_stride = gates * hidden;
    s.packed = packed.data(), s.hidden_in = state.data(), s.hidden_out = out.data(), s.clip = clip;
    return s;
  }
};

/// Calls f(begin, end) for single blocks, last to first.
template <class F>
void for_blocks(const KernelTable& table, std::size_t hidden, F f) {
  for (std::size_t block = table.rnn.blocks(hidden); block-- > 0;) f(block, block + 1);
}

}  // namespace

TEST_CASE("an LSTM step follows its equations") {
  Random random(10);
  for (const KernelTable* table : usable_tables()) {
    for (const std::size_t hidden : {1u, 5u, 16u, 37u}) {
      for (const std::size_t rows : {1u, 2u, 5u}) {
        for (const bool peepholes : {false, true}) {
          const float clip = rows == 2 ? 0.4f : 0.0f;
          const Layer layer(random, rows, hidden, 4);
          const std::vector<float> packed = layer.pack(*table, 0, 4);
          std::vector<float> out(rows * hidden), cell = layer.cell;
          auto s = layer.step<LstmStep>(packed, out, clip);
          s.cell = cell.data();
          s.peepholes = peepholes ? layer.peepholes.data() : nullptr;
          for_blocks(*table, hidden, [&](std::size_t begin, std::size_t end) {
            table->rnn.lstm_step(s, begin, end);
          });
          const std::vector<double> ones(rows * hidden, 1.0);
          INFO(table->name << " hidden " << hidden << " rows " << rows << " peepholes "
                           << peepholes);
          for (std::size_t i = 0; i < out.size(); ++i) {
            const std::size_t row = i / hidden, unit = i % hidden;
            const auto sum = [&](std::size_t g, std::size_t p, double c) {
              const double weight = static_cast<double>(layer.peepholes[p * hidden + unit]);
              return limit(layer.gate(row, g, unit) + layer.product(row, g, unit, ones) +
                               (peepholes ? weight * c : 0.0),
                           static_cast<double>(clip));
            };
            const double before = static_cast<double>(layer.cell[i]);
            const double after = sigmoid(sum(2, 2, before)) * before +
                                 sigmoid(sum(0, 0, before)) * std::tanh(sum(3, 0, 0.0));
            REQUIRE(static_cast<double>(cell[i]) == Approx(after).margin(2e-6));
            REQUIRE(static_cast<double>(out[i]) ==
                    Approx(sigmoid(sum(1, 1, after)) *
                           std::tanh(limit(after, static_cast<double>(clip))))
                        .margin(2e-6));
          }
        }
      }
    }
  }
}

TEST_CASE("a GRU step follows its equations with and without linear_before_reset") {
  Random random(11);
  for (const KernelTable* table : usable_tables()) {
    for (const std::size_t hidden : {1u, 5u, 16u, 37u}) {
      for (const std::size_t rows : {1u, 2u, 5u}) {
        for (const bool linear : {false, true}) {
          const float clip = rows == 2 ? 0.4f : 0.0f;
          const Layer layer(random, rows, hidden, 3);
          std::vector<float> out(rows * hidden), update(rows * hidden), reset(rows * hidden);
          if (linear) {
            const std::vector<float> packed = layer.pack(*table, 0, 3);
            auto s = layer.step<GruStep>(packed, out, clip);
            s.recurrent_bias = layer.bias.data();
            for_blocks(*table, hidden, [&](std::size_t begin, std::size_t end) {
              table->rnn.gru_step(s, begin, end);
            });
          } else {
            const std::vector<float> gates = layer.pack(*table, 0, 2),
                                     last = layer.pack(*table, 2, 1);
            const auto first = layer.step<GruStep>(gates, out, clip);
            for_blocks(*table, hidden, [&](std::size_t begin, std::size_t end) {
              table->rnn.gru_gates(first, update.data(), reset.data(), begin, end);
            });
            const auto second = layer.step<GruStep>(last, out, clip);
            for_blocks(*table, hidden, [&](std::size_t begin, std::size_t end) {
              table->rnn.gru_output(second, update.data(), reset.data(), begin, end);
            });
          }
          const std::vector<double> ones(rows * hidden, 1.0);
          std::vector<double> z(rows * hidden), r(rows * hidden);
          for (std::size_t i = 0; i < out.size(); ++i) {
            const std::size_t row = i / hidden, unit = i % hidden;
            const auto gate = [&](std::size_t g) {
              return sigmoid(limit(layer.gate(row, g, unit) + layer.product(row, g, unit, ones),
                                   static_cast<double>(clip)));
            };
            z[i] = gate(0), r[i] = gate(1);
          }
          INFO(table->name << " hidden " << hidden << " rows " << rows << " linear " << linear);
          for (std::size_t i = 0; i < out.size(); ++i) {
            const std::size_t row = i / hidden, unit = i % hidden;
            const double inner = linear ? r[i] * (layer.product(row, 2, unit, ones) +
                                                  static_cast<double>(layer.bias[unit]))
                                        : layer.product(row, 2, unit, r);
            const double candidate =
                std::tanh(limit(layer.gate(row, 2, unit) + inner, static_cast<double>(clip)));
            const double want = (1 - z[i]) * candidate + z[i] * static_cast<double>(layer.state[i]);
            REQUIRE(static_cast<double>(out[i]) == Approx(want).margin(2e-6));
          }
        }
      }
    }
  }
}
