// Convolution with one channel per group.
//
// A plane is copied with its padding into one plane per phase of the stride. On those every tap is
// a fixed offset, whatever the stride and dilation, and output pixels are neighbours across row
// ends: the inner loop has no borders. Pixels computed between two rows are left out when storing.
#pragma once

#include <inlay/kernels/conv_problem.hpp>
#include <inlay/kernels/gemm_micro.hpp>
#include <inlay/kernels/strided_copy.hpp>

namespace inlay::inline v0::kernels {

/// Output pixels per band that keep a band's planes in the L1 cache.
inline constexpr std::int64_t depthwise_band_pixels = 4096;
/// Taps whose offsets are held at once; longer kernels take several rounds.
inline constexpr int depthwise_taps = 64;

/// The dimension that bands divide: the first that is not 1.
struct DepthwiseBands {
  Extent3 size;  ///< output of one band
  std::int64_t count, rows;
};

/// `out` has no dimension of 0.
INLAY_INLINE DepthwiseBands depthwise_bands(const Extent3& out) {
  const std::int64_t length = out.d > 1 ? out.d : out.h > 1 ? out.h : out.w;
  std::int64_t rows = depthwise_band_pixels / (out.count() / length);
  rows = rows < 1 ? 1 : rows < length ? rows : length;
  Extent3 size = out;
  (out.d > 1 ? size.d : out.h > 1 ? size.h : size.w) = rows;
  return {size, ceil_div(length, rows), rows};
}

/// One phase of the stride of a band: its planes have this size.
INLAY_INLINE Extent3 depthwise_phase_size(const ConvShape& s, const Extent3& out) {
  return {out.d + (s.kernel.d - 1) * s.dilation.d / s.stride.d,
          out.h + (s.kernel.h - 1) * s.dilation.h / s.stride.h,
          out.w + (s.kernel.w - 1) * s.dilation.w / s.stride.w};
}

template <class A>
INLAY_INLINE std::size_t depthwise_scratch(const ConvShape& s, const Extent3& band) {
  const std::int64_t slack = 2 * lanes<float, A>;
  const std::int64_t phase = depthwise_phase_size(s, band).count();
  return static_cast<std::size_t>((s.stride.count() + 1) * phase + 2 * slack);
}

namespace detail {

/// out[j] (+)= sum over taps of weights[t] * planes[offsets[t] + j], for Vecs vectors.
template <class A, int Vecs>
INLAY_INLINE void depthwise_block(const float* planes, const std::int64_t* offsets,
                                  const float* weights, int taps, bool first, float start,
                                  float* out) {
  constexpr int size = static_cast<int>(lanes<float, A>);
  Vec<float, A> sums[Vecs];
  unroll<Vecs>(
      [&](auto v) { sums[v] = first ? Vec<float, A>(start) : load<float, A>(out + v * size); });
  for (int t = 0; t < taps; ++t) {
    const float* src = planes + offsets[t];
    const Vec<float, A> weight(weights[t]);
    unroll<Vecs>(
        [&](auto v) { sums[v] = fma<A>(load<float, A>(src + v * size), weight, sums[v]); });
  }
  unroll<Vecs>([&](auto v) { store<float, A>(out + v * size, sums[v]); });
}

/// Copies the input of a band into its phase planes; `start` is the band's first output pixel.
template <class A>
INLAY_FLATTEN void depthwise_split(const ConvShape& s, const float* input, const Extent3& start,
                                   const Extent3& phase, float* planes) {
  for (std::int64_t pz = 0; pz < s.stride.d; ++pz) {
    for (std::int64_t py = 0; py < s.stride.h; ++py) {
      for (std::int64_t px = 0; px < s.stride.w; ++px) {
        for (std::int64_t z = 0; z < phase.d; ++z) {
          const std::int64_t in_z = (start.d + z) * s.stride.d + pz - s.pad.d;
          for (std::int64_t y = 0; y < phase.h; ++y, planes += phase.w) {
            const std::int64_t in_y = (start.h + y) * s.stride.h + py - s.pad.h;
            const bool inside = in_z >= 0 && in_z < s.in.d && in_y >= 0 && in_y < s.in.h;
            const float* row = inside ? input + (in_z * s.in.h + in_y) * s.in.w : input;
            copy_strided<A>(row, inside ? s.in.w : 0, start.w * s.stride.w + px - s.pad.w,
                            s.stride.w, phase.w, planes);
          }
        }
      }
    }
  }
}

/// All taps of a band, over `pixels` neighbouring outputs.
template <class A>
INLAY_FLATTEN void depthwise_taps_of(const ConvShape& s, const float* weights, float bias,
                                     const float* planes, const Extent3& phase, std::int64_t pixels,
                                     float* out) {
  constexpr std::int64_t size = lanes<float, A>;
  constexpr int vecs = 8;
  std::int64_t offsets[depthwise_taps];
  const std::int64_t taps = s.kernel.count();
  for (std::int64_t first = 0; first < taps; first += depthwise_taps) {
    const int count =
        static_cast<int>(taps - first < depthwise_taps ? taps - first : depthwise_taps);
    for (int i = 0; i < count; ++i) {
      const std::int64_t t = first + i;
      const std::int64_t x = t % s.kernel.w * s.dilation.w;
      const std::int64_t y = t / s.kernel.w % s.kernel.h * s.dilation.h;
      const std::int64_t z = t / (s.kernel.w * s.kernel.h) * s.dilation.d;
      const std::int64_t plane =
          (z % s.stride.d * s.stride.h + y % s.stride.h) * s.stride.w + x % s.stride.w;
      offsets[i] = plane * phase.count() + (z / s.stride.d * phase.h + y / s.stride.h) * phase.w +
                   x / s.stride.w;
    }
    std::int64_t j = 0;
    for (; j + vecs * size <= pixels; j += vecs * size) {
      depthwise_block<A, vecs>(planes + j, offsets, weights + first, count, first == 0, bias,
                               out + j);
    }
    for (; j < pixels; j += size) {
      depthwise_block<A, 1>(planes + j, offsets, weights + first, count, first == 0, bias, out + j);
    }
  }
}

}  // namespace detail

/// Computes band `band` of output plane `plane` (of batch * filters).
template <class A>
void depthwise_task(const ConvProblem& problem, std::int64_t plane, std::int64_t band,
                    float* scratch) {
  constexpr std::int64_t slack = 2 * lanes<float, A>;
  const ConvShape& s = problem.shape;
  const DepthwiseBands bands = depthwise_bands(s.out);
  Extent3 start{0, 0, 0}, size = s.out;
  std::int64_t& start_row = s.out.d > 1 ? start.d : s.out.h > 1 ? start.h : start.w;
  std::int64_t& rows = s.out.d > 1 ? size.d : s.out.h > 1 ? size.h : size.w;
  start_row = band * bands.rows;
  rows = rows - start_row < bands.rows ? rows - start_row : bands.rows;

  const std::int64_t filter = plane % s.filters;
  const std::int64_t channel = plane / s.filters * s.channels + filter / s.group_filters();
  const Extent3 phase = depthwise_phase_size(s, size);
  float* planes = scratch;
  float* sums = scratch + s.stride.count() * phase.count() + slack;
  detail::depthwise_split<A>(s, problem.input + channel * s.in.count(), start, phase, planes);
  // The last vector of the last row reads past the planes; what it computes there is not stored.
  for (std::int64_t i = 0; i < slack; ++i) planes[s.stride.count() * phase.count() + i] = 0.0f;
  const std::int64_t pixels = ((size.d - 1) * phase.h + size.h - 1) * phase.w + size.w;
  detail::depthwise_taps_of<A>(s, problem.weights + filter * s.kernel.count(),
                               problem.bias == nullptr ? 0.0f : problem.bias[filter], planes, phase,
                               pixels, sums);

  GemmEpilogue epilogue;
  epilogue.activation = problem.activation;
  epilogue.residual_stride = s.out.w;
  for (std::int64_t z = 0; z < size.d; ++z) {
    const std::int64_t first =
        plane * s.out.count() + ((start.d + z) * s.out.h + start.h) * s.out.w + start.w;
    if (problem.residual != nullptr) epilogue.residual = problem.residual + first;
    const GemmOutput out{problem.output + first, s.out.w, &epilogue, true, true};
    gemm_finish<A>(sums + z * phase.h * phase.w, phase.w, out, {0, 0, size.h, size.w});
  }
}

}  // namespace inlay::inline v0::kernels
