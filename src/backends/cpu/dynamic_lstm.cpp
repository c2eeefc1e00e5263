// com.microsoft's DynamicQuantizeLSTM: codes of weights are multiplied by codes of whatever comes
// in, and of each step's state.
#include "backends/cpu/dynamic_codes.hpp"
#include "backends/cpu/integer_product.hpp"
#include "backends/cpu/recurrent_rules.hpp"

namespace inlay::inline v0::cpu {
namespace {

constexpr std::size_t lstm_w = 1, lstm_r = 2, lstm_bias = 3, lstm_lengths = 4, lstm_state = 5,
                      lstm_cell = 6, lstm_peepholes = 7, lstm_w_scale = 8, lstm_r_scale = 10;
constexpr std::int64_t lstm_gates = 4;

class DynamicLstmKernel final : public Kernel {
 public:
  DynamicLstmKernel(const CompileContext& context, const KernelTable& table)
      : gemm_(table.integer.gemm),
        quantize_(table.quantize),
        rnn_(table.rnn),
        starts_reversed_(context.node.attributes.text("direction", "") == "reverse"),
        clip_(context.node.attributes.real("clip", 0)) {
    const Tensor &w = *context.constant(lstm_w), &r = *context.constant(lstm_r);
    directions_ = w.dim(0);
    inputs_ = w.dim(1);
    hidden_ = r.dim(1);
    for (std::int64_t d = 0; d < directions_; ++d) {
      w_[to_size(d)] = PackedMatrix(context, gemm_, w, false, d);
      r_[to_size(d)] = PackedMatrix(context, gemm_, r, false, d);
    }
  }

  bool consumed(std::size_t i) const noexcept override { return i == lstm_w || i == lstm_r; }

  void run(KernelContext& context) const override;

 private:
  class Run;

  const IntegerGemmKernels& gemm_;
  const QuantizeKernels& quantize_;
  const RnnKernels& rnn_;
  bool starts_reversed_;
  float clip_;
  std::int64_t directions_, inputs_, hidden_;
  PackedMatrix w_[2], r_[2];  // by direction
};

/// One run: sizes, the tensors, and the state between steps.
class DynamicLstmKernel::Run {
 public:
  Run(const DynamicLstmKernel& kernel, KernelContext& context)
      : kernel_(kernel), context_(context), width_(lstm_gates * kernel.hidden_) {
    const Shape& x = context.input(0).shape();
    if (x.rank() != 3 || x[2] != kernel.inputs_) {
      context.fail(ErrorCode::shape_mismatch, "X " + to_string(x) + " does not fit the weights");
    }
    steps_ = x[0], batch_ = x[1];
    const std::int64_t hidden = kernel.hidden_, directions = kernel.directions_;
    const Shape state{directions, batch_, hidden};
    require_shape(context, lstm_bias, {directions, 2 * width_});
    for (const std::size_t i : {lstm_state, lstm_cell}) require_shape(context, i, state);
    require_shape(context, lstm_peepholes, {directions, 3 * hidden});
    for (std::size_t i = 0; i < 3; ++i) {
      if (!context.has_output(i)) continue;
      const Shape shape = i == 0 ? Shape{steps_, directions, batch_, hidden} : state;
      out_[i] = context.output(i, shape).as_mutable<float>().data();
    }
    gates_ = scratch_matrix(context, steps_ * batch_, width_);
    bias_ = scratch_matrix(context, 1, width_);
    for (float** buffer : {&state_, &next_, &cell_}) {
      *buffer = scratch_matrix(context, batch_, hidden);
    }
    x_codes_ = context.scratch<std::uint8_t>(steps_ * batch_ * kernel.inputs_).data();
    state_codes_ = context.scratch<std::uint8_t>(batch_ * hidden).data();
    w_zeros_ = zero_points(context, lstm_w_scale + 1);
    r_zeros_ = zero_points(context, lstm_r_scale + 1);
    const float* const numbers = floats(context, 0);
    const std::int64_t count = steps_ * batch_ * kernel.inputs_;
    x_by_ = codes_for(context, kernel.quantize_, numbers, count);
    write_codes(context, kernel.quantize_, x_by_, numbers, count, x_codes_);
  }

