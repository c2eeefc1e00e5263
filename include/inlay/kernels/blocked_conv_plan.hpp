// How a convolution on blocked channels is cut into tasks: plain data and its heuristics.
#pragma once

#include <inlay/kernels/blocked_layout.hpp>
#include <inlay/kernels/gemm_blocking.hpp>
#include <inlay/kernels/phase_planes.hpp>
#include <inlay/kernels/winograd.hpp>

namespace inlay::inline v0::kernels {

enum class BlockedMethod : std::uint8_t {
  pointwise,  ///< kernel 1, stride 1, no padding: reads the input where it is
  window,     ///< reads phase planes of blocks
  planar,     ///< the input is not blocked and has few channels: reads phase planes of them
  depthwise,  ///< one channel per group
  winograd,   ///< 3 x 3, stride 1: transforms tiles, for a quarter of the products
};

/// What a convolution on blocked channels reads and how its weights are packed.
enum class BlockedForm : std::uint8_t {
  direct,
  spread,  ///< direct, and its output pixels lie apart: ConvProblem::spread
  planar,
  winograd
};

/// How a blocked convolution runs; depends on its shape alone.
struct BlockedConvPlan {
  BlockedMethod method = BlockedMethod::window;
  Extent3 in, out;                 ///< as the kernel sees them: pointwise ones are one row
  std::int64_t chunk = 0;          ///< channels that are summed at once, whole blocks of them
  std::int64_t band_rows = 0;      ///< rows (of one row: pixels) of the output per band
  std::int64_t bands = 0;          ///< bands per plane
  std::int64_t tile_blocks = 0;    ///< filter blocks per task
  std::int64_t tiles = 0;          ///< tasks per group and band
  bool bands_first = true;         ///< neighbouring tasks have the same filters, else the same band
  std::int64_t task_count = 0;     ///< tasks, in any order on any threads
  std::size_t packed_floats = 0;   ///< size of packed weights
  std::size_t scratch_floats = 0;  ///< scratch that each running task needs

