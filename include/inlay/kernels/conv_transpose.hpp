// Transposed convolution without scattered sums: outputs that are congruent modulo the stride see
// the same taps, so each such phase of the output is an ordinary convolution of stride 1.
#pragma once

#include <inlay/kernels/conv.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// One phase in one dimension: outputs first, first + stride, ... see the taps tap, tap - tap_step,
/// ... (from the last to the first, as inputs run the other way); output number o and tap number t
/// meet at input o - pad + t * dilation.
struct TransposePhase {
  std::int64_t first, outputs;
  std::int64_t tap, tap_step, taps;
  std::int64_t pad, dilation;
};

INLAY_INLINE TransposePhase transpose_phase(std::int64_t phase, std::int64_t out,
                                            std::int64_t kernel, std::int64_t stride,
                                            std::int64_t dilation, std::int64_t pad) {
  TransposePhase p{};
  p.first = ((phase - pad) % stride + stride) % stride;
  p.outputs = out > p.first ? ceil_div(out - p.first, stride) : 0;
  std::int64_t lowest =
      0;  // the taps that meet this phase have tap * dilation = phase (mod stride)
  while (lowest < stride && lowest * dilation % stride != phase) ++lowest;
  p.tap_step = 1;
  while (p.tap_step * dilation % stride != 0) ++p.tap_step;
  p.dilation = p.tap_step * dilation / stride;
  if (lowest < stride && lowest < kernel) {
    p.taps = ceil_div(kernel - lowest, p.tap_step);
    p.tap = lowest + (p.taps - 1) * p.tap_step;
    p.pad = -((p.first + pad - p.tap * dilation) / stride);
  }
  return p;
}

struct TransposePhases {
  TransposePhase d, h, w;

  INLAY_INLINE std::int64_t outputs() const { return d.outputs * h.outputs * w.outputs; }
  INLAY_INLINE std::int64_t taps() const { return d.taps * h.taps * w.taps; }
};

/// Phase `index` of stride.count(), the width's phase changing first.
INLAY_INLINE TransposePhases transpose_phases(const ConvShape& s, std::int64_t index) {
  const std::int64_t w = index % s.stride.w, h = index / s.stride.w % s.stride.h;
  const std::int64_t d = index / (s.stride.w * s.stride.h);
  return {transpose_phase(d, s.out.d, s.kernel.d, s.stride.d, s.dilation.d, s.pad.d),
          transpose_phase(h, s.out.h, s.kernel.h, s.stride.h, s.dilation.h, s.pad.h),
          transpose_phase(w, s.out.w, s.kernel.w, s.stride.w, s.dilation.w, s.pad.w)};
}

/// The most taps (outputs) that a phase has.
INLAY_INLINE std::int64_t transpose_max_taps(const ConvShape& s) {
  std::int64_t most = 0;
  for (std::int64_t i = 0; i < s.stride.count(); ++i) {
    const std::int64_t taps = transpose_phases(s, i).taps();
    most = taps > most ? taps : most;
  }
  return most;
}
INLAY_INLINE std::int64_t transpose_max_outputs(const ConvShape& s) {
  return ceil_div(s.out.d, s.stride.d) * ceil_div(s.out.h, s.stride.h) *
         ceil_div(s.out.w, s.stride.w);
}

/// Packed floats of one phase of one group: room for the phase with the most taps.
template <class A>
INLAY_INLINE std::int64_t transpose_packed_phase(const ConvShape& s) {
  return packed_a_size<A>(s.group_filters(), s.group_channels() * transpose_max_taps(s));
}

}  // namespace detail

/// Plans a transposed convolution; an output without elements has no tasks.
template <class A>
ConvPlan conv_transpose_plan(const ConvShape& s) {
  ConvPlan plan;
  plan.method = ConvMethod::transpose;
  if (s.batch * s.filters * s.out.count() == 0) return plan;
  const std::int64_t m = s.group_filters(), n = detail::transpose_max_outputs(s);
  const std::int64_t k = s.group_channels() * detail::transpose_max_taps(s);
  const std::int64_t gemms = s.batch * s.groups * s.stride.count();
  // A tile of results waits in scratch to be spread over the output: it should fit a cache.
  plan.grid = gemm_grid<A>(m, n, k, true, false, ceil_div(usual_tasks, gemms));
  constexpr std::int64_t max_m = 2 * GemmBlocking<A>::mc, max_n = 4 * GemmBlocking<A>::nr;
  if (plan.grid.tile_m > max_m) plan.grid.tile_m = max_m;
  if (plan.grid.tile_n > max_n) plan.grid.tile_n = max_n;
  plan.grid.tiles_m = ceil_div(m, plan.grid.tile_m);
  plan.grid.tiles_n = ceil_div(n, plan.grid.tile_n);
  plan.task_count = gemms * plan.grid.task_count();
  plan.packed_floats =
      static_cast<std::size_t>(s.groups * s.stride.count() * detail::transpose_packed_phase<A>(s));
  plan.scratch_floats = static_cast<std::size_t>(gemm_b_scratch<A>(plan.grid.tile_n, k) +
                                                 plan.grid.tile_m * plan.grid.tile_n);
  return plan;
}

