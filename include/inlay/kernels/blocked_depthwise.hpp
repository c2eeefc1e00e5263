// Convolution with one channel per group on blocked channels: pixels are whole registers.
#pragma once

#include <array>
#include <utility>

#include <inlay/kernels/blocked_conv_plan.hpp>
#include <inlay/kernels/blocked_micro.hpp>

namespace inlay::inline v0::kernels {

/// Numbers of pixels in registers at once, where a tap takes one more: among them what the common
/// sizes of pictures leave between their borders.
template <class A>
inline constexpr auto depthwise_pixels = [] {
  if constexpr (vector_registers<A> == 32) {
    return std::to_array({1, 3, 5, 7, 10, 12, 14});
  } else {
    return std::to_array({1, 2, 4, 6, 8});
  }
}();

/// Pixels that see the same taps: lines of tiles of neighbours.
template <class A>
struct DepthwiseRun {
  const float* input;     ///< where the first pixel's window begins
  const float* weights;   ///< of the block, [tap, block]
  const float* residual;  ///< may be null
  float* y;
  std::int64_t taps;
  const std::int64_t* offsets;       ///< of the taps
  const std::int64_t* places;        ///< likewise, in the weights
  std::int64_t in_step, out_step;    ///< floats from a pixel to the next
  std::int64_t in_pitch, out_pitch;  ///< from a line to the next
  std::int64_t lines, tiles;         ///< tiles per line
  Vec<float, A> bias, low, high;
};

/// y[r] = clamp(residual[r] + bias + sum over taps of input[offset + r] * weight), a register per
/// pixel, for all pixels r of a run, `Pixels` a tile. `Dense`: those of a line are neighbours in
/// input and output.
template <class A, int Pixels, bool Dense>
INLAY_FLATTEN void depthwise_micro(const DepthwiseRun<A>& run) {
  constexpr std::int64_t block = channel_block<A>;
  const std::int64_t in_step = Dense ? block : run.in_step, out_step = Dense ? block : run.out_step;
  const std::int64_t taps = run.taps;
  const Vec<float, A> bias = run.bias, low = run.low, high = run.high;
  for (std::int64_t line = 0; line < run.lines; ++line) {
    const float* input = run.input + line * run.in_pitch;
    float* y = run.y + line * run.out_pitch;
    const float* residual = run.residual == nullptr ? nullptr : run.residual + line * run.out_pitch;
    for (std::int64_t i = 0; i < run.tiles; ++i, input += Pixels * in_step) {
      Vec<float, A> sums[Pixels];
      // The bias comes last: a sum that starts at a large one is rounded at its size each time.
      unroll<Pixels>([&](auto r) { sums[r] = broadcast<float, A>(0.0f); });
      for (std::int64_t t = 0; t < taps; ++t) {
        const float* x = input + run.offsets[t];
        const Vec<float, A> weight = load<float, A>(run.weights + run.places[t]);
        unroll<Pixels>(
            [&](auto r) { sums[r] = fma<A>(load<float, A>(x + r * in_step), weight, sums[r]); });
      }
      unroll<Pixels>([&](auto r) { sums[r] += bias; });
      if (residual != nullptr) {
        unroll<Pixels>([&](auto r) { sums[r] += load<float, A>(residual + r * out_step); });
        residual += Pixels * out_step;
      }
      unroll<Pixels>(
          [&](auto r) { store<float, A>(y + r * out_step, clamp<A>(sums[r], low, high)); });
      y += Pixels * out_step;
    }
  }
}

template <class A>
using DepthwiseMicro = void (*)(const DepthwiseRun<A>& run);

/// depthwise_micro for those numbers of pixels, of dense runs and of others.
template <class A>
inline constexpr auto depthwise_micro_table = []<std::size_t... I>(std::index_sequence<I...>) {
  using Micro = DepthwiseMicro<A>;
  return std::array<std::array<Micro, 2>, sizeof...(I)>{
      {{&depthwise_micro<A, depthwise_pixels<A>[I], false>,
        &depthwise_micro<A, depthwise_pixels<A>[I], true>}...}};
}
(std::make_index_sequence<depthwise_pixels<A>.size()>{});

namespace detail {

/// depthwise_micro on `lines` lines of `length` pixels.
template <class A>
INLAY_INLINE void depthwise_lines(DepthwiseRun<A>& run, std::int64_t lines, std::int64_t length) {
  constexpr std::int64_t block = channel_block<A>;
  const bool dense = run.in_step == block && run.out_step == block;
  run.lines = lines;
  std::size_t size = depthwise_pixels<A>.size() - 1;
  for (std::int64_t left = length; left > 0;) {
    while (depthwise_pixels<A>[size] > left) --size;
    run.tiles = left / depthwise_pixels<A>[size];
    depthwise_micro_table<A>[size][dense](run);
    const std::int64_t done = run.tiles * depthwise_pixels<A>[size];
    run.input += done * run.in_step;
    run.y += done * run.out_step;
    if (run.residual != nullptr) run.residual += done * run.out_step;
    left -= done;
  }
}

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

/// One block of channels in a band, `index` of images and blocks. The picture is cut where taps
/// leave it, so that nothing is padded or copied.
template <class A>
void depthwise_block(const ConvProblem& problem, const ConvBand& band, std::int64_t index) {
  constexpr std::int64_t block = channel_block<A>;
  const ConvShape& s = problem.shape;
  const std::int64_t f = index % ceil_div(s.filters, block) * block;
  const ClampRange range = clamp_range(problem.activation);
  DepthwiseRun<A> run{};
  std::int64_t offsets[detail::blocked_max_taps], places[detail::blocked_max_taps];
  run.weights = problem.weights + f * s.kernel.count();
  run.offsets = offsets, run.places = places;
  run.bias = problem.bias == nullptr ? Vec<float, A>(0.0f) : load<float, A>(problem.bias + f);
  run.low = Vec<float, A>(range.low), run.high = Vec<float, A>(range.high);
  const std::int64_t in_plane = problem.in_plane == 0 ? s.in.count() : problem.in_plane;
  const std::int64_t out_plane = problem.spread.plane == 0 ? s.out.count() : problem.spread.plane;
  const float* const input = problem.input + index * in_plane * block;
  const auto write_to = [&](std::int64_t y, std::int64_t x) {
    const std::int64_t at = (index * out_plane + y * s.out.w + x) * block;
    run.y = problem.output + at;
    run.residual = problem.residual == nullptr ? nullptr : problem.residual + at;
  };
  const std::int64_t end = band.start.h + band.size.h, x_end = band.start.w + band.size.w;
  const TapAxis vertical = {s.in.h, s.kernel.h, s.stride.h, s.dilation.h, s.pad.h};
  const TapAxis across = {s.in.w, s.kernel.w, s.stride.w, s.dilation.w, s.pad.w};
  TapRun rows{}, columns{};
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
      run.input = input + ((y * s.stride.h - s.pad.h) * s.in.w + x * s.stride.w - s.pad.w) * block;
      write_to(y, x);
      run.in_step = s.stride.w * block, run.out_step = block;
      run.in_pitch = s.stride.h * s.in.w * block, run.out_pitch = s.out.w * block;
      // Along the longer side: registers hold neighbours of a row or of a column.
      std::int64_t lines = rows.end - rows.begin, length = columns.end - columns.begin;
      if (lines > length) {
        std::swap(lines, length);
        std::swap(run.in_step, run.in_pitch);
        std::swap(run.out_step, run.out_pitch);
      }
      depthwise_lines(run, lines, length);
    }
  }
  if (!range.is_clamp && problem.activation.kind != ActivationKind::none) {
    write_to(band.start.h, band.start.w);
    activate<A>(problem.activation, run.y, run.y, band.size.count() * block);
  }
}

}  // namespace detail

/// Runs one task of blocked_conv_task: a band of some blocks of channels.
template <class A>
void blocked_depthwise_task(const ConvProblem& problem, const BlockedConvPlan& plan,
                            std::int64_t task) {
  const ConvShape& s = problem.shape;
  const std::int64_t blocks = ceil_div(s.filters, channel_block<A>);
  const BlockedConvPlan::Place place = plan.place(task);
  const ConvBand band = band_of(s.out, plan.band_rows, place.band);
  const std::int64_t first = place.tile * plan.tile_blocks;
  for (std::int64_t i = first; i < blocks && i < first + plan.tile_blocks; ++i) {
    detail::depthwise_block<A>(problem, band, place.image * blocks + i);
  }
}

}  // namespace inlay::inline v0::kernels
