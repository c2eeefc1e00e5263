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
      if (depthwise) {
        for (std::int64_t t = 0; t < taps; ++t) product(0, t);
        continue;
      }
      detail::for_each_chunk<A>(s, plan,
                                [&](std::int64_t first, std::int64_t count, std::int64_t inner) {
                                  for (std::int64_t c = first; c < first + count; c += inner) {
                                    for (std::int64_t t = 0; t < taps; ++t) {
                                      for (std::int64_t i = 0; i < inner; ++i) product(c + i, t);
                                    }
                                  }
                                });
    }
  }
}

namespace detail {

/// Of a sum of `product` products, the taps that are summed up at once, where there are `all` of
/// `inner` channels each. Pieces round less away; where sums are short (and in a picture itself,
/// whose numbers are large) they cost little.
INLAY_INLINE std::int64_t blocked_piece(std::int64_t product, std::int64_t kernel, std::int64_t all,
                                        std::int64_t inner) {
  constexpr std::int64_t short_sum = 64, piece = 16, planar_piece = 32;
  if (inner == 1) return kernel < planar_piece ? planar_piece / kernel * kernel : kernel;
  if (product > short_sum) return all;
  return inner < piece ? piece / inner : 1;
}

/// Some rows of pixels as the micro-kernel reads them, and where their products begin.
struct BlockedSource {
  const float* input;
  const std::int64_t* offsets;
  std::int64_t taps, inner;
  std::int64_t piece;    ///< taps that are summed up at once
  std::int64_t pitch;    ///< floats from a row to the next
  std::int64_t product;  ///< products before these, of the whole sum
};

/// A band of the output under some filter blocks of one group.
struct BlockedTile {
  Extent3 size;          ///< of the band
  std::int64_t pixel;    ///< its first, in the plane
  std::int64_t width;    ///< pixels of a row of the plane
  std::int64_t block;    ///< first filter block, in the group
  std::int64_t blocks;   ///< how many
  std::int64_t product;  ///< products of a whole sum
};

/// Sums of one source for a tile. `problem` is that of the image and group.
template <class A, int Step>
INLAY_INLINE void blocked_tile(const ConvProblem& problem, const BlockedTile& tile,
                               const BlockedSource& source, bool first, bool last,
                               std::int64_t plane) {
  constexpr std::int64_t block = channel_block<A>;
  constexpr std::int64_t vecs = blocked_vecs<A>, max_pixels = blocked_pixels<A>;
  alignas(64) float acc[max_pixels * GemmBlocking<A>::nr];
  const std::int64_t columns = ceil_div(tile.size.w, ceil_div(tile.size.w, max_pixels));
  for (std::int64_t j = 0; j < tile.blocks; j += vecs) {
    const std::int64_t wide = tile.blocks - j < vecs ? tile.blocks - j : vecs;
    const std::int64_t f = (tile.block + j) * block;
    const float* weights = problem.weights + f * tile.product + source.product * wide * block;
    // The next filters' weights come from far away: they are fetched while these are at work.
    const std::int64_t later = tile.blocks - j - wide, next_wide = later < vecs ? later : vecs;
    const float* next =
        problem.weights + (f + wide * block) * tile.product + source.product * next_wide * block;
    const std::int64_t next_size = source.taps * source.inner * next_wide * block;
    const std::int64_t step =
        round_up(ceil_div(next_size, tile.size.h * ceil_div(tile.size.w, columns)), 16);
    std::int64_t fetched = 0;
    for (std::int64_t y = 0; y < tile.size.h; ++y) {
      for (std::int64_t x = 0; x < tile.size.w; x += columns) {
        const std::int64_t pixels = tile.size.w - x < columns ? tile.size.w - x : columns;
        const std::int64_t at =
            (tile.block + j) * plane + (tile.pixel + y * tile.width + x) * block;
        const std::int64_t end = fetched + step < next_size ? fetched + step : next_size;
        for (; fetched < end; fetched += 16) prefetch_l2(next + fetched);
        const float* const input = source.input + y * source.pitch + x * Step;
        for (std::int64_t t = 0; t < source.taps; t += source.piece) {
          const std::int64_t left = source.taps - t,
                             taps = left < source.piece ? left : source.piece;
          blocked_sums<A, Step>(pixels, wide, taps, source.offsets + t, source.inner, input,
                                weights + t * source.inner * wide * block, t > 0, acc);
        }
        blocked_finish<A>(
            acc, pixels, wide,
            {problem.output + at, problem.residual == nullptr ? nullptr : problem.residual + at,
             problem.bias == nullptr ? nullptr : problem.bias + f, plane, &problem.activation,
             first, last});
      }
    }
  }
}

}  // namespace detail

