#include <optional>

#include "backends/reference/activation_function.hpp"
#include "backends/reference/recurrent_weights.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

void require_shape(const KernelContext& context, std::size_t i, const Shape& shape) {
  if (context.has_input(i) && !(context.input(i).shape() == shape)) {
    context.fail(ErrorCode::shape_mismatch, "input " + std::to_string(i) + " is " +
                                                to_string(context.input(i).shape()) + ", not " +
                                                to_string(shape));
  }
}

/// `by_row`: W and R are [directions, inputs, gates * hidden].
RecurrentLayout read_layout(const KernelContext& context, std::int64_t gates, bool by_row) {
  const Shape& x = context.input(0).shape();
  Shape r = context.input(2).shape();
  if (x.rank() != 3 || r.rank() != 3) {
    context.fail(ErrorCode::shape_mismatch, "X, W and R need three axes");
  }
  if (by_row) std::swap(r[1], r[2]);
  RecurrentLayout layout;
  layout.batch_first = context.attributes().integer("layout", 0) != 0;
  layout.steps = x[layout.batch_first ? 1 : 0];
  layout.batch = x[layout.batch_first ? 0 : 1];
  layout.inputs = x[2];
  layout.directions = context.attributes().text("direction", "") == "bidirectional" ? 2 : 1;
  layout.hidden = r[2];
  if (r[0] != layout.directions || r[1] % gates != 0 || r[1] / gates != layout.hidden) {
    context.fail(ErrorCode::shape_mismatch, "R " + to_string(r) + " does not fit the direction");
  }
  const std::int64_t width = gates * layout.hidden;
  require_shape(context, 1,
                by_row ? Shape{layout.directions, layout.inputs, width}
                       : Shape{layout.directions, width, layout.inputs});
  require_shape(context, 3, {layout.directions, 2 * width});
  require_shape(context, 4, {layout.batch});
  for (const std::size_t i : {5, 6}) require_shape(context, i, layout.state_shape());
  require_shape(context, 7, {layout.directions, 3 * layout.hidden});
  return layout;
}

/// The activations f, g, h of one direction, with clipping of what they are given.
template <class T, std::size_t N>
struct Activations {
  std::array<ActivationFunction<T>, N> functions;
  std::optional<T> clip;

  Activations(const Attributes& attributes, std::int64_t direction,
              const std::array<std::string_view, N>& defaults) {
    const auto* names = attributes.get<std::vector<std::string>>("activations");
    auto alphas = attributes.reals("activation_alpha"), betas = attributes.reals("activation_beta");
    const auto take = [](std::span<const float>& values, T& parameter) {
      if (values.empty()) return;
      parameter = static_cast<T>(values.front());
      values = values.subspan(1);
    };
    // Parameters are given in order to the functions that take them, over all directions.
    for (std::size_t i = 0; i < N * static_cast<std::size_t>(direction + 1); ++i) {
      ActivationFunction<T>& f = functions[i % N];
      const bool named = names != nullptr && i < names->size();
      f = find_activation<T>(named ? std::string_view((*names)[i]) : defaults[i % N]);
      if (f.parameters > 0) take(alphas, f.alpha);
      if (f.parameters > 1) take(betas, f.beta);
    }
    if (const auto* limit = attributes.get<float>("clip")) clip = static_cast<T>(*limit);
  }

  T operator()(std::size_t i, T x) const {
    if (clip) x = std::min(std::max(x, -*clip), *clip);
    return functions[i](x);
  }
};

/// One direction's cell, made from (attributes, direction, R, peepholes, hidden size). update()
/// moves a sequence's state h and c on by a step. `x`: input products with biases, `r`: recurrent
/// products, both [gates][hidden].
template <class T>
struct RnnCell {
  static constexpr std::int64_t gates = 1;
  std::int64_t hidden;
  Activations<T, 1> activations;

  RnnCell(const Attributes& attributes, std::int64_t direction, const T*, const T*,
          std::int64_t size)
      : hidden(size), activations(attributes, direction, {"Tanh"}) {}

  bool bias_stays_recurrent(std::int64_t) const { return false; }

