// Padded copies of input planes on which every tap of a convolution is a fixed offset.
//
// A plane is split by the phases of the stride: phase p holds the input pixels p, p + stride, ...
// of the padded input. Output pixel o and tap t then meet at o + offset(t), whatever the stride,
// the dilation and the padding, and output pixels are neighbours even across row ends: loops over
// them have no borders. What is computed for the gap between two rows is left out when storing.
#pragma once

#include <inlay/kernels/conv_problem.hpp>
#include <inlay/kernels/strided_copy.hpp>

namespace inlay::inline v0::kernels {

/// Outputs cut into bands along the first dimension that is not 1.
struct ConvBand {
  Extent3 start{0, 0, 0};  ///< first output pixel
  Extent3 size;            ///< output pixels
};

INLAY_INLINE std::int64_t band_dimension(const Extent3& out) {
  return out.d > 1 ? out.d : out.h > 1 ? out.h : out.w;
}

/// Band `index` of bands of `rows` each.
INLAY_INLINE ConvBand band_of(const Extent3& out, std::int64_t rows, std::int64_t index) {
  ConvBand band{{0, 0, 0}, out};
  std::int64_t& start = out.d > 1 ? band.start.d : out.h > 1 ? band.start.h : band.start.w;
  std::int64_t& size = out.d > 1 ? band.size.d : out.h > 1 ? band.size.h : band.size.w;
  start = index * rows;
  size = size - start < rows ? size - start : rows;
  return band;
}

/// The planes of one channel for one band.
struct PhasePlanes {
  Extent3 phases;       ///< those that taps meet
  Extent3 size;         ///< of one phase
  std::int64_t floats;  ///< of all phases
  std::int64_t pixels;  ///< from the first output pixel of the band to the last, gaps included
};

INLAY_INLINE PhasePlanes phase_planes(const ConvWindow& w, const Extent3& out) {
  const auto phases = [](std::int64_t kernel, std::int64_t dilation, std::int64_t stride) {
    const std::int64_t reach = (kernel - 1) * dilation + 1;
    return reach < stride ? reach : stride;
  };
  const Extent3 used = {phases(w.kernel.d, w.dilation.d, w.stride.d),
                        phases(w.kernel.h, w.dilation.h, w.stride.h),
                        phases(w.kernel.w, w.dilation.w, w.stride.w)};
  const Extent3 size = {out.d + (w.kernel.d - 1) * w.dilation.d / w.stride.d,
                        out.h + (w.kernel.h - 1) * w.dilation.h / w.stride.h,
                        out.w + (w.kernel.w - 1) * w.dilation.w / w.stride.w};
  return {used, size, size.count() * used.count(),
          ((out.d - 1) * size.h + out.h - 1) * size.w + out.w};
}

/// Whether the planes of a channel take memory in proportion to its input and output; a wide
/// dilation or stride over much padding would not.
INLAY_INLINE bool planes_are_small(const ConvWindow& w) {
  const auto axis = [](std::int64_t out, std::int64_t kernel, std::int64_t dilation,
                       std::int64_t stride) {
    const double reach = static_cast<double>(kernel - 1) * static_cast<double>(dilation);
    return (static_cast<double>(out) + reach / static_cast<double>(stride)) *
           static_cast<double>(stride);
  };
  const double floats = axis(w.out.d, w.kernel.d, w.dilation.d, w.stride.d) *
                        axis(w.out.h, w.kernel.h, w.dilation.h, w.stride.h) *
                        axis(w.out.w, w.kernel.w, w.dilation.w, w.stride.w);
  const double floor = 65536;  // never worth a thought
  return floats <= floor + 4.0 * static_cast<double>(w.in.count() + w.out.count());
}

/// Where tap `tap` (in the order of the weights) meets output pixel 0.
INLAY_INLINE std::int64_t phase_tap_offset(const ConvWindow& w, const PhasePlanes& planes,
                                           std::int64_t tap) {
  const std::int64_t x = tap % w.kernel.w * w.dilation.w;
  const std::int64_t y = tap / w.kernel.w % w.kernel.h * w.dilation.h;
  const std::int64_t z = tap / (w.kernel.w * w.kernel.h) * w.dilation.d;
  const Extent3& phases = planes.phases;
  const std::int64_t phase =
      (z % w.stride.d * phases.h + y % w.stride.h) * phases.w + x % w.stride.w;
  const Extent3& size = planes.size;
  return phase * size.count() + (z / w.stride.d * size.h + y / w.stride.h) * size.w +
         x / w.stride.w;
}

/// Writes the planes.floats floats of a band of one channel, which starts at output pixel `start`.
template <class A>
INLAY_FLATTEN void split_phases(const ConvWindow& w, const float* input, const Extent3& start,
                                const PhasePlanes& planes, float* dst) {
  const Extent3& size = planes.size;
  const Extent3& phases = planes.phases;
  for (std::int64_t phase = 0; phase < phases.count(); ++phase) {
    const std::int64_t px = phase % phases.w, py = phase / phases.w % phases.h;
    const std::int64_t pz = phase / (phases.w * phases.h);
    const StridedRange range =
        strided_range(w.in.w, start.w * w.stride.w + px - w.pad.w, w.stride.w, size.w);
    std::int64_t z = start.d * w.stride.d + pz - w.pad.d;
    for (std::int64_t i = 0; i < size.d; ++i, z += w.stride.d) {
      std::int64_t y = start.h * w.stride.h + py - w.pad.h;
      for (std::int64_t j = 0; j < size.h; ++j, y += w.stride.h, dst += size.w) {
        if (z >= 0 && z < w.in.d && y >= 0 && y < w.in.h) {
          copy_strided<A>(input + (z * w.in.h + y) * w.in.w, range, dst);
        } else {
          fill_zero<A>(dst, size.w);
        }
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