  void direction(std::int64_t d) {
    multiply_inputs(d);
    load(lstm_state, d, state_);
    load(lstm_cell, d, cell_);
    kernels::IntegerGemmProblem product =
        problem(d, kernel_.r_[to_size(d)], lstm_r_scale, r_zeros_, batch_);
    const kernels::GemmGrid grid =
        kernel_.gemm_.grid(product.m, product.n, product.k, wanted_tasks(context_));
    auto* const scratch = scratch_per_worker<kernels::DotWord>(context_, grid.scratch_floats);
    const bool is_reverse = kernel_.starts_reversed_ || d == 1;
    const std::int64_t size = batch_ * kernel_.hidden_;
    for (std::int64_t step = 0; step < steps_; ++step) {
      const std::int64_t t = is_reverse ? steps_ - 1 - step : step;
      float* const gates = gates_ + t * batch_ * width_;
      const kernels::NumberRange range = kernel_.quantize_.range(state_, to_size(size));
      const DynamicCodes by(range.low, range.high);
      kernel_.quantize_.uint8.quantize(state_, state_codes_, to_size(size), by.scale,
                                       by.zero_point);
      const std::int32_t zero = by.zero_point;
      product.a = {state_codes_, kernel_.hidden_, 1, false};
      product.a_zeros = {&zero, 0};
      product.row_scales = {&by.scale, 0};
      product.c = gates;
      product.epilogue.residual = gates;
      product.epilogue.residual_stride = width_;
      context_.parallel_for(grid.task_count(), [&](std::int64_t task, int worker) {
        kernel_.gemm_.task(product, grid, task, scratch + grid.scratch_floats * to_size(worker));
      });
      advance(d, gates);
      std::swap(state_, next_);
      if (out_[0] == nullptr) continue;
      std::copy_n(state_, size, out_[0] + (t * kernel_.directions_ + d) * size);
    }
    if (out_[1] != nullptr) std::copy_n(state_, size, out_[1] + d * size);
    if (out_[2] != nullptr) std::copy_n(cell_, size, out_[2] + d * size);
  }

 private:
  /// Products of `rows` rows of codes by the weights of one direction.
  kernels::IntegerGemmProblem problem(std::int64_t d, const PackedMatrix& weights,
                                      std::size_t scale, kernels::PerLine<std::int32_t> zeros,
                                      std::int64_t rows) const {
    const Tensor& scales = context_.input(scale);
    const std::int64_t columns = scales.size() / kernel_.directions_, step = columns > 1 ? 1 : 0;
    kernels::IntegerGemmProblem product;
    product.m = rows, product.n = width_, product.k = weights.shape()[0];
    product.packed_b = weights.data();
    product.b_sums = weights.sums();
    product.b_is_signed = weights.is_signed();
    if (zeros.data != nullptr) product.b_zeros = {zeros.data + d * columns, step};
    product.col_scales = {scales.as<float>().data() + d * columns, step};
    product.output = kernels::IntegerOutput::floats;
    product.ldc = width_;
    return product;
  }

  /// gates_ = X W + Wb + Rb for all steps.
  void multiply_inputs(std::int64_t d) {
    kernels::IntegerGemmProblem product =
        problem(d, kernel_.w_[to_size(d)], lstm_w_scale, w_zeros_, steps_ * batch_);
    const std::int32_t zero = x_by_.zero_point;
    product.a = {x_codes_, kernel_.inputs_, 1, false};
    product.a_zeros = {&zero, 0};
    product.row_scales = {&x_by_.scale, 0};
    product.c = gates_;
    if (const float* const both = floats_or_null(context_, lstm_bias)) {
      for (std::int64_t i = 0; i < width_; ++i) {
        bias_[i] = both[2 * d * width_ + i] + both[(2 * d + 1) * width_ + i];
      }
      product.epilogue.col_bias = bias_;
    }
    run_products(context_, kernel_.gemm_, product, 1, [](std::int64_t, auto&) {});
  }

