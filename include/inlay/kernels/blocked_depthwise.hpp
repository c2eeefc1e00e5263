// Convolution with one channel per group on blocked channels: pixels are whole registers.
#pragma once

#include <inlay/kernels/blocked_conv_plan.hpp>
#include <inlay/kernels/blocked_micro.hpp>

namespace inlay::inline v0::kernels {

/// Pixels in registers at once; a tap takes one more.
template <class A>
inline constexpr int depthwise_pixels = vector_registers<A> == 32 ? 14 : 8;

/// A run of pixels that see the same taps.
template <class A>
struct DepthwiseRun {
  const float* input;     ///< where the first pixel's window begins
  const float* weights;   ///< of the block, [tap, block]
  const float* residual;  ///< may be null
  float* y;
  std::int64_t taps;
  const std::int64_t* offsets;     ///< of the taps
  const std::int64_t* places;      ///< likewise, in the weights
  std::int64_t in_step, out_step;  ///< floats from a pixel to the next
  Vec<float, A> bias, low, high;
};

/// y[r] = clamp(residual[r] + bias + sum over taps of input[offset + r] * weight) for Pixels pixels
/// r, each a register. `Dense`: they are neighbours in input and output.
template <class A, int Pixels, bool Dense>
INLAY_FLATTEN void depthwise_micro(const DepthwiseRun<A>& run) {
  constexpr std::int64_t block = channel_block<A>;
  const std::int64_t in_step = Dense ? block : run.in_step, out_step = Dense ? block : run.out_step;
  Vec<float, A> sums[Pixels];
  // The bias comes last: a sum that starts at a large one is rounded at its size each time.
  unroll<Pixels>([&](auto r) { sums[r] = broadcast<float, A>(0.0f); });
  for (std::int64_t t = 0; t < run.taps; ++t) {
    const float* x = run.input + run.offsets[t];
    const Vec<float, A> weight = load<float, A>(run.weights + run.places[t]);
    unroll<Pixels>(
        [&](auto r) { sums[r] = fma<A>(load<float, A>(x + r * in_step), weight, sums[r]); });
  }
  unroll<Pixels>([&](auto r) {
    Vec<float, A> y = sums[r] + run.bias;
    if (run.residual != nullptr) y += load<float, A>(run.residual + r * out_step);
    store<float, A>(run.y + r * out_step, clamp<A>(y, run.low, run.high));
  });
}

template <class A>
using DepthwiseMicro = void (*)(const DepthwiseRun<A>& run);

/// depthwise_micro for the numbers of pixels that tile_pixels gives (the most last), of dense runs
/// and of others.
template <class A>
struct DepthwiseMicroTable {
  static constexpr int most = depthwise_pixels<A>, small = most / 2;
  DepthwiseMicro<A> entries[small + 1][2];

  INLAY_INLINE constexpr DepthwiseMicro<A> get(std::int64_t pixels, bool dense) const {
    return entries[pixels > small ? small : pixels - 1][dense];
  }
};

template <class A>
inline constexpr DepthwiseMicroTable<A> depthwise_micro_table = [
]<int... R>(std::integer_sequence<int, R...>) {
  using Table = DepthwiseMicroTable<A>;
  return Table{{{&depthwise_micro < A, R < Table::small ? R + 1 : Table::most, false >,
                 &depthwise_micro < A, R < Table::small ? R + 1 : Table::most, true > }...}};
}
(std::make_integer_sequence<int, DepthwiseMicroTable<A>::small + 1>{});

namespace detail {

/// Neighbouring outputs along an axis that see the same taps of it, inside the picture.
struct TapRun {
  std::int64_t begin, end;   ///< outputs
  std::int64_t first, last;  ///< taps first <= t < last
};

/// One axis of a window.
struct TapAxis {
  std::int64_t in, kernel, stride, dilation, pad;

  /// The run that begins at output `at`, up to `end`.
  INLAY_INLINE TapRun run(std::int64_t at, std::int64_t end) const {
    TapRun result = taps(at);
    for (; result.end < end; ++result.end) {
      const TapRun next = taps(result.end);
      if (next.first != result.first || next.last != result.last) break;
    }
    return result;
  }

