// Convolution with one channel per group: multiply-adds along phase planes.
#pragma once

#include <inlay/kernels/gemm_epilogue.hpp>
#include <inlay/kernels/phase_planes.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// Taps whose offsets are held at once; longer kernels take several rounds.
inline constexpr int depthwise_round = 64;

/// Floats past the planes and past the sums that whole vectors may reach.
template <class A>
inline constexpr std::int64_t depthwise_slack = lanes<float, A>;

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

/// One round of taps over `pixels` outputs; the first round starts at `bias`.
template <class A>
INLAY_FLATTEN void depthwise_sums(const float* planes, const std::int64_t* offsets,
                                  const float* weights, int taps, bool first, float bias,
                                  std::int64_t pixels, float* out) {
  constexpr std::int64_t size = lanes<float, A>;
  constexpr int vecs = 8;
  std::int64_t j = 0;
  for (; j + vecs * size <= pixels; j += vecs * size) {
    depthwise_block<A, vecs>(planes + j, offsets, weights, taps, first, bias, out + j);
  }
  for (; j + 2 * size <= pixels; j += 2 * size) {
    depthwise_block<A, 2>(planes + j, offsets, weights, taps, first, bias, out + j);
  }
  for (; j < pixels; j += size) {
    depthwise_block<A, 1>(planes + j, offsets, weights, taps, first, bias, out + j);
  }
}

/// Bands in the order of tasks: those of a plane, then the next filter, then the next image.
struct DepthwiseCursor {
  std::int64_t image, filter, band;

  INLAY_INLINE DepthwiseCursor(const ConvShape& s, const ConvPlan& plan, std::int64_t index)
      : image(index / plan.bands / s.filters),
        filter(index / plan.bands % s.filters),
        band(index % plan.bands) {}
  INLAY_INLINE void next(const ConvShape& s, const ConvPlan& plan) {
    if (++band < plan.bands) return;
    band = 0;
    if (++filter < s.filters) return;
    filter = 0;
    ++image;
  }
};

/// Stores the sums of one band of output plane `plane`.
template <class A>
INLAY_INLINE void depthwise_store(const ConvProblem& problem, std::int64_t plane,
                                  const ConvBand& band, const Extent3& phase, const float* sums) {
  const ConvShape& s = problem.shape;
  GemmEpilogue epilogue;
  epilogue.activation = problem.activation;
  epilogue.residual_stride = s.out.w;
  for (std::int64_t z = 0; z < band.size.d; ++z) {
    const std::int64_t line = (band.start.d + z) * s.out.h + band.start.h;
    const std::int64_t first = plane * s.out.count() + line * s.out.w + band.start.w;
    if (problem.residual != nullptr) epilogue.residual = problem.residual + first;
    const GemmOutput out{problem.output + first, s.out.w, &epilogue, true, true};
    gemm_finish<A>(sums + z * phase.h * phase.w, phase.w, out, {0, 0, band.size.h, band.size.w});
  }
}

}  // namespace detail

/// Plans a convolution with one channel per group.
template <class A>
INLAY_COLD ConvPlan depthwise_plan(const ConvShape& s) {
  constexpr std::int64_t band_pixels = 4096;   // a band's planes and sums fit a small L1 cache
  constexpr std::int64_t group_floats = 8192;  // and so do those of a group of small bands
  constexpr std::int64_t task_products = 1 << 17;
  ConvPlan plan;
  plan.method = ConvMethod::depthwise;
  const std::int64_t length = band_dimension(s.out);
  plan.band_rows = band_pixels / (s.out.count() / length);
  plan.band_rows = plan.band_rows < 1 ? 1 : plan.band_rows < length ? plan.band_rows : length;
  plan.bands = ceil_div(length, plan.band_rows);
  const PhasePlanes planes = phase_planes(s, band_of(s.out, plan.band_rows, 0).size);
  const std::int64_t floats =
      planes.floats + round_up(planes.pixels, lanes<float, A>) + 2 * detail::depthwise_slack<A>;
  plan.group = floats < group_floats ? group_floats / floats : 1;
  plan.task_bands = round_up(ceil_div(task_products, planes.pixels * s.kernel.count()), plan.group);
  plan.task_count = ceil_div(s.batch * s.filters * plan.bands, plan.task_bands);
  plan.scratch_floats = static_cast<std::size_t>(plan.group * floats);
  return plan;
}

/// Runs one task: bands of output planes, band after band and plane after plane.
template <class A>
void depthwise_task(const ConvProblem& problem, const ConvPlan& plan, std::int64_t task,
                    float* scratch) {
  const ConvShape& s = problem.shape;
  const std::int64_t all = s.batch * s.filters * plan.bands;
  const std::int64_t begin = task * plan.task_bands;
  const std::int64_t end = all - begin < plan.task_bands ? all : begin + plan.task_bands;
  const std::int64_t slot = static_cast<std::int64_t>(plan.scratch_floats) / plan.group;
  // The last band of a plane may be smaller; its planes are laid out like the others.
  const PhasePlanes geometry = phase_planes(s, band_of(s.out, plan.band_rows, 0).size);
  // Each step over a whole group: what one step stores has left the store buffer when the next
  // loads it, at other alignments.
  for (std::int64_t first = begin; first < end; first += plan.group) {
    const std::int64_t last = end - first < plan.group ? end : first + plan.group;
    const detail::DepthwiseCursor start(s, plan, first);
    const auto for_each_band = [&](const auto& step) {
      detail::DepthwiseCursor at = start;
      float* planes = scratch;
      for (std::int64_t i = first; i < last; ++i, planes += slot, at.next(s, plan)) {
        step(at, planes, planes + geometry.floats + detail::depthwise_slack<A>);
      }
    };
    for_each_band([&](const detail::DepthwiseCursor& at, float* planes, float*) {
      const std::int64_t channel =
          at.image * s.channels +
          (s.group_filters() == 1 ? at.filter : at.filter / s.group_filters());
      const ConvBand band = band_of(s.out, plan.band_rows, at.band);
      split_phases<A>(s, problem.input + channel * s.in.count(), band.start, geometry, planes);
      // Read by the last vector; what that computes from it is not stored.
      store<float, A>(planes + geometry.floats, Vec<float, A>(0.0f));
    });
    const std::int64_t taps = s.kernel.count();
    for (std::int64_t tap = 0; tap < taps; tap += detail::depthwise_round) {
      std::int64_t offsets[detail::depthwise_round];
      const std::int64_t rest = taps - tap;
      const int count =
          rest < detail::depthwise_round ? static_cast<int>(rest) : detail::depthwise_round;
      for (int t = 0; t < count; ++t) offsets[t] = phase_tap_offset(s, geometry, tap + t);
      for_each_band([&](const detail::DepthwiseCursor& at, const float* planes, float* sums) {
        const float bias = problem.bias == nullptr ? 0.0f : problem.bias[at.filter];
        detail::depthwise_sums<A>(planes, offsets, problem.weights + at.filter * taps + tap, count,
                                  tap == 0, bias, geometry.pixels, sums);
      });
    }
    for_each_band([&](const detail::DepthwiseCursor& at, const float*, const float* sums) {
      detail::depthwise_store<A>(problem, at.image * s.filters + at.filter,
                                 band_of(s.out, plan.band_rows, at.band), geometry.size, sums);
    });
  }
}

}  // namespace inlay::inline v0::kernels
