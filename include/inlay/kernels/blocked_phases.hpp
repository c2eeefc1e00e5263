// Phase planes of blocked channels: as phase_planes.hpp has them, a block of channels per pixel.
#pragma once

#include <inlay/kernels/blocked_layout.hpp>
#include <inlay/kernels/phase_planes.hpp>

namespace inlay::inline v0::kernels {

/// Writes the planes.floats pixels of a band of one block of channels, which starts at output pixel
/// `start`. One and two dimensions.
template <class A>
INLAY_NOINLINE INLAY_FLATTEN void split_blocked_phases(const ConvWindow& w, const float* input,
                                                       const Extent3& start,
                                                       const PhasePlanes& planes, float* dst) {
  constexpr std::int64_t block = channel_block<A>;
  const Vec<float, A> zero(0.0f);
  for (std::int64_t phase = 0; phase < planes.phases.count(); ++phase) {
    const std::int64_t px = phase % planes.phases.w, py = phase / planes.phases.w;
    const StridedRange range =
        strided_range(w.in.w, start.w * w.stride.w + px - w.pad.w, w.stride.w, planes.size.w);
    std::int64_t y = start.h * w.stride.h + py - w.pad.h;
    for (std::int64_t j = 0; j < planes.size.h; ++j, y += w.stride.h) {
      const float* from = input + (y * w.in.w + range.start + range.low * range.step) * block;
      std::int64_t i = 0;
      if (y >= 0 && y < w.in.h) {
        for (; i < range.low; ++i, dst += block) store<float, A>(dst, zero);
        for (; i < range.high; ++i, dst += block, from += range.step * block) {
          store<float, A>(dst, load<float, A>(from));
        }
      }
      for (; i < planes.size.w; ++i, dst += block) store<float, A>(dst, zero);
    }
  }
}

}  // namespace inlay::inline v0::kernels
