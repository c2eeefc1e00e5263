// LSTM and GRU with the default activations and constant weights: one matrix product gives all
// steps' input terms, then each step runs over blocks of hidden units.
#include "backends/cpu/recurrent_rules.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::GruStep;
using kernels::LstmStep;

class RecurrentKernel final : public Kernel {
 public:
  RecurrentKernel(const CompileContext& context, const KernelTable& table)
      : table_(table),
        is_lstm_(context.node.op == "LSTM"),
        linear_(context.node.attributes.integer("linear_before_reset", 0) != 0),
        batch_first_(context.node.attributes.integer("layout", 0) != 0),
        starts_reversed_(context.node.attributes.text("direction", "") == "reverse"),
        clip_(context.node.attributes.real("clip", 0)) {
    const Tensor& w = *context.constant(1);
    const Tensor& r = *context.constant(2);
    directions_ = w.dim(0);
    inputs_ = w.dim(2);
    hidden_ = r.dim(2);
    const std::int64_t width = gates() * hidden_;
    const auto hidden = to_size(hidden_);
    for (std::int64_t d = 0; d < directions_; ++d) {
      input_weights_[to_size(d)] =
          context.pack<float>(table.gemm.packed_b_size(inputs_, width), [&](float* to) {
            const float* weights = w.as<float>().data() + d * width * inputs_;
            table.gemm.pack_b({weights, 1, inputs_}, inputs_, width, to);
          });
      const auto pack_gates = [&](std::int64_t first, std::int64_t count) {
        const auto size = static_cast<std::int64_t>(table.rnn.packed_size(to_size(count), hidden));
        return context.pack<float>(size, [&](float* to) {
          const float* gate = r.as<float>().data() + (d * gates() + first) * hidden_ * hidden_;
          table.rnn.pack(gate, to_size(count), hidden, to);
        });
      };
      // Without linear_before_reset the last gate of a GRU is computed apart.
      recurrent_weights_[to_size(d)] = pack_gates(0, splits_gates() ? 2 : gates());
      if (splits_gates()) last_gate_[to_size(d)] = pack_gates(2, 1);
    }
  }

  bool consumed(std::size_t i) const noexcept override { return i == 1 || i == 2; }

  void run(KernelContext& context) const override;

 private:
  class Run;

  std::int64_t gates() const { return is_lstm_ ? 4 : 3; }
  bool splits_gates() const { return !is_lstm_ && !linear_; }
  static const float* data(const Tensor& packed) { return packed.as<float>().data(); }

  const KernelTable& table_;
  bool is_lstm_, linear_, batch_first_, starts_reversed_;
  float clip_;
  std::int64_t directions_, inputs_, hidden_;
  Tensor input_weights_[2], recurrent_weights_[2], last_gate_[2];  // packed, by direction
};

/// One run: sizes, the tensors, and the state between steps.
class RecurrentKernel::Run {
 public:
  Run(const RecurrentKernel& kernel, KernelContext& context) : kernel_(kernel), context_(context) {
    const Shape& x = context.input(0).shape();
    if (x.rank() != 3 || x[2] != kernel.inputs_) {
      context.fail(ErrorCode::shape_mismatch, "X " + to_string(x) + " does not fit the weights");
    }
    steps_ = x[kernel.batch_first_ ? 1 : 0];
    batch_ = x[kernel.batch_first_ ? 0 : 1];
    const std::int64_t hidden = kernel.hidden_, directions = kernel.directions_;
    const Shape state =
        kernel.batch_first_ ? Shape{batch_, directions, hidden} : Shape{directions, batch_, hidden};
    require_shape(context, 3, {directions, 2 * kernel.gates() * hidden});
    require_shape(context, 4, {batch_});
    for (const std::size_t i : {5, 6}) require_shape(context, i, state);
    require_shape(context, 7, {directions, 3 * hidden});
    if (context.has_input(4)) lengths_ = context.input(4).as<std::int32_t>();
    for (const std::int64_t length : lengths_) {
      if (length < 0 || length > steps_) {
        context.fail(ErrorCode::execution, "a sequence length is outside the sequence");
      }
      ragged_ = ragged_ || length != steps_;
    }
    const Shape all = kernel.batch_first_ ? Shape{batch_, steps_, directions, hidden}
                                          : Shape{steps_, directions, batch_, hidden};
    for (std::size_t i = 0; i < 3; ++i) {
      if (!context.has_output(i)) continue;
      Tensor& out = context.output(i, i == 0 ? all : state);
      out_[i] = out.as_mutable<float>().data();
      if (i == 0 && ragged_) std::fill_n(out_[0], out.size(), 0.0f);
    }
    width_ = kernel.gates() * hidden;
    gates_ = scratch_matrix(context, steps_ * batch_, width_);
    bias_ = scratch_matrix(context, 1, width_);
    for (float** buffer : {&hidden_, &next_, &cell_, &update_, &reset_}) {
      *buffer = scratch_matrix(context, batch_, hidden);
    }
  }