/// Runs one task of a plan made for the same shape. Input (unless planar), residual and output are
/// blocked, the bias covers whole blocks. `scratch` holds plan.scratch_floats and belongs to this
/// call alone; aligned to 64 bytes it is fastest.
template <class A>
void blocked_conv_task(const ConvProblem& problem, const BlockedConvPlan& plan, std::int64_t task,
                       float* scratch) {
  constexpr std::int64_t block = channel_block<A>;
  const ConvShape& s = problem.shape;
  if (plan.method == BlockedMethod::depthwise) {
    return blocked_depthwise_task<A>(problem, plan, task, scratch);
  }
  if (plan.method == BlockedMethod::winograd) {
    return blocked_winograd_task<A>(problem, plan, task, scratch);
  }
  const bool planar = plan.method == BlockedMethod::planar;
  const std::int64_t index = task / (plan.tiles * plan.bands);  // of image and group
  const std::int64_t group = index % s.groups, taps = s.kernel.count();
  // Bands in turn under the same filters: where there are few bands, weights are what is large.
  const ConvBand band = band_of(plan.out, plan.band_rows, task % plan.bands);
  const std::int64_t blocks = ceil_div(s.group_filters(), block), plane = s.out.count() * block;
  detail::BlockedTile tile;
  tile.size = band.size;
  tile.width = plan.out.w;
  tile.pixel = band.start.h * plan.out.w + band.start.w;
  tile.block = task / plan.bands % plan.tiles * plan.tile_blocks;
  tile.blocks = blocks - tile.block < plan.tile_blocks ? blocks - tile.block : plan.tile_blocks;
  tile.product = s.group_channels() * taps;

  ConvProblem part = problem;
  const std::int64_t in_plane = s.in.count() * (planar ? 1 : block);
  part.input += index * (planar ? s.channels : ceil_div(s.group_channels(), block)) * in_plane;
  part.output += index * blocks * plane;
  if (part.residual != nullptr) part.residual += index * blocks * plane;
  part.weights += group * blocks * block * tile.product;
  if (part.bias != nullptr) part.bias += group * blocks * block;

  ConvWindow window = s;
  window.in = plan.in, window.out = plan.out;
  const PhasePlanes planes = phase_planes(window, band.size);
  std::int64_t offsets[detail::blocked_max_taps];
  const bool pointwise = plan.method == BlockedMethod::pointwise;
  std::int64_t product = 0;
  detail::for_each_chunk<A>(
      s, plan, [&](std::int64_t first, std::int64_t channels, std::int64_t inner) {
        const std::int64_t count = ceil_div(channels, inner);  // planes
        const std::int64_t step = pointwise ? in_plane : planes.floats * (planar ? 1 : block);
        for (std::int64_t i = 0; i < count * taps; ++i) {
          const std::int64_t offset = pointwise ? 0 : phase_tap_offset(window, planes, i % taps);
          offsets[i] = i / taps * step + offset * (planar ? 1 : block);
        }
        const float* input = part.input + (planar ? first : first / block) * in_plane;
        if (pointwise) {
          input += band.start.w * block;
        } else {
          for (std::int64_t i = 0; i < count; ++i) {
            float* const to = scratch + i * step;
            if (planar) {
              split_phases<A>(window, input + i * in_plane, band.start, planes, to);
            } else {
              split_blocked_phases<A>(window, input + i * in_plane, band.start, planes, to);
            }
          }
          input = scratch;
        }
        const std::int64_t piece = detail::blocked_piece(tile.product, taps, count * taps, inner);
        const detail::BlockedSource source = {input,  offsets, count * taps,
                                              inner,  piece,   planes.size.w * (planar ? 1 : block),
                                              product};
        product += channels * taps;
        const bool last = product == tile.product;
        if (planar) {
          detail::blocked_tile<A, 1>(part, tile, source, first == 0, last, plane);
        } else {
          detail::blocked_tile<A, channel_block<A>>(part, tile, source, first == 0, last, plane);
        }
      });
}

}  // namespace inlay::inline v0::kernels
