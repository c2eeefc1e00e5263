#include "backends/reference/conv.hpp"

#include "backends/reference/deform_conv.hpp"
#include "backends/reference/precision.hpp"
#include "backends/reference/quantization.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

void run_conv(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  const ConvGeometry g = conv_geometry(context.attributes(), x.shape(), w.shape());
  check_bias(context, 2, g.filters);
  Tensor& y = context.output(0, g.output);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const WideOutput<T> out(context, y);
    fill_bias(g, widened_input<Wide, T>(context, 2), out.data());
    convolve<Wide>(context, g, widened<Wide, T>(context, x), widened<Wide, T>(context, w),
                   out.data());
    out.store();
  });
}

void run_conv_integer(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  const ConvGeometry g = conv_geometry(context.attributes(), x.shape(), w.shape());
  std::int32_t* y = context.output(0, g.output).as_mutable<std::int32_t>().data();
  fill_bias<std::int32_t>(g, nullptr, y);
  convolve<std::int32_t>(context, g, centered<std::int32_t>(context, x, 2),
                         centered_filters<std::int32_t>(context, w, 3), y);
}

/// ConvTranspose by the given attributes, with its bias in input `bias_input`.
void conv_transpose(KernelContext& context, const Attributes& attributes, std::size_t bias_input) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  const ConvTransposeGeometry g = conv_transpose_geometry(attributes, x.shape(), w.shape());
  check_bias(context, bias_input, g.output[1]);
  Tensor& y = context.output(0, g.output);
  if (y.size() == 0) return;
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const WideOutput<T> out(context, y);
    convolve_transposed<Wide>(context, g, widened<Wide, T>(context, x),
                              widened<Wide, T>(context, w),
                              widened_input<Wide, T>(context, bias_input), out.data());
    out.store();
  });
}

void run_conv_transpose(KernelContext& context) {
  conv_transpose(context, context.attributes(), 2);
}

/// com.microsoft:ConvTransposeWithDynamicPads, whose pads are an input.
void run_conv_transpose_with_pads(KernelContext& context) {
  Attributes attributes = context.attributes();
  if (context.has_input(2)) {
    const auto pads = context.input(2).as<std::int64_t>();
    attributes.set("pads", std::vector<std::int64_t>(pads.begin(), pads.end()));
  }
  conv_transpose(context, attributes, 3);
}

void run_causal_conv(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  if (x.rank() != 3 || w.rank() != 3 || w.dim(0) != x.dim(1) || w.dim(1) != 1 || w.dim(2) < 1) {
    context.fail(ErrorCode::shape_mismatch, "weights " + to_string(w.shape()) +
                                                " do not fit an input of " + to_string(x.shape()));
  }
  const std::int64_t channels = x.dim(1), length = x.dim(2), taps = w.dim(2), kept = taps - 1;
  const Shape state_shape{x.dim(0), channels, kept};
  if (context.has_input(3) && !(context.input(3).shape() == state_shape)) {
    context.fail(ErrorCode::shape_mismatch, "past_state is not " + to_string(state_shape));
  }
  check_bias(context, 2, channels);
  const std::string_view activation = context.attributes().text("activation", "none");
  const bool silu = activation == "silu" || activation == "swish";
  if (!silu && activation != "none") {
    context.fail(ErrorCode::invalid_argument, "activation must be silu, swish or none");
  }
  Tensor& y = context.output(0, x.shape());
  Tensor* state = context.has_output(1) ? &context.output(1, state_shape) : nullptr;
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const Wide* bias = widened_input<Wide, T>(context, 2);
    const Wide* weights = widened<Wide, T>(context, w);
    const T* past = context.has_input(3) ? context.input(3).as<T>().data() : nullptr;
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    T* next = state == nullptr ? nullptr : state->as_mutable<T>().data();
    const auto sequence = context.scratch<Wide>(kept + length);  // what came before, then x
    for (std::int64_t row = 0; row < x.dim(0) * channels; ++row) {
      const std::int64_t c = row % channels;
      for (std::int64_t i = 0; i < kept; ++i) {
        sequence[static_cast<std::size_t>(i)] =
            past != nullptr ? static_cast<Wide>(past[row * kept + i]) : Wide{};
      }
      std::copy_n(from + row * length, length, sequence.begin() + kept);
      for (std::int64_t t = 0; t < length; ++t) {
        Wide sum = dot(weights + c * taps, 1, sequence.data() + t, 1, taps);
        if (bias != nullptr) sum += bias[c];
        if (silu) sum /= 1 + std::exp(-sum);
        to[row * length + t] = static_cast<T>(sum);
      }
      if (next == nullptr) continue;
      std::transform(sequence.end() - kept, sequence.end(), next + row * kept,
                     [](Wide value) { return static_cast<T>(value); });
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> conv_kernels() {
  return {
      {"", "Conv", kernels::run_conv},
      {"", "ConvTranspose", kernels::run_conv_transpose},
      {"com.microsoft", "ConvTransposeWithDynamicPads", kernels::run_conv_transpose_with_pads},
      {"", "ConvInteger", kernels::run_conv_integer},
      {"", "DeformConv", kernels::run_deform_conv},
      {"", "CausalConvWithState", kernels::run_causal_conv},
  };
}

}  // namespace inlay::inline v0