/// Packs weights [channels, filters / groups, kernel] into plan.packed_floats floats.
template <class A>
void conv_transpose_pack_weights(const ConvShape& s, const ConvPlan& plan, const float* weights,
                                 float* packed) {
  if (plan.packed_floats == 0) return;
  constexpr std::int64_t mr = GemmBlocking<A>::mr;
  const std::int64_t filters = s.group_filters(), kernel = s.kernel.count();
  for (std::int64_t g = 0; g < s.groups; ++g) {
    const float* group = weights + g * s.group_channels() * filters * kernel;
    for (std::int64_t phase = 0; phase < s.stride.count(); ++phase) {
      const detail::TransposePhases p = detail::transpose_phases(s, phase);
      const std::int64_t taps = p.taps(), k = s.group_channels() * taps;
      for (std::int64_t f = 0; f < round_up(filters, mr); ++f) {
        float* to = packed + f / mr * mr * k + f % mr;
        for (std::int64_t i = 0; i < k; ++i) {
          const std::int64_t tap = i % taps, channel = i / taps;
          const std::int64_t x = p.w.tap - tap % p.w.taps * p.w.tap_step;
          const std::int64_t y = p.h.tap - tap / p.w.taps % p.h.taps * p.h.tap_step;
          const std::int64_t z = p.d.tap - tap / (p.w.taps * p.h.taps) * p.d.tap_step;
          const std::int64_t at = (z * s.kernel.h + y) * s.kernel.w + x;
          to[i * mr] = f < filters ? group[(channel * filters + f) * kernel + at] : 0.0f;
        }
      }
      packed += detail::transpose_packed_phase<A>(s);
    }
  }
}

namespace detail {

/// Spreads a tile of a phase's results over its places in the output.
template <class A>
void transpose_spread(const ConvShape& s, const TransposePhases& p, const GemmTile& tile,
                      const float* results, float* output) {
  for (std::int64_t r = 0; r < tile.rows; ++r, results += tile.cols) {
    float* plane = output + (tile.row + r) * s.out.count();
    for (std::int64_t j = 0; j < tile.cols;) {
      const std::int64_t pixel = tile.col + j;
      const std::int64_t x = pixel % p.w.outputs, line = pixel / p.w.outputs;
      const std::int64_t y = line % p.h.outputs, z = line / p.h.outputs;
      const std::int64_t left = p.w.outputs - x;
      const std::int64_t count = left < tile.cols - j ? left : tile.cols - j;
      float* to = plane +
                  ((p.d.first + z * s.stride.d) * s.out.h + p.h.first + y * s.stride.h) * s.out.w +
                  p.w.first + x * s.stride.w;
      for (std::int64_t i = 0; i < count; ++i) to[i * s.stride.w] = results[j + i];
      j += count;
    }
  }
}

}  // namespace detail

/// Runs one task of a plan made for the same shape; `problem.residual` must be null. `scratch`
/// holds plan.scratch_floats and belongs to this call alone; aligned to 64 bytes it is fastest.
template <class A>
void conv_transpose_task(const ConvProblem& problem, const ConvPlan& plan, std::int64_t task,
                         float* scratch) {
  constexpr int nr = GemmBlocking<A>::nr;
  const ConvShape& s = problem.shape;
  const std::int64_t tile_index = task % plan.grid.task_count();
  const std::int64_t gemm_index = task / plan.grid.task_count();
  const std::int64_t phase = gemm_index % s.stride.count();
  const std::int64_t index = gemm_index / s.stride.count();  // of image and group
  const std::int64_t group = index % s.groups;
  const detail::TransposePhases p = detail::transpose_phases(s, phase);

  GemmProblem gemm;
  gemm.m = s.group_filters();
  gemm.n = p.outputs();
  gemm.k = s.group_channels() * p.taps();
  const GemmTile tile = tile_of(plan.grid, gemm.m, gemm.n, tile_index);
  if (tile.cols <= 0) return;  // this phase has fewer outputs than the largest
  gemm.packed_a =
      problem.weights + (group * s.stride.count() + phase) * detail::transpose_packed_phase<A>(s);
  gemm.epilogue.activation = problem.activation;
  if (problem.bias != nullptr) gemm.epilogue.row_bias = problem.bias + group * gemm.m;
  float* results = scratch + gemm_b_scratch<A>(tile.cols, gemm.k);
  gemm.c = results - tile.row * tile.cols - tile.col;  // the tile alone is stored
  gemm.ldc = tile.cols;

  const ConvWindow window{s.in,
                          {p.d.taps, p.h.taps, p.w.taps},
                          {p.d.outputs, p.h.outputs, p.w.outputs},
                          {1, 1, 1},
                          {p.d.dilation, p.h.dilation, p.w.dilation},
                          {p.d.pad, p.h.pad, p.w.pad}};
  const float* input = problem.input + index * s.group_channels() * s.in.count();
  gemm_tile<A>(gemm, tile, nullptr, [&](std::int64_t row, std::int64_t kc) {
    if (kc > 0) im2col_block<A, nr>(window, input, row, kc, tile.col, tile.cols, scratch);
    return packed_block<A>(scratch, kc, tile.cols);
  });
  detail::transpose_spread<A>(s, p, tile, results, problem.output + index * gemm.m * s.out.count());
}

}  // namespace inlay::inline v0::kernels