  void direction(std::int64_t d) {
    const bool reverse = kernel_.starts_reversed_ || d == 1;
    multiply_inputs(d);
    load_state(5, d, hidden_);
    load_state(6, d, cell_);
    for (std::int64_t step = 0; step < steps_; ++step) {
      if (ragged_) std::copy_n(hidden_, batch_ * kernel_.hidden_, next_);
      if (kernel_.splits_gates()) {
        for_blocks([&](std::size_t begin, std::size_t end) {
          each_group(step, reverse, [&](std::int64_t b, std::int64_t rows, std::int64_t t) {
            const std::int64_t at = b * kernel_.hidden_;
            kernel_.table_.rnn.gru_gates(fill(GruStep{}, d, b, rows, t), update_ + at, reset_ + at,
                                         begin, end);
          });
        });
      }
      for_blocks([&](std::size_t begin, std::size_t end) {
        each_group(step, reverse, [&](std::int64_t b, std::int64_t rows, std::int64_t t) {
          advance(d, b, rows, t, begin, end);
        });
      });
      std::swap(hidden_, next_);
      put_step(d, step, reverse);
    }
    store_state(1, d, hidden_);
    store_state(2, d, cell_);
  }

 private:
  /// gates_ = X W^T + Wb + Rb for all steps; Rb of a linear_before_reset GRU's last gate stays out.
  void multiply_inputs(std::int64_t d) {
    const float* bias = floats_or_null(context_, 3);
    const bool apart = !kernel_.is_lstm_ && kernel_.linear_;
    for (std::int64_t i = 0; i < width_ && bias != nullptr; ++i) {
      const float* both = bias + d * 2 * width_ + i;
      bias_[i] = both[0] + (apart && i >= 2 * kernel_.hidden_ ? 0.0f : both[width_]);
    }
    kernels::GemmProblem problem;
    problem.m = steps_ * batch_, problem.n = width_, problem.k = kernel_.inputs_;
    problem.a = {floats(context_, 0), kernel_.inputs_, 1};
    problem.packed_b = data(kernel_.input_weights_[to_size(d)]);
    problem.c = gates_, problem.ldc = width_;
    problem.epilogue.col_bias = bias != nullptr ? bias_ : nullptr;
    const GemmKernels& gemm = kernel_.table_.gemm;
    const kernels::GemmGrid grid =
        gemm.grid(problem.m, problem.n, problem.k, false, true, wanted_tasks(context_));
    float* const scratch = scratch_per_worker<float>(context_, grid.scratch_floats);
    context_.parallel_for(grid.task_count(), [&](std::int64_t task, int worker) {
      gemm.task(problem, grid, task,
                scratch + static_cast<std::size_t>(worker) * grid.scratch_floats);
    });
  }