  void update(const T* x, T* r, T* h, T*) const {
    for (std::int64_t i = 0; i < hidden; ++i) h[i] = activations(0, x[i] + r[i]);
  }
};

template <class T>
struct GruCell {  // gates z, r, h
  static constexpr std::int64_t gates = 3;
  std::int64_t hidden;
  Activations<T, 2> activations;
  bool linear_before_reset;
  const T* weights;  // of the hidden gate

  GruCell(const Attributes& attributes, std::int64_t direction, const T* recurrence, const T*,
          std::int64_t size)
      : hidden(size),
        activations(attributes, direction, {"Sigmoid", "Tanh"}),
        linear_before_reset(attributes.integer("linear_before_reset", 0) != 0),
        weights(recurrence + 2 * size * size) {}

  bool bias_stays_recurrent(std::int64_t gate) const { return gate == 2 && linear_before_reset; }

  void update(const T* x, T* r, T* h, T*) const {
    T* reset = r + hidden;
    for (std::int64_t i = 0; i < hidden; ++i) {
      reset[i] = activations(0, x[hidden + i] + reset[i]);
      if (!linear_before_reset) reset[i] *= h[i];
    }
    for (std::int64_t i = 0; i < hidden; ++i) {
      T& candidate = r[2 * hidden + i];
      candidate = linear_before_reset ? reset[i] * candidate
                                      : dot(weights + i * hidden, 1, reset, 1, hidden);
      candidate = activations(1, x[2 * hidden + i] + candidate);
    }
    for (std::int64_t i = 0; i < hidden; ++i) {
      const T update_gate = activations(0, x[i] + r[i]);
      h[i] = (1 - update_gate) * r[2 * hidden + i] + update_gate * h[i];
    }
  }
};

template <class T>
struct LstmCell {  // gates i, o, f, c
  static constexpr std::int64_t gates = 4;
  std::int64_t hidden;
  Activations<T, 3> activations;
  bool input_forget;
  const T* peepholes;  // i, o, f; may be null

  LstmCell(const Attributes& attributes, std::int64_t direction, const T*, const T* p,
           std::int64_t size)
      : hidden(size),
        activations(attributes, direction, {"Sigmoid", "Tanh", "Tanh"}),
        input_forget(attributes.integer("input_forget", 0) != 0),
        peepholes(p) {}

  bool bias_stays_recurrent(std::int64_t) const { return false; }

  void update(const T* x, T* r, T* h, T* c) const {
    for (std::int64_t j = 0; j < hidden; ++j) {
      const auto sum = [&](std::int64_t gate, T cell) {
        const std::int64_t at = gate * hidden + j;
        return x[at] + r[at] + (peepholes != nullptr ? peepholes[at] * cell : T{});
      };
      const T input = activations(0, sum(0, c[j]));
      const T forget = input_forget ? 1 - input : activations(0, sum(2, c[j]));
      const T candidate = activations(1, x[3 * hidden + j] + r[3 * hidden + j]);
      c[j] = forget * c[j] + input * candidate;
      const T output = activations(0, sum(1, c[j]));
      h[j] = output * activations(2, c[j]);
    }
  }
};

