// 3 x 3 convolution on blocked channels by Winograd's F(4x4, 3x3): tiles are transformed, each of
// their 36 points is a product of channels by filters, and sums are transformed back. Errors stay
// within 64 epsilons of the sum of the products' magnitudes in the tests, four times what the
// direct form is held to.
#pragma once

#include <inlay/kernels/blocked_conv_plan.hpp>
#include <inlay/kernels/blocked_micro.hpp>
#include <inlay/kernels/blocked_phases.hpp>
#include <inlay/kernels/winograd.hpp>

namespace inlay::inline v0::kernels {

/// Packs weights [filters, channels, 3, 3]: for each panel of filters and each point, channel after
/// channel, the filters side by side.
template <class A>
void blocked_winograd_pack(const ConvShape& s, const float* weights, float* packed) {
  constexpr std::int64_t block = channel_block<A>, panel = block * blocked_vecs<A>;
  constexpr int count = block < 8 ? static_cast<int>(block) : 8, taps = 9;
  for (std::int64_t f = 0; f < s.filters; f += panel) {
    const std::int64_t left = round_up(s.filters - f, block), width = left < panel ? left : panel;
    for (std::int64_t c = 0; c < s.channels; ++c) {
      for (std::int64_t i = 0; i < width; i += count) {
        float filters[taps * count] = {}, points[winograd_points * count];
        for (std::int64_t j = 0; j < count && f + i + j < s.filters; ++j) {
          const float* const filter = weights + ((f + i + j) * s.channels + c) * taps;
          for (int t = 0; t < taps; ++t) filters[t * count + j] = filter[t];
        }
        winograd_weights<count>(filters, points);
        for (std::int64_t p = 0; p < winograd_points; ++p) {
          float* const to = packed + (p * s.channels + c) * width + i;
          for (int j = 0; j < count; ++j) to[j] = points[p * count + j];
        }
      }
    }
    packed += winograd_points * s.channels * width;
  }
}

namespace detail {

/// y = activation(x + bias + residual) for neighbouring pixels of one filter block; residual may be
/// null or y.
template <class A>
INLAY_INLINE void winograd_finish(const float* x, std::int64_t pixels, const float* bias,
                                  const float* residual, const Activation& activation, float* y) {
  constexpr std::int64_t block = channel_block<A>;
  const ClampRange range = clamp_range(activation);
  const Vec<float, A> low(range.low), high(range.high), add = load<float, A>(bias);
  for (std::int64_t r = 0; r < pixels; ++r) {
    Vec<float, A> sum = load<float, A>(x + r * block) + add;
    if (residual != nullptr) sum += load<float, A>(residual + r * block);
    store<float, A>(y + r * block, clamp<A>(sum, low, high));
  }
  if (!range.is_clamp && activation.kind != ActivationKind::none) {
    activate<A>(activation, y, y, pixels * block);
  }
}

}  // namespace detail

/// Runs one task of blocked_conv_task: some rows of tiles under some filter blocks.
template <class A>
void blocked_winograd_task(const ConvProblem& problem, const BlockedConvPlan& plan,
                           std::int64_t task, float* scratch) {
  constexpr std::int64_t block = channel_block<A>, nr = GemmBlocking<A>::nr;
  constexpr std::int64_t vecs = blocked_vecs<A>, max_pixels = blocked_pixels<A>;
  constexpr std::int64_t out = winograd_out, points = winograd_points;
  const ConvShape& s = problem.shape;
  const BlockedConvPlan::Place place = plan.place(task);
  const ConvBand band = band_of(s.out, plan.band_rows, place.band);
  const std::int64_t wide = ceil_div(s.out.w, out), rows = ceil_div(band.size.h, out);
  const std::int64_t count = rows * wide, blocks = ceil_div(s.channels, block);
  const std::int64_t all = ceil_div(s.filters, block), plane = s.out.count() * block;
  const std::int64_t first = place.tile * plan.tile_blocks;
  const std::int64_t last = all - first < plan.tile_blocks ? all : first + plan.tile_blocks;

  // Transformed tiles [point, channel block, tile, block], sums [point, filter block of a panel,
  // tile, block], and the padded rows of one block of channels.
  const std::int64_t point_step = blocks * count * block;
  float* const tiles = scratch;
  float* const sums = tiles + points * point_step;
  float* const padded = sums + points * count * nr;
  ConvWindow window = s;
  window.out = {1, rows * out, wide * out};
  const PhasePlanes planes = phase_planes(window, window.out);
  for (std::int64_t c = 0; c < blocks; ++c) {
    const float* const input = problem.input + (place.image * blocks + c) * s.in.count() * block;
    split_blocked_phases<A>(window, input, band.start, planes, padded);
    for (std::int64_t t = 0; t < count; ++t) {
      const float* const from = padded + (t / wide * out * planes.size.w + t % wide * out) * block;
      winograd_input<A>(from, planes.size.w * block, tiles + (c * count + t) * block, point_step);
    }
  }

  std::int64_t offsets[detail::blocked_max_taps];
  for (std::int64_t c = 0; c < plan.chunk / block; ++c) offsets[c] = c * count * block;
  const ClampRange none = clamp_range({});
  const BlockedMicroTable<A, channel_block<A>>& table = blocked_micro_table<A, channel_block<A>>;
  for (std::int64_t f = first; f < last; f += vecs) {
    const std::int64_t width = last - f < vecs ? last - f : vecs;
    const float* weights = problem.weights + f * block * points * s.channels;
    for (std::int64_t p = 0; p < points; ++p) {
      detail::for_each_chunk(s.channels, plan.chunk, [&](std::int64_t c, std::int64_t channels) {
        const float* const from = tiles + p * point_step + c * count;
        const std::int64_t taps = ceil_div(channels, block);
        for (std::int64_t t = 0, pixels = 0; t < count; t += pixels) {
          pixels = table.next_pixels(count - t);
          float* const to = sums + (p * vecs * count + t) * block;
          table.get(pixels, width)(
              {from + t * block, offsets, weights, taps, channels / block, block, channels % block,
               block, max_pixels / 2 * block, weights, 0},
              {to, c > 0 ? to : nullptr, blocked_zeros<A>, count * block, block, none.low,
               none.high});
        }
        weights += channels * width * block;
      });
    }
    alignas(64) float results[out * out * block];
    for (std::int64_t v = 0; v < width; ++v) {
      const float* const bias =
          problem.bias == nullptr ? blocked_zeros<A> : problem.bias + (f + v) * block;
      for (std::int64_t t = 0; t < count; ++t) {
        winograd_output<A>(sums + (v * count + t) * block, vecs * count * block, results, block);
        const std::int64_t y = t / wide * out, x = t % wide * out;
        const std::int64_t high = band.size.h - y < out ? band.size.h - y : out;
        const std::int64_t pixels = s.out.w - x < out ? s.out.w - x : out;
        for (std::int64_t i = 0; i < high; ++i) {
          const std::int64_t at =
              (place.image * all + f + v) * plane + ((band.start.h + y + i) * s.out.w + x) * block;
          detail::winograd_finish<A>(results + i * out * block, pixels, bias,
                                     problem.residual == nullptr ? nullptr : problem.residual + at,
                                     problem.activation, problem.output + at);
        }
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