 private:
  INLAY_INLINE TapRun taps(std::int64_t at) const {
    const std::int64_t start = at * stride - pad;
    TapRun result{at, at + 1, 0, kernel};
    while (result.first < kernel && start + result.first * dilation < 0) ++result.first;
    while (result.last > result.first && start + (result.last - 1) * dilation >= in) --result.last;
    return result;
  }
};

}  // namespace detail

/// Runs one task of blocked_conv_task: a band of one block of channels. The picture is cut where
/// taps leave it, so that nothing is padded or copied.
template <class A>
void blocked_depthwise_task(const ConvProblem& problem, const BlockedConvPlan& plan,
                            std::int64_t task) {
  constexpr std::int64_t block = channel_block<A>, max_pixels = depthwise_pixels<A>;
  const ConvShape& s = problem.shape;
  const std::int64_t index = task / plan.bands;  // of image and block
  const std::int64_t f = index % plan.tiles * block;
  const ConvBand band = band_of(s.out, plan.band_rows, task % plan.bands);
  const ClampRange range = clamp_range(problem.activation);
  DepthwiseRun<A> run{};
  std::int64_t offsets[detail::blocked_max_taps], places[detail::blocked_max_taps];
  run.weights = problem.weights + f * s.kernel.count();
  run.offsets = offsets, run.places = places;
  run.bias = problem.bias == nullptr ? Vec<float, A>(0.0f) : load<float, A>(problem.bias + f);
  run.low = Vec<float, A>(range.low), run.high = Vec<float, A>(range.high);
  const std::int64_t output = index * s.out.count() * block;
  const std::int64_t end = band.start.h + band.size.h, x_end = band.start.w + band.size.w;
  const detail::TapAxis vertical = {s.in.h, s.kernel.h, s.stride.h, s.dilation.h, s.pad.h};
  const detail::TapAxis across = {s.in.w, s.kernel.w, s.stride.w, s.dilation.w, s.pad.w};
  detail::TapRun rows{}, columns{};
  for (std::int64_t y = band.start.h; y < end; y = rows.end) {
    rows = vertical.run(y, end);
    for (std::int64_t x = band.start.w; x < x_end; x = columns.end) {
      columns = across.run(x, x_end);
      run.taps = 0;
      for (std::int64_t i = rows.first; i < rows.last; ++i) {
        for (std::int64_t j = columns.first; j < columns.last; ++j, ++run.taps) {
          offsets[run.taps] = (i * s.dilation.h * s.in.w + j * s.dilation.w) * block;
          places[run.taps] = (i * s.kernel.w + j) * block;
        }
      }
      // Along the longer side: registers hold neighbours of a row or of a column.
      const std::int64_t high = rows.end - rows.begin, wide = columns.end - columns.begin;
      const bool down = high > wide;
      const std::int64_t lines = down ? wide : high, length = down ? high : wide;
      run.in_step = (down ? s.stride.h * s.in.w : s.stride.w) * block;
      run.out_step = (down ? s.out.w : 1) * block;
      const bool dense = run.in_step == block && run.out_step == block;
      for (std::int64_t line = 0; line < lines; ++line) {
        for (std::int64_t i = 0, pixels = 0; i < length; i += pixels) {
          pixels = tile_pixels(length - i, max_pixels, false);
          const std::int64_t oy = y + (down ? i : line), ox = x + (down ? line : i);
          const std::int64_t at = output + (oy * s.out.w + ox) * block;
          run.input = problem.input + ((index * s.in.h + oy * s.stride.h - s.pad.h) * s.in.w +
                                       ox * s.stride.w - s.pad.w) *
                                          block;
          run.y = problem.output + at;
          run.residual = problem.residual == nullptr ? nullptr : problem.residual + at;
          depthwise_micro_table<A>.get(pixels, dense)(run);
        }
      }
    }
  }
  if (!range.is_clamp && problem.activation.kind != ActivationKind::none) {
    float* const to = problem.output + output + (band.start.h * s.out.w + band.start.w) * block;
    activate<A>(problem.activation, to, to, band.size.count() * block);
  }
}

}  // namespace inlay::inline v0::kernels