  /// The step's blocks of hidden units as tasks worth their start.
  template <class F>
  void for_blocks(F&& f) {
    const auto blocks =
        static_cast<std::int64_t>(kernel_.table_.rnn.blocks(to_size(kernel_.hidden_)));
    const std::int64_t products =
        batch_ * width_ * kernel_.hidden_ / std::max<std::int64_t>(1, blocks);
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 18) / (products + 1));
    for_ranges(context_, blocks, grain,
               [&](std::size_t begin, std::size_t end, int) { f(begin, end); });
  }

  /// Calls f(first row, rows, time) for the sequences that are not over; together where they agree.
  template <class F>
  void each_group(std::int64_t step, bool reverse, F&& f) const {
    if (!ragged_) return f(0, batch_, reverse ? steps_ - 1 - step : step);
    for (std::int64_t b = 0; b < batch_; ++b) {
      const std::int64_t length = lengths_[to_size(b)];
      if (step < length) f(b, 1, reverse ? length - 1 - step : step);
    }
  }

  template <class Step>
  Step fill(Step step, std::int64_t d, std::int64_t b, std::int64_t rows, std::int64_t t) const {
    const std::int64_t x_row = kernel_.batch_first_ ? b * steps_ + t : t * batch_ + b;
    step.rows = to_size(rows);
    step.hidden = to_size(kernel_.hidden_);
    step.gates = gates_ + x_row * width_;
    step.gates_stride = to_size(kernel_.batch_first_ ? steps_ * width_ : width_);
    step.packed = data(kernel_.recurrent_weights_[to_size(d)]);
    step.hidden_in = hidden_ + b * kernel_.hidden_;
    step.hidden_out = next_ + b * kernel_.hidden_;
    step.clip = kernel_.clip_;
    return step;
  }

  void advance(std::int64_t d, std::int64_t b, std::int64_t rows, std::int64_t t, std::size_t begin,
               std::size_t end) const {
    const RnnKernels& rnn = kernel_.table_.rnn;
    const std::int64_t at = b * kernel_.hidden_;
    if (kernel_.is_lstm_) {
      LstmStep step = fill(LstmStep{}, d, b, rows, t);
      step.cell = cell_ + at;
      const float* peepholes = floats_or_null(context_, 7);
      if (peepholes != nullptr) step.peepholes = peepholes + d * 3 * kernel_.hidden_;
      return rnn.lstm_step(step, begin, end);
    }
    GruStep step = fill(GruStep{}, d, b, rows, t);
    if (kernel_.splits_gates()) {
      step.packed = data(kernel_.last_gate_[to_size(d)]);
      return rnn.gru_output(step, update_ + at, reset_ + at, begin, end);
    }
    const float* bias = floats_or_null(context_, 3);
    if (bias != nullptr) {
      step.recurrent_bias = bias + d * 2 * width_ + width_ + 2 * kernel_.hidden_;
    }
    rnn.gru_step(step, begin, end);
  }

  std::int64_t state_row(std::int64_t d, std::int64_t b) const {
    return kernel_.batch_first_ ? b * kernel_.directions_ + d : d * batch_ + b;
  }

  void load_state(std::size_t input, std::int64_t d, float* to) {
    const float* from = floats_or_null(context_, input);
    const std::int64_t hidden = kernel_.hidden_;
    for (std::int64_t b = 0; b < batch_; ++b, to += hidden) {
      if (from != nullptr) {
        std::copy_n(from + state_row(d, b) * hidden, hidden, to);
      } else {
        std::fill_n(to, hidden, 0.0f);
      }
    }
  }

  void store_state(std::size_t output, std::int64_t d, const float* from) const {
    if (out_[output] == nullptr) return;
    const std::int64_t hidden = kernel_.hidden_;
    for (std::int64_t b = 0; b < batch_; ++b, from += hidden) {
      std::copy_n(from, hidden, out_[output] + state_row(d, b) * hidden);
    }
  }

  void put_step(std::int64_t d, std::int64_t step, bool reverse) const {
    if (out_[0] == nullptr) return;
    const std::int64_t hidden = kernel_.hidden_, directions = kernel_.directions_;
    each_group(step, reverse, [&](std::int64_t first, std::int64_t rows, std::int64_t t) {
      for (std::int64_t b = first; b < first + rows; ++b) {
        const std::int64_t row = kernel_.batch_first_ ? (b * steps_ + t) * directions + d
                                                      : (t * directions + d) * batch_ + b;
        std::copy_n(hidden_ + b * hidden, hidden, out_[0] + row * hidden);
      }
    });
  }

  const RecurrentKernel& kernel_;
  KernelContext& context_;
  std::int64_t steps_ = 0, batch_ = 0, width_ = 0;
  std::span<const std::int32_t> lengths_;
  bool ragged_ = false;  ///< some sequence ends before the last step
  float* out_[3] = {};
  float *gates_ = nullptr, *bias_ = nullptr;
  float *hidden_ = nullptr, *next_ = nullptr, *cell_ = nullptr;  ///< batch x hidden
  float *update_ = nullptr, *reset_ = nullptr;                   ///< batch x hidden
};

void RecurrentKernel::run(KernelContext& context) const {
  Run run(*this, context);
  for (std::int64_t d = 0; d < directions_; ++d) run.direction(d);
}

Support supports_recurrent(const CompileContext& context) {
  const Node& node = context.node;
  const std::int64_t gates = node.op == "LSTM" ? 4 : 3;
  if (const char* reason = unusual_cell(node)) return unsupported(reason);
  const Tensor* w = context.constant(1);
  const Tensor* r = context.constant(2);
  if (w == nullptr || r == nullptr) return unsupported("weights that are not constant");
  for (const std::size_t i : {0, 1, 2, 3, 5, 6, 7}) {
    if (node.has_input(i) && context.dtype(i) != DType::float32) {
      return unsupported("only f32 has a kernel");
    }
  }
  const std::int64_t directions = node.attributes.text("direction", "") == "bidirectional" ? 2 : 1;
  const bool fits = w->rank() == 3 && r->rank() == 3 && w->dim(0) == directions &&
                    r->dim(0) == directions && r->dim(1) == gates * r->dim(2) &&
                    w->dim(1) == r->dim(1) && r->dim(2) > 0;
  return fits ? supported() : unsupported("weights of unexpected shapes");
}

}  // namespace

std::vector<CpuOp> recurrent_ops() {
  return {cpu_op("", "LSTM", supports_recurrent, compile_as<RecurrentKernel>),
          cpu_op("", "GRU", supports_recurrent, compile_as<RecurrentKernel>)};
}

}  // namespace inlay::inline v0::cpu
