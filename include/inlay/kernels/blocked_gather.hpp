// Moving channels between blocks.
#pragma once

#include <span>

#include <inlay/kernels/blocked_layout.hpp>
#include <inlay/kernels/lane_moves.hpp>

namespace inlay::inline v0::kernels {

/// A block that gives another some of its channels: lane i of the other is lane lanes[i] of x, if
/// that is not negative.
struct GatherSource {
  const float* x;
  const std::int32_t* lanes;
};

/// Channels of a block at most, each from a block of its own.
inline constexpr std::size_t max_gather_sources = 16;

/// A block of `pixels` pixels from some others; 0 in lanes that no source gives.
template <class A>
INLAY_FLATTEN void gather_channels(std::span<const GatherSource> sources, std::int64_t pixels,
                                   float* y) {
  constexpr std::int64_t block = channel_block<A>;
  for (std::int64_t i = 0; i < pixels * block; i += block) {
    Vec<float, A> pixel(0.0f);
    for (const GatherSource& source : sources) {
      pixel = move_lanes<A>(pixel, load<float, A>(source.x + i), source.lanes);
    }
    store<float, A>(y + i, pixel);
  }
}

}  // namespace inlay::inline v0::kernels
