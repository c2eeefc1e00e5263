// Convolution as a GEMM that reads its B operand in phase planes, so that no im2col matrix exists.
#pragma once

#include <inlay/kernels/gemm.hpp>
#include <inlay/kernels/phase_planes.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// Channels whose planes are in scratch at once: those of one block of k.
template <class A>
INLAY_INLINE std::int64_t plane_channels(const ConvShape& s) {
  const std::int64_t fit = GemmBlocking<A>::kc / s.kernel.count();
  return fit < s.group_channels() ? fit : s.group_channels();
}

/// A run of output pixels in one row of the output, within a panel.
struct PixelRun {
  std::int64_t column;  ///< in the panel
  std::int64_t pixel;   ///< in the output plane
  std::int64_t count;
};

/// The output pixels among the `cols` columns from `first` on, where columns count the pixels of a
/// phase plane. Gives their number; at most one run begins per column.
INLAY_INLINE std::int64_t pixel_runs(const ConvBand& band, const Extent3& out, const Extent3& phase,
                                     std::int64_t first, std::int64_t cols, PixelRun* runs) {
  std::int64_t count = 0;
  for (std::int64_t j = 0; j < cols;) {
    const std::int64_t x = (first + j) % phase.w, line = (first + j) / phase.w;
    const std::int64_t y = line % phase.h, z = line / phase.h;
    const std::int64_t left = cols - j, wide = band.size.w - x;
    if (wide > 0 && y < band.size.h) {
      const std::int64_t row = (band.start.d + z) * out.h + band.start.h + y;
      runs[count++] = {j, row * out.w + band.start.w + x, wide < left ? wide : left};
    }
    j += phase.w - x;
  }
  return count;
}

}  // namespace detail

/// Whether planes suit this shape: the gaps between rows, which are computed in vain, are short.
template <class A>
bool suits_planes(const ConvShape& s) {
  if (!planes_are_small(s)) return false;
  const PhasePlanes planes = phase_planes(s, s.out);
  return s.kernel.count() > 1 && 2 * s.kernel.count() <= GemmBlocking<A>::kc &&
         2 * planes.pixels <= 3 * s.out.count() && s.stride.count() <= 2 * s.kernel.count();
}

/// Plans a convolution for which suits_planes holds.
template <class A>
INLAY_COLD ConvPlan conv_planes_plan(const ConvShape& s) {
  using Blocking = GemmBlocking<A>;
  constexpr std::int64_t max_pixels = 1024, min_pixels = 128, min_rows = 64;
  ConvPlan plan;
  plan.method = ConvMethod::planes;
  const std::int64_t length = band_dimension(s.out), slice = s.out.count() / length;
  const std::int64_t k = s.group_channels() * s.kernel.count();
  GemmGrid& grid = plan.grid;
  grid.tile_m = round_up(s.group_filters(), Blocking::mr);
  plan.band_rows = max_pixels / slice;
  plan.band_rows = plan.band_rows < 1 ? 1 : plan.band_rows < length ? plan.band_rows : length;
  for (;;) {
    plan.bands = ceil_div(length, plan.band_rows);
    grid.tiles_m = ceil_div(s.group_filters(), grid.tile_m);
    grid.tiles_n = plan.bands;
    plan.task_count = s.batch * s.groups * grid.task_count();
    const std::int64_t pixels = plan.band_rows * slice;
    if (plan.task_count >= usual_tasks || pixels * grid.tile_m * k < 2 * min_task_products) break;
    if (ceil_div(plan.band_rows, 2) * slice >= min_pixels && plan.band_rows > 1) {
      plan.band_rows = ceil_div(plan.band_rows, 2);
    } else if (grid.tile_m >= 2 * min_rows) {
      grid.tile_m = round_up(ceil_div(grid.tile_m, 2), Blocking::mr);
    } else {
      break;
    }
  }
  const PhasePlanes planes = phase_planes(s, band_of(s.out, plan.band_rows, 0).size);
  plan.scratch_floats =
      static_cast<std::size_t>(detail::plane_channels<A>(s) * planes.floats + Blocking::nr);
  return plan;
}

/// Computes rows tile.row.. of C for band tile.col of the output, where C is problem.c.
template <class A>
void conv_planes_tile(const ConvShape& s, const GemmProblem& problem, const GemmTile& tile,
                      const ConvBand& band, const float* input, float* scratch) {
  using Blocking = GemmBlocking<A>;
  const PhasePlanes planes = phase_planes(s, band.size);
  const std::int64_t taps = s.kernel.count(), block = detail::plane_channels<A>(s);
  std::int64_t rows[Blocking::kc];
  for (std::int64_t i = 0; i < block * taps; ++i) {
    rows[i] = i / taps * planes.floats + phase_tap_offset(s, planes, i % taps);
  }
  alignas(64) float acc[(Blocking::mr + 1) * Blocking::nr];
  for (std::int64_t channel = 0; channel < s.group_channels(); channel += block) {
    const std::int64_t left = s.group_channels() - channel, channels = left < block ? left : block;
    for (std::int64_t c = 0; c < channels; ++c) {
      split_phases<A>(s, input + (channel + c) * s.in.count(), band.start, planes,
                      scratch + c * planes.floats);
    }
    // Read by the last panel; what that computes from it is not stored.
    for (int i = 0; i < Blocking::nr; ++i) scratch[channels * planes.floats + i] = 0.0f;
    const GemmOutput out{problem.c, problem.ldc, &problem.epilogue, channel == 0, left <= block};
    for (std::int64_t j = 0; j < planes.pixels; j += Blocking::nr) {
      const std::int64_t rest = planes.pixels - j, cols = rest < Blocking::nr ? rest : Blocking::nr;
      const std::int64_t vecs = ceil_div(cols, lanes<float, A>);
      detail::PixelRun runs[Blocking::nr];
      const std::int64_t run_count = detail::pixel_runs(band, s.out, planes.size, j, cols, runs);
      for (std::int64_t i = 0; i < tile.rows; i += Blocking::mr) {
        const std::int64_t m = tile.rows - i < Blocking::mr ? tile.rows - i : Blocking::mr;
        const float* a =
            problem.packed_a + (tile.row + i) * problem.k + channel * taps * Blocking::mr;
        gemm_micro_table<A>.entries[m - 1][vecs - 1](channels * taps, a, scratch + j, rows, acc);
        for (std::int64_t r = 0; r < run_count; ++r) {
          gemm_finish<A>(acc + runs[r].column, Blocking::nr, out,
                         {tile.row + i, runs[r].pixel, m, runs[r].count});
        }
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
