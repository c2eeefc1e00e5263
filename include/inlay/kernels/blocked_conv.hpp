// f32 convolution in one and two dimensions on blocked channels, as tasks in any order.
#pragma once

#include <inlay/kernels/blocked_conv_plan.hpp>
#include <inlay/kernels/blocked_depthwise.hpp>
#include <inlay/kernels/blocked_micro.hpp>
#include <inlay/kernels/blocked_phases.hpp>
#include <inlay/kernels/blocked_winograd.hpp>

namespace inlay::inline v0::kernels {

/// Packs weights [filters, channels / groups, kernel] into plan.packed_floats floats: for each
/// panel of filters, chunk after chunk, the filters of a product side by side.
template <class A>
INLAY_COLD void blocked_conv_pack(const ConvShape& s, const BlockedConvPlan& plan,
                                  const float* weights, float* packed) {
  if (plan.method == BlockedMethod::winograd) return blocked_winograd_pack<A>(s, weights, packed);
  constexpr std::int64_t block = channel_block<A>;
  const std::int64_t taps = s.kernel.count(), channels = s.group_channels();
  const bool depthwise = plan.method == BlockedMethod::depthwise;
  const std::int64_t inner = plan.method == BlockedMethod::planar ? 1 : block;
  const std::int64_t filters = depthwise ? s.filters : s.group_filters();
  const std::int64_t panel = depthwise ? block : block * blocked_vecs<A>;
  for (std::int64_t g = 0; g < (depthwise ? 1 : s.groups); ++g) {
    const float* const group = weights + g * filters * channels * taps;
    for (std::int64_t f = 0; f < filters; f += panel) {
      const std::int64_t left = round_up(filters - f, block), width = left < panel ? left : panel;
      const auto product = [&](std::int64_t c, std::int64_t t) {
        for (std::int64_t i = 0; i < width; ++i, ++packed) {
          *packed = f + i < filters ? group[((f + i) * channels + c) * taps + t] : 0.0f;
        }
      };
      for (std::int64_t c = 0; c < channels; c += inner) {
        const std::int64_t count = channels - c < inner ? channels - c : inner;
        for (std::int64_t t = 0; t < taps; ++t) {
          for (std::int64_t i = 0; i < count; ++i) product(c + i, t);
        }
      }
    }
  }
}

namespace detail {

/// Some rows of pixels as the micro-kernel reads them; its weights are those of the first filter.
struct BlockedSource {
  BlockedInput in;
  std::int64_t pitch;     ///< floats from a row to the next
  std::int64_t before;    ///< products before these, of the whole sum
  std::int64_t products;  ///< of these
};

/// A band of the output under some filter blocks of one group.
struct BlockedTile {
  Extent3 size;          ///< of the band
  std::int64_t pixel;    ///< its first, in the plane
  std::int64_t row;      ///< pixels from a row to the next
  std::int64_t step;     ///< from a pixel to the next
  std::int64_t block;    ///< first filter block, in the group
  std::int64_t blocks;   ///< how many
  std::int64_t later;    ///< filter blocks that come after them
  std::int64_t product;  ///< products of a whole sum
};

/// Sums of one source for a tile. `problem` is that of the image and group.
template <class A, int Step>
INLAY_INLINE void blocked_tile(const ConvProblem& problem, const BlockedTile& tile,
                               const BlockedSource& source, std::int64_t plane) {
  constexpr std::int64_t block = channel_block<A>;
  constexpr std::int64_t vecs = blocked_vecs<A>, max_pixels = blocked_pixels<A>;
  const bool first = source.before == 0, last = source.before + source.products == tile.product;
  const ClampRange range = clamp_range(problem.activation), clamps = last ? range : clamp_range({});
  const bool activates = last && !range.is_clamp && problem.activation.kind != ActivationKind::none;
  // Two rows of a picture that is half a tile wide make a tile.
  const bool narrow =
      Step != 0 && 2 * tile.size.w == max_pixels && tile.row == tile.size.w && tile.step == 1;
  const std::int64_t rows = narrow ? 2 : 1;
  const std::int64_t steps = ceil_div(tile.size.h, rows) * ceil_div(rows * tile.size.w, max_pixels);
  for (std::int64_t j = 0; j < tile.blocks; j += vecs) {
    const std::int64_t wide = tile.blocks - j < vecs ? tile.blocks - j : vecs;
    const std::int64_t f = (tile.block + j) * block;
    const float* const weights = problem.weights + f * tile.product + source.before * wide * block;
    // The next filters' weights come from far away: they are fetched while these are at work.
    const std::int64_t later = tile.blocks - j - wide + tile.later;
    const std::int64_t next_wide = later < vecs ? later : vecs;
    BlockedInput in = source.in;
    in.weights = weights;
    in.jump = narrow ? source.pitch : max_pixels / 2 * Step;
    in.far = weights + source.products * wide * block;
    in.far_step = ceil_div(next_wide * block, steps);
    if (next_wide > 0) {
      in.far =
          problem.weights + (f + wide * block) * tile.product + source.before * next_wide * block;
    }
    // The bias comes last: a sum that starts at a large one is rounded at its size each time.
    const float* const bias = last && problem.bias != nullptr ? problem.bias + f : blocked_zeros<A>;
    for (std::int64_t y = 0; y < tile.size.h; y += rows) {
      const std::int64_t high = tile.size.h - y < rows ? tile.size.h - y : rows;
      const std::int64_t row = (tile.block + j) * plane + (tile.pixel + y * tile.row) * block;
      for (std::int64_t x = 0, pixels = 0; x < tile.size.w * high; x += pixels) {
        pixels = BlockedMicroTable<A, Step>::next_pixels(tile.size.w * high - x);
        in.input = source.in.input + y * source.pitch + x * (Step == 0 ? in.step : Step);
        const std::int64_t at = row + x * tile.step * block;
        float* const to = problem.output + at;
        const float* const residual = problem.residual == nullptr ? nullptr : problem.residual + at;
        blocked_micro_table<A, Step>.get(pixels, wide)(
            in,
            {to, first ? residual : to, bias, plane, tile.step * block, clamps.low, clamps.high});
        in.far += source.products * in.far_step;
      }
      if (!activates) continue;
      for (std::int64_t v = 0; v < wide; ++v) {
        float* to = problem.output + row + v * plane;
        const std::int64_t run = tile.step == 1 ? high * tile.size.w : 1;
        for (std::int64_t x = 0; x < tile.size.w * high; x += run, to += tile.step * block) {
          activate<A>(problem.activation, to, to, run * block);
        }
      }
    }
  }
}

/// A band of the output under some filter blocks of one group.
template <class A>
void blocked_conv_band(const ConvProblem& problem, const BlockedConvPlan& plan, std::int64_t image,
                       const ConvBand& band, std::int64_t first_block, std::int64_t tile_blocks,
                       bool then_next, float* scratch) {
  constexpr std::int64_t block = channel_block<A>;
  const ConvShape& s = problem.shape;
  const bool planar = plan.method == BlockedMethod::planar;
  const bool pointwise = plan.method == BlockedMethod::pointwise;
  const std::int64_t inner = planar ? 1 : block;
  const std::int64_t group = image % s.groups, taps = s.kernel.count();
  ConvSpread spread = problem.spread;
  if (spread.plane == 0) spread = {s.out.count(), 0, plan.out.w, 1};
  const std::int64_t blocks = ceil_div(s.group_filters(), block), plane = spread.plane * block;
  BlockedTile tile;
  tile.size = band.size;
  tile.row = spread.row;
  tile.step = spread.step;
  tile.pixel = spread.first + band.start.h * spread.row + band.start.w * spread.step;
  tile.block = first_block;
  tile.blocks = blocks - first_block < tile_blocks ? blocks - first_block : tile_blocks;
  tile.later = then_next ? blocks - tile.block - tile.blocks : 0;
  tile.product = s.group_channels() * taps;

  ConvProblem part = problem;
  const std::int64_t in_plane = (problem.in_plane == 0 ? s.in.count() : problem.in_plane) * inner;
  part.input += image * ceil_div(s.group_channels(), inner) * in_plane;
  part.output += image * blocks * plane;
  if (part.residual != nullptr) part.residual += image * blocks * plane;
  part.weights += group * blocks * block * tile.product;
  if (part.bias != nullptr) part.bias += group * blocks * block;

  ConvWindow window = s;
  window.in = plan.in, window.out = plan.out;
  Extent3 start = band.start, size = band.size;
  if (planar) read_all(window, start, size);
  const PhasePlanes planes = phase_planes(window, size);
  const std::int64_t step = pointwise ? in_plane : planes.floats * inner;
  std::int64_t offsets[blocked_max_taps];
  for_each_chunk(s.group_channels(), plan.chunk, [&](std::int64_t first, std::int64_t channels) {
    const std::int64_t count = ceil_div(channels, inner);  // planes
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t at = pointwise ? 0 : phase_tap_offset(window, planes, t) * inner;
      for (std::int64_t i = 0; i < count; ++i) offsets[i * taps + t] = i * step + at;
    }
    const float* input = part.input + first / inner * in_plane;
    if (pointwise) {
      input += (band.start.h * s.in.w + band.start.w) * block;
    } else {
      for (std::int64_t i = 0; i < count; ++i) {
        float* const to = scratch + i * step;
        if (planar) {
          split_phases<A>(window, input + i * in_plane, start, planes, to);
        } else {
          split_blocked_phases<A>(window, input + i * in_plane, band.start, planes, to);
        }
      }
      input = scratch;
    }
    const BlockedSource source = {{input, offsets, nullptr, count * taps, channels / inner * taps,
                                   inner, channels % inner, s.stride.w, 0, nullptr, 0},
                                  planes.size.w * inner * (planar ? s.stride.h : 1),
                                  first * taps,
                                  channels * taps};
    if (planar) {
      blocked_tile<A, 0>(part, tile, source, plane);
    } else {
      blocked_tile<A, channel_block<A>>(part, tile, source, plane);
    }
  });
}

}  // namespace detail