  void advance(std::int64_t d, const float* gates) {
    kernels::LstmStep step{};
    step.rows = to_size(batch_);
    step.hidden = to_size(kernel_.hidden_);
    step.gates = gates;
    step.gates_stride = to_size(width_);
    step.hidden_in = state_;
    step.hidden_out = next_;
    step.clip = kernel_.clip_;
    step.cell = cell_;
    if (const float* const peepholes = floats_or_null(context_, lstm_peepholes)) {
      step.peepholes = peepholes + d * 3 * kernel_.hidden_;
    }
    const auto blocks = static_cast<std::int64_t>(kernel_.rnn_.blocks(step.hidden));
    for_ranges(
        context_, blocks, items_per_task(batch_ * width_ / std::max<std::int64_t>(1, blocks)),
        [&](std::size_t begin, std::size_t end, int) { kernel_.rnn_.lstm_step(step, begin, end); });
  }

  void load(std::size_t input, std::int64_t d, float* to) const {
    const std::int64_t size = batch_ * kernel_.hidden_;
    if (const float* const from = floats_or_null(context_, input)) {
      std::copy_n(from + d * size, size, to);
    } else {
      std::fill_n(to, size, 0.0f);
    }
  }

  const DynamicLstmKernel& kernel_;
  KernelContext& context_;
  std::int64_t width_, steps_ = 0, batch_ = 0;
  float* out_[3] = {};
  float *gates_ = nullptr, *bias_ = nullptr;
  float *state_ = nullptr, *next_ = nullptr, *cell_ = nullptr;  ///< batch x hidden
  std::uint8_t *x_codes_ = nullptr, *state_codes_ = nullptr;
  kernels::PerLine<std::int32_t> w_zeros_, r_zeros_;
  DynamicCodes x_by_{0, 0};
};

void DynamicLstmKernel::run(KernelContext& context) const {
  Run run(*this, context);
  for (std::int64_t d = 0; d < directions_; ++d) run.direction(d);
}

Support supports_dynamic_lstm(const CompileContext& context) {
  const Node& node = context.node;
  if (const char* reason = unusual_cell(node)) return unsupported(reason);
  if (node.has_input(lstm_lengths)) return unsupported("sequences of several lengths");
  const Tensor *w = context.constant(lstm_w), *r = context.constant(lstm_r);
  if (w == nullptr || r == nullptr) return unsupported("weights that are not constant");
  const std::int64_t directions = node.attributes.text("direction", "") == "bidirectional" ? 2 : 1;
  const bool fits = w->rank() == 3 && r->rank() == 3 && w->dim(0) == directions &&
                    r->dim(0) == directions && r->dim(2) == lstm_gates * r->dim(1) &&
                    w->dim(2) == r->dim(2) && r->dim(1) > 0 && w->dim(1) > 0;
  if (!fits) return unsupported("weights of unexpected shapes");
  for (const std::size_t scale : {lstm_w_scale, lstm_r_scale}) {
    const auto scales = context.input_type(scale).static_shape();
    const auto zeros = context.input_type(scale + 1).static_shape();
    if (!scales || !zeros || scales->elements() != zeros->elements() ||
        (scales->elements() != directions && scales->elements() != directions * w->dim(2))) {
      return unsupported("scales of unexpected shapes");
    }
    if (context.dtype(scale + 1) != context.dtype(scale == lstm_w_scale ? lstm_w : lstm_r)) {
      return unsupported("another zero point");
    }
  }
  return supported();
}

}  // namespace

std::vector<CpuOp> dynamic_lstm_ops() {
  return {cpu_op("com.microsoft", "DynamicQuantizeLSTM", supports_dynamic_lstm,
                 compile_as<DynamicLstmKernel>)};
}

}  // namespace inlay::inline v0::cpu
