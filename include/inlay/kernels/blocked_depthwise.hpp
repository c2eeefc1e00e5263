// Convolution with one channel per group on blocked channels: pixels are whole registers.
#pragma once

#include <inlay/kernels/blocked_conv_plan.hpp>
#include <inlay/kernels/blocked_micro.hpp>
#include <inlay/kernels/blocked_phases.hpp>

namespace inlay::inline v0::kernels {

/// Pixels in registers at once; a tap takes one more.
template <class A>
inline constexpr int depthwise_pixels = vector_registers<A> == 32 ? 14 : 8;

/// What happens to the sums of a depthwise tile; `residual` may be null.
template <class A>
struct DepthwiseOutput {
  float* y;
  const float* residual;
  Vec<float, A> bias, low, high;
};

/// y[r] = clamp(residual[r] + bias + sum over t < taps of input[offsets[t] + r] * weights[t]) for
/// Pixels neighbouring pixels r, each a register.
template <class A, int Pixels>
INLAY_FLATTEN void depthwise_micro(std::int64_t taps, const std::int64_t* INLAY_RESTRICT offsets,
                                   const float* INLAY_RESTRICT input,
                                   const float* INLAY_RESTRICT weights,
                                   const DepthwiseOutput<A>& out) {
  constexpr std::int64_t block = channel_block<A>;
  Vec<float, A> sums[Pixels];
  // The bias comes last: a sum that starts at a large one is rounded at its size each time.
  unroll<Pixels>([&](auto r) { sums[r] = broadcast<float, A>(0.0f); });
  for (std::int64_t t = 0; t < taps; ++t) {
    const float* x = input + offsets[t];
    const Vec<float, A> weight = load<float, A>(weights + t * block);
    unroll<Pixels>(
        [&](auto r) { sums[r] = fma<A>(load<float, A>(x + r * block), weight, sums[r]); });
  }
  unroll<Pixels>([&](auto r) {
    Vec<float, A> y = sums[r] + out.bias;
    if (out.residual != nullptr) y += load<float, A>(out.residual + r * block);
    store<float, A>(out.y + r * block, clamp<A>(y, out.low, out.high));
  });
}

template <class A>
using DepthwiseMicro = void (*)(std::int64_t taps, const std::int64_t* offsets, const float* input,
                                const float* weights, const DepthwiseOutput<A>& out);

/// depthwise_micro for every number of pixels, less one.
template <class A>
struct DepthwiseMicroTable {
  DepthwiseMicro<A> entries[depthwise_pixels<A>];
};

template <class A>
inline constexpr DepthwiseMicroTable<A> depthwise_micro_table = [
]<int... R>(std::integer_sequence<int, R...>) {
  return DepthwiseMicroTable<A>{{&depthwise_micro<A, R + 1>...}};
}
(std::make_integer_sequence<int, depthwise_pixels<A>>{});

/// Runs one task of blocked_conv_task: a band of one block of channels.
template <class A>
void blocked_depthwise_task(const ConvProblem& problem, const BlockedConvPlan& plan,
                            std::int64_t task, float* scratch) {
  constexpr std::int64_t block = channel_block<A>, max_pixels = depthwise_pixels<A>;
  const ConvShape& s = problem.shape;
  const std::int64_t index = task / plan.bands;  // of image and block
  const std::int64_t f = index % plan.tiles * block, taps = s.kernel.count();
  const ConvBand band = band_of(s.out, plan.band_rows, task % plan.bands);
  const PhasePlanes planes = phase_planes(s, band.size);
  std::int64_t offsets[detail::blocked_max_taps];
  for (std::int64_t t = 0; t < taps; ++t) offsets[t] = phase_tap_offset(s, planes, t) * block;
  split_blocked_phases<A>(s, problem.input + index * s.in.count() * block, band.start, planes,
                          scratch);
  const ClampRange range = clamp_range(problem.activation);
  const bool activates = !range.is_clamp && problem.activation.kind != ActivationKind::none;
  DepthwiseOutput<A> out{nullptr, nullptr, Vec<float, A>(0.0f), Vec<float, A>(range.low),
                         Vec<float, A>(range.high)};
  if (problem.bias != nullptr) out.bias = load<float, A>(problem.bias + f);
  const std::int64_t columns = ceil_div(band.size.w, ceil_div(band.size.w, max_pixels));
  const float* const weights = problem.weights + f * taps;
  for (std::int64_t y = 0; y < band.size.h; ++y) {
    const std::int64_t row = (band.start.h + y) * s.out.w + band.start.w;
    const std::int64_t at = (index * s.out.count() + row) * block;
    for (std::int64_t x = 0; x < band.size.w; x += columns) {
      const std::int64_t pixels = band.size.w - x < columns ? band.size.w - x : columns;
      out.y = problem.output + at + x * block;
      if (problem.residual != nullptr) out.residual = problem.residual + at + x * block;
      depthwise_micro_table<A>.entries[pixels - 1](
          taps, offsets, scratch + (y * planes.size.w + x) * block, weights, out);
    }
    if (activates) {
      float* const to = problem.output + at;
      activate<A>(problem.activation, to, to, band.size.w * block);
    }
  }
}

}  // namespace inlay::inline v0::kernels