template <template <class> class Cell, template <class> class Weights = FloatWeights>
void run_recurrent(KernelContext& context) {
  constexpr std::int64_t gates = Cell<float>::gates;
  const RecurrentLayout layout = read_layout(context, gates, Weights<float>::by_row);
  const std::int64_t hidden = layout.hidden, width = gates * hidden;
  const auto lengths =
      context.has_input(4) ? context.input(4).as<std::int32_t>() : std::span<const std::int32_t>();
  std::int64_t longest = lengths.empty() ? layout.steps : 0;
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > layout.steps) {
      context.fail(ErrorCode::execution, "a sequence length is outside the sequence");
    }
    longest = std::max(longest, length);
  }
  const std::string_view direction = context.attributes().text("direction", "forward");
  std::array<Tensor*, 3> outputs{};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!context.has_output(i)) continue;
    outputs[i] = &context.output(i, i == 0 ? layout.y_shape() : layout.state_shape());
  }

  visit_dtype<typename Weights<float>::Group>(context.input(0).dtype(), [&]<class Element>() {
    using T = compute_t<Element>;
    const T* x = widened_input<T, Element>(context, 0);
    const Weights<Element> weights(context, layout, width);
    const T* bias = widened_input<T, Element>(context, 3);
    const T* peepholes = widened_input<T, Element>(context, 7);
    const std::array<const T*, 2> initial{widened_input<T, Element>(context, 5),
                                          widened_input<T, Element>(context, 6)};
    std::array<Element*, 3> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (outputs[i] != nullptr) out[i] = outputs[i]->as_mutable<Element>().data();
    }
    if (out[0] != nullptr) std::fill_n(out[0], outputs[0]->size(), Element{});
    // Steps behind the longest sequence take no part, unless they lie between others.
    const std::int64_t rows = (layout.batch_first ? layout.steps : longest) * layout.batch;
    const auto from_x = context.scratch<T>(rows * width);
    const auto from_h = context.scratch<T>(layout.batch * width);
    const std::array<std::span<T>, 2> state{context.scratch<T>(layout.batch * hidden),
                                            context.scratch<T>(layout.batch * hidden)};

    for (std::int64_t d = 0; d < layout.directions; ++d) {
      const bool reverse = direction == "reverse" || d == 1;
      const Cell<T> cell(context.attributes(), d, weights.recurrence(d),
                         peepholes != nullptr ? peepholes + d * 3 * hidden : nullptr, hidden);
      const T* w_bias = bias != nullptr ? bias + d * 2 * width : nullptr;
      // Biases start the sums: all with the input products, but for those the cell wants apart.
      const auto start = [&](std::span<T> sums, bool input) {
        for (std::size_t i = 0; i < sums.size(); ++i) {
          const std::int64_t column = static_cast<std::int64_t>(i) % width;
          sums[i] = T{};
          if (w_bias == nullptr) continue;
          const bool apart = cell.bias_stays_recurrent(column / hidden);
          if (input) sums[i] = w_bias[column];
          if (input != apart) sums[i] += w_bias[width + column];
        }
      };
      start(from_x, true);
      weights.add_inputs(d, x, rows, from_x.data());
      for (std::size_t s = 0; s < state.size(); ++s) {
        for (std::int64_t b = 0; b < layout.batch; ++b) {
          T* row = state[s].data() + b * hidden;
          if (initial[s] != nullptr) {
            std::copy_n(initial[s] + layout.state_row(d, b) * hidden, hidden, row);
          } else {
            std::fill_n(row, hidden, T{});
          }
        }
      }

      for (std::int64_t step = 0; step < longest; ++step) {
        start(from_h, false);
        weights.add_state(d, state[0].data(), step, from_h.data());
        for (std::int64_t b = 0; b < layout.batch; ++b) {
          const std::int64_t length =
              lengths.empty() ? layout.steps : lengths[static_cast<std::size_t>(b)];
          if (step >= length) continue;
          const std::int64_t t = reverse ? length - 1 - step : step;
          T* h = state[0].data() + b * hidden;
          cell.update(from_x.data() + layout.x_row(t, b) * width, from_h.data() + b * width, h,
                      state[1].data() + b * hidden);
          if (out[0] == nullptr) continue;
          std::transform(h, h + hidden, out[0] + layout.y_row(t, d, b) * hidden,
                         [](T value) { return static_cast<Element>(value); });
        }
      }
      for (std::size_t s = 0; s < state.size(); ++s) {
        if (out[s + 1] == nullptr) continue;
        for (std::int64_t b = 0; b < layout.batch; ++b) {
          const T* row = state[s].data() + b * hidden;
          std::transform(row, row + hidden, out[s + 1] + layout.state_row(d, b) * hidden,
                         [](T value) { return static_cast<Element>(value); });
        }
      }
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> recurrent_kernels() {
  return {
      {"", "RNN", kernels::run_recurrent<kernels::RnnCell>},
      {"", "GRU", kernels::run_recurrent<kernels::GruCell>},
      {"", "LSTM", kernels::run_recurrent<kernels::LstmCell>},
      {"com.microsoft", "DynamicQuantizeLSTM",
       kernels::run_recurrent<kernels::LstmCell, kernels::CodeWeights>},
  };
}

}  // namespace inlay::inline v0