  struct Place {
    std::int64_t image;  ///< of all groups: image * groups + group
    std::int64_t band, tile;
  };
  /// What a task does. Threads take neighbouring tasks: they share what is larger, filters or
  /// bands.
  INLAY_INLINE Place place(std::int64_t task) const {
    const std::int64_t each = bands * tiles, image = task / each, i = task % each;
    if (bands_first) return {image, i % bands, i / bands};
    return {image, i / tiles, i % tiles};
  }
};

namespace detail {

/// Offsets of a chunk that the micro-kernel walks at most.
inline constexpr std::int64_t blocked_max_taps = 512;

/// What both blocked forms ask of the window: planes stay in proportion to the input.
INLAY_INLINE constexpr bool blocked_window(const ConvShape& s) {
  constexpr std::int64_t max_reach = 64, max_stride = 4;
  const auto fits = [](std::int64_t kernel, std::int64_t dilation, std::int64_t stride) {
    return kernel >= 1 && kernel <= max_reach && dilation <= max_reach &&
           (kernel - 1) * dilation <= max_reach && stride <= max_stride;
  };
  return s.kernel.d == 1 && s.stride.d == 1 && s.in.d == 1 && s.out.d == 1 && s.pad.d == 0 &&
         fits(s.kernel.h, s.dilation.h, s.stride.h) && fits(s.kernel.w, s.dilation.w, s.stride.w) &&
         s.kernel.count() <= blocked_max_taps;
}

INLAY_INLINE constexpr bool is_depthwise(const ConvShape& s) {
  return s.groups > 1 && s.group_channels() == 1 && s.group_filters() == 1;
}

}  // namespace detail

/// Whether this convolution can run on channels in blocks of `block`; sizes of the pictures do not
/// matter.
INLAY_INLINE constexpr bool suits_blocked(const ConvShape& s, std::int64_t block) {
  const bool whole_groups =
      s.groups == 1 || (s.group_channels() % block == 0 && s.group_filters() % block == 0);
  return detail::blocked_window(s) && (whole_groups || detail::is_depthwise(s));
}

/// Whether it can read channels that are not blocked.
INLAY_INLINE constexpr bool suits_planar(const ConvShape& s, std::int64_t block) {
  constexpr std::int64_t few = 16;
  return detail::blocked_window(s) && s.groups == 1 && s.channels <= 2 * block &&
         s.channels <= few && s.channels * s.kernel.count() <= detail::blocked_max_taps;
}

/// Whether transforms repay: enough tiles for weights that are four times as large, enough channels
/// and filters for each tile that is transformed.
INLAY_INLINE constexpr bool suits_winograd(const ConvShape& s) {
  constexpr std::int64_t least_channels = 16, least_tiles = 36;
  const std::int64_t tiles = ceil_div(s.out.h, winograd_out) * ceil_div(s.out.w, winograd_out);
  return detail::blocked_window(s) && s.kernel.h == 3 && s.kernel.w == 3 && s.stride.count() == 1 &&
         s.dilation.count() == 1 && s.groups == 1 && s.channels >= least_channels &&
         s.filters >= least_channels && tiles >= least_tiles;
}

namespace detail {

/// Calls f(first channel, channels) for the chunks of channels that are summed up in turn.
template <class F>
INLAY_INLINE void for_each_chunk(std::int64_t channels, std::int64_t chunk, const F& f) {
  for (std::int64_t c = 0; c < channels; c += chunk) {
    f(c, channels - c < chunk ? channels - c : chunk);
  }
}

/// A window of stride 1 that reads what some outputs of `window` read: those from `start` on.
INLAY_INLINE void read_all(ConvWindow& window, Extent3& start, Extent3& size) {
  const auto reach = [](std::int64_t n, std::int64_t stride) { return (n - 1) * stride + 1; };
  size.h = reach(size.h, window.stride.h), size.w = reach(size.w, window.stride.w);
  start.h *= window.stride.h, start.w *= window.stride.w;
  window.stride = {1, 1, 1};
}

/// Plans one for which suits_winograd holds.
template <class A>
INLAY_COLD BlockedConvPlan winograd_plan(const ConvShape& s, std::int64_t wanted_tasks) {
  constexpr std::int64_t wanted_tiles = 28, max_tile_floats = 1 << 17;
  BlockedConvPlan plan;
  plan.method = BlockedMethod::winograd;
  plan.in = s.in, plan.out = s.out;
  const std::int64_t blocks = ceil_div(s.filters, channel_block<A>);
  const std::int64_t channels = round_up(s.channels, channel_block<A>);
  plan.chunk = GemmBlocking<A>::kc;
  plan.packed_floats =
      static_cast<std::size_t>(winograd_points * s.channels * blocks * channel_block<A>);
  const std::int64_t wide = ceil_div(s.out.w, winograd_out);
  const std::int64_t rows = ceil_div(s.out.h, winograd_out);
  const std::int64_t fit = max_tile_floats / (winograd_points * channels);
  const std::int64_t wanted = (fit < wanted_tiles ? fit : wanted_tiles) / wide;
  const std::int64_t bands = ceil_div(rows, wanted < 1 ? 1 : wanted);
  const std::int64_t band = ceil_div(rows, bands);
  plan.band_rows = band * winograd_out;
  plan.bands = ceil_div(rows, band);
  plan.tile_blocks = blocks;
  plan.tiles = 1;
  if (2 * s.batch * plan.bands < wanted_tasks && blocks >= 4 * blocked_vecs<A>) {
    plan.tile_blocks = round_up(ceil_div(blocks, 2), blocked_vecs<A>);
    plan.tiles = ceil_div(blocks, plan.tile_blocks);
  }
  plan.bands_first = false;
  plan.task_count = s.batch * plan.bands * plan.tiles;
  const std::int64_t count = band * wide;
  const std::int64_t padded = (plan.band_rows + 2) * (wide * winograd_out + 2);
  plan.scratch_floats = static_cast<std::size_t>(
      winograd_points * count * (channels + GemmBlocking<A>::nr) + padded * channel_block<A>);
  return plan;
}

}  // namespace detail

/// Plans a convolution for which suits_blocked (or that of the form) holds: in `wanted_tasks`, if
/// each is worth its start, or in more that end in good time. The packed weights and the results do
/// not depend on how many there are.
template <class A>
INLAY_COLD BlockedConvPlan blocked_conv_plan(const ConvShape& s, BlockedForm form,
                                             std::int64_t wanted_tasks) {
  if (form == BlockedForm::winograd && s.batch * s.out.count() > 0) {
    return detail::winograd_plan<A>(s, wanted_tasks);
  }
  const bool planar = form == BlockedForm::planar;
  constexpr std::int64_t block = channel_block<A>;
  constexpr std::int64_t max_plane_floats = 1 << 16, max_out_floats = 1 << 18, min_pixels = 64;
  constexpr std::int64_t cache_floats = 1 << 18;
  const bool depthwise = !planar && detail::is_depthwise(s);
  const std::int64_t taps = s.kernel.count();
  const std::int64_t blocks = ceil_div(depthwise ? s.filters : s.group_filters(), block);
  BlockedConvPlan plan;
  const bool no_pad = s.pad.h == 0 && s.pad.w == 0 && s.in.h == s.out.h && s.in.w == s.out.w;
  const bool pointwise = taps == 1 && s.stride.count() == 1 && no_pad && !planar && !depthwise;
  plan.method = planar      ? BlockedMethod::planar
                : depthwise ? BlockedMethod::depthwise
                : pointwise ? BlockedMethod::pointwise
                            : BlockedMethod::window;
  const std::int64_t fit = detail::blocked_max_taps / taps;
  const std::int64_t all = ceil_div(s.group_channels(), block);
  plan.chunk = planar ? s.channels : (fit < all ? fit : all) * block;
  plan.packed_floats = static_cast<std::size_t>(
      depthwise ? blocks * block * taps : s.groups * blocks * block * s.group_channels() * taps);
  if (s.batch * s.filters * s.out.count() == 0) return plan;
  plan.in = s.in, plan.out = s.out;
  if (pointwise && form != BlockedForm::spread) plan.in = plan.out = {1, 1, s.out.count()};
  const std::int64_t length = band_dimension(plan.out), slice = plan.out.count() / length;
  const auto plane_floats = [&](std::int64_t rows) {
    ConvWindow window = s;
    window.in = plan.in;
    Extent3 start{0, 0, 0}, size = band_of(plan.out, rows, 0).size;
    if (planar) detail::read_all(window, start, size);
    return plan.chunk * phase_planes(window, size).floats;
  };
  const bool copies = !pointwise && !depthwise;
  constexpr std::int64_t depthwise_costs = 4;  // as much as that many products of others
  const std::int64_t k = depthwise ? depthwise_costs * taps : s.group_channels() * taps;
  const std::int64_t groups = depthwise ? 1 : s.groups;
  constexpr std::int64_t many_pixels = 2048;  // repay cutting off the borders of each band
  const auto cut = [&](std::int64_t wanted, bool cuts_sums) INLAY_COLD {
    plan.tile_blocks = depthwise && s.out.count() < many_pixels ? 1 : blocks;
    plan.band_rows = length;
    for (;;) {
      plan.bands = ceil_div(length, plan.band_rows);
      plan.tiles = ceil_div(blocks, plan.tile_blocks);
      plan.task_count = s.batch * groups * plan.tiles * plan.bands;
      const std::int64_t pixels = plan.band_rows * slice, filters = plan.tile_blocks * block;
      const std::int64_t products = pixels * filters * k;
      const bool large = (copies && plane_floats(plan.band_rows) > max_plane_floats) ||
                         (pointwise && !cuts_sums && pixels * plan.chunk > cache_floats) ||
                         pixels * filters > max_out_floats || products > max_task_products;
      const bool few = plan.task_count < wanted && products > min_task_products;
      if (!large && !few) break;
      const bool wide = ceil_div(plan.band_rows, 2) * slice >= min_pixels;
      // Short bands read all weights for a few pixels.
      if (large && !wide && copies && !planar && cuts_sums && plan.chunk > block) {
        plan.chunk = round_up(ceil_div(plan.chunk, 2), block);
      } else if (plan.band_rows > 1 && (large || wide)) {
        plan.band_rows = ceil_div(plan.band_rows, 2);
      } else if (plan.tile_blocks > blocked_vecs<A> && few) {
        plan.tile_blocks = round_up(ceil_div(plan.tile_blocks, 2), blocked_vecs<A>);
      } else {
        break;
      }
    }
  };
  // Where sums are cut decides how they are rounded: it follows from the shape alone.
  cut(usual_tasks, true);
  if (pointwise) {
    // The band's input and two panels of weights stay in the L2 cache.
    const std::int64_t most = cache_floats / (plan.band_rows * slice + 2 * GemmBlocking<A>::nr);
    const std::int64_t chunks = ceil_div(plan.chunk, most < block ? block : most);
    plan.chunk = round_up(ceil_div(plan.chunk, chunks), block);
  }
  // Where each task copies its band, few tasks repay it.
  const std::int64_t wanted = copies ? ceil_div(wanted_tasks, 4) : wanted_tasks;
  if (wanted != usual_tasks) cut(wanted, false);
  plan.bands_first = depthwise || s.group_channels() * plan.in.count() <
                                      static_cast<std::int64_t>(plan.packed_floats) / s.groups;
  if (copies) plan.scratch_floats = static_cast<std::size_t>(plane_floats(plan.band_rows));
  return plan;
}

}  // namespace inlay::inline v0::kernels