/// Runs one task of a plan made for the same shape. Input (unless planar), residual and output are
/// blocked, the bias covers whole blocks. `scratch` holds plan.scratch_floats and belongs to this
/// call alone; aligned to 64 bytes it is fastest.
template <class A>
void blocked_conv_task(const ConvProblem& problem, const BlockedConvPlan& plan, std::int64_t task,
                       float* scratch) {
  if (plan.method == BlockedMethod::depthwise) {
    return blocked_depthwise_task<A>(problem, plan, task);
  }
  if (plan.method == BlockedMethod::winograd) {
    return blocked_winograd_task<A>(problem, plan, task, scratch);
  }
  const BlockedConvPlan::Place place = plan.place(task);
  const bool then_next = !plan.bands_first || place.band + 1 == plan.bands;
  detail::blocked_conv_band<A>(problem, plan, place.image,
                               band_of(plan.out, plan.band_rows, place.band),
                               place.tile * plan.tile_blocks, plan.tile_blocks, then_next, scratch);
}

/// Rows [begin, end) of the output of one image, for plans of any method but winograd, of one group
/// or depthwise. Of each plane of input and output, memory holds the rows in `in` and `out` alone.
template <class A>
void blocked_conv_rows(const ConvProblem& problem, const BlockedConvPlan& plan, const ConvRows& in,
                       const ConvRows& out, std::int64_t begin, std::int64_t end, float* scratch) {
  constexpr std::int64_t block = channel_block<A>;
  const ConvShape& s = problem.shape;
  const bool planar = plan.method == BlockedMethod::planar;
  const std::int64_t blocks = ceil_div(s.filters, block);
  ConvProblem part = problem;
  part.in_plane = in.count * s.in.w;
  part.input -= in.first * s.in.w * (planar ? 1 : block);
  part.spread = {out.count * s.out.w, 0, s.out.w, 1};
  part.output -= out.first * s.out.w * block;
  if (plan.method == BlockedMethod::depthwise) {
    const ConvBand band = {{0, begin, 0}, {1, end - begin, s.out.w}};
    for (std::int64_t i = 0; i < blocks; ++i) detail::depthwise_block<A>(part, band, i);
    return;
  }
  if (plan.method == BlockedMethod::pointwise) {
    const ConvBand band = {{0, 0, begin * s.out.w}, {1, 1, (end - begin) * s.out.w}};
    return detail::blocked_conv_band<A>(part, plan, 0, band, 0, blocks, true, scratch);
  }
  for (std::int64_t y = begin; y < end; y += plan.band_rows) {
    const std::int64_t rows = end - y < plan.band_rows ? end - y : plan.band_rows;
    const ConvBand band = {{0, y, 0}, {1, rows, s.out.w}};
    detail::blocked_conv_band<A>(part, plan, 0, band, 0, blocks, true, scratch);
  }
}

}  // namespace inlay::inline v0::kernels
