// The sizes of recurrent layers, and their products with weights of floats and of codes.
#pragma once

#include "backends/reference/precision.hpp"
#include "backends/reference/product.hpp"
#include "backends/reference/quantization.hpp"

namespace inlay::inline v0::kernels {

/// The sizes of a layer, and where its tensors keep what belongs to a step, direction and sequence.
struct RecurrentLayout {
  std::int64_t steps, batch, inputs, directions, hidden;
  bool batch_first;

  std::int64_t x_row(std::int64_t t, std::int64_t b) const {
    return batch_first ? b * steps + t : t * batch + b;
  }
  std::int64_t y_row(std::int64_t t, std::int64_t d, std::int64_t b) const {
    return batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b;
  }
  std::int64_t state_row(std::int64_t d, std::int64_t b) const {
    return batch_first ? b * directions + d : d * batch + b;
  }
  Shape y_shape() const {
    return batch_first ? Shape{batch, steps, directions, hidden}
                       : Shape{steps, directions, batch, hidden};
  }
  Shape state_shape() const {
    return batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  }
};

/// W and R as the standard's operators have them: [directions, gates * hidden, inputs].
template <class Element>
class FloatWeights {
 public:
  using T = compute_t<Element>;
  static constexpr bool by_row = false;
  using Group = Floats;

  FloatWeights(KernelContext& context, const RecurrentLayout& layout, std::int64_t width)
      : context_(context),
        layout_(layout),
        width_(width),
        w_(widened_input<T, Element>(context, 1)),
        r_(widened_input<T, Element>(context, 2)) {}

  /// sums += `rows` rows of x times the W of direction d.
  void add_inputs(std::int64_t d, const T* x, std::int64_t rows, T* sums) const {
    add(w_ + d * width_ * layout_.inputs, layout_.inputs, x, rows, sums);
  }
  /// sums += the state before a step, [batch, hidden], times the R of direction d.
  void add_state(std::int64_t d, const T* h, std::int64_t /*step*/, T* sums) const {
    add(recurrence(d), layout_.hidden, h, layout_.batch, sums);
  }
  const T* recurrence(std::int64_t d) const { return r_ + d * width_ * layout_.hidden; }

 private:
  void add(const T* weights, std::int64_t inner, const T* x, std::int64_t rows, T* sums) const {
    multiply_add_all<T>(context_, 1, [&](std::int64_t) {
      const Matrix<const T> matrix{weights, width_, inner, inner};
      return Product<T>{{x, rows, inner, inner}, matrix.transposed(), {sums, rows, width_, width_}};
    });
  }

  KernelContext& context_;
  const RecurrentLayout& layout_;
  std::int64_t width_;
  const T* w_;
  const T* r_;
};

/// com.microsoft:DynamicQuantizeLSTM: codes [directions, inputs, gates * hidden], by which codes
/// made of whatever comes in are multiplied.
template <class Element>
class CodeWeights {
 public:
  using T = float;
  static constexpr bool by_row = true;
  using Group = Types<float>;

  CodeWeights(KernelContext& context, const RecurrentLayout& layout, std::int64_t width)
      : context_(context), layout_(layout), width_(width), w_(read(1, 8)), r_(read(2, 10)) {
    const std::int64_t most = std::max(layout.inputs * layout.steps, layout.hidden) * layout.batch;
    codes_ = context.scratch<std::int32_t>(most);
    products_ = context.scratch<std::int32_t>(std::max<std::int64_t>(layout.steps, 1) *
                                              layout.batch * width);
    if (!context.has_input(4)) return;
    running_ = context.input(4).as<std::int32_t>();
    running_states_ = context.scratch<T>(layout.batch * layout.hidden);
  }

  void add_inputs(std::int64_t d, const T* x, std::int64_t rows, T* sums) const {
    add(w_, d, layout_.inputs, x, rows, sums);
  }
  void add_state(std::int64_t d, const T* h, std::int64_t step, T* sums) const {
    // Sequences that have ended count as zero for the range of the codes, as in ONNX Runtime: from
    // the step after the first without them on.
    for (std::size_t b = 0; b < running_.size(); ++b) {
      T* row = running_states_.data() + static_cast<std::int64_t>(b) * layout_.hidden;
      if (step <= running_[b]) {
        std::copy_n(h + static_cast<std::int64_t>(b) * layout_.hidden, layout_.hidden, row);
      } else {
        std::fill_n(row, layout_.hidden, T{});
      }
    }
    add(r_, d, layout_.hidden, running_.empty() ? h : running_states_.data(), layout_.batch, sums);
  }
  const T* recurrence(std::int64_t) const { return nullptr; }

 private:
  struct Codes {
    const std::int32_t* centered;
    std::span<const double> scales;  // per direction, or per direction and column
  };

  /// The codes of input i; their scales and zero points are two inputs from `scale` on.
  Codes read(std::size_t i, std::size_t scale) const {
    const Tensor& codes = context_.input(i);
    for (const std::size_t n : {scale, scale + 1}) {
      const std::int64_t size = context_.input(n).size();
      if (size != layout_.directions && size != layout_.directions * width_) {
        context_.fail(ErrorCode::shape_mismatch,
                      "there must be a scale and zero point per direction, or per column");
      }
    }
    const Tensor& zeros = context_.input(scale + 1);
    const Shape zero_shape{layout_.directions, 1, zeros.size() / layout_.directions};
    return {kernels::centered<std::int32_t>(context_, codes, &zeros, zero_shape),
            decoded_scales(context_, context_.input(scale))};
  }

  void add(const Codes& weights, std::int64_t d, std::int64_t inner, const T* x, std::int64_t rows,
           T* sums) const {
    const DynamicCodes code({x, static_cast<std::size_t>(rows * inner)});
    for (std::int64_t i = 0; i < rows * inner; ++i) {
      codes_[static_cast<std::size_t>(i)] =
          std::int32_t{code(x[i])} - std::int32_t{code.zero_point};
    }
    std::fill_n(products_.begin(), rows * width_, 0);
    multiply_add_all<std::int32_t>(context_, 1, [&](std::int64_t) {
      return Product<std::int32_t>{{codes_.data(), rows, inner, inner},
                                   {weights.centered + d * inner * width_, inner, width_, width_},
                                   {products_.data(), rows, width_, width_}};
    });
    const std::size_t columns =
        weights.scales.size() / static_cast<std::size_t>(layout_.directions);
    const auto scales = weights.scales.subspan(static_cast<std::size_t>(d) * columns, columns);
    for (std::int64_t i = 0; i < rows * width_; ++i) {
      const auto column = columns == 1 ? 0 : static_cast<std::size_t>(i % width_);
      sums[i] += static_cast<float>(products_[static_cast<std::size_t>(i)]) *
                 (code.scale * static_cast<float>(scales[column]));
    }
  }

  KernelContext& context_;
  const RecurrentLayout& layout_;
  std::int64_t width_;
  Codes w_, r_;
  std::span<std::int32_t> codes_, products_;
  std::span<const std::int32_t> running_;  // how many steps each sequence has
  std::span<T> running_states_;
};

}  // namespace inlay::inline v0::kernels
