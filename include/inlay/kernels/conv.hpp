// f32 convolution in 1, 2 and 3 dimensions, as tasks that a caller runs in any order.
#pragma once

#include <inlay/kernels/conv_few.hpp>
#include <inlay/kernels/conv_planes.hpp>
#include <inlay/kernels/conv_problem.hpp>
#include <inlay/kernels/depthwise.hpp>
#include <inlay/kernels/gemm.hpp>
#include <inlay/kernels/im2col.hpp>

namespace inlay::inline v0::kernels {

INLAY_INLINE constexpr bool same(const Extent3& a, const Extent3& b) {
  return a.d == b.d && a.h == b.h && a.w == b.w;
}

/// Whether the outputs of one channel see steps of one row, which all lie inside.
INLAY_INLINE constexpr bool suits_frames(const ConvShape& s) {
  return s.group_channels() == 1 && s.in.d * s.in.h == 1 && s.kernel.d * s.kernel.h == 1 &&
         s.out.d * s.out.h == 1 && same(s.pad, {0, 0, 0}) &&
         (s.out.w - 1) * s.stride.w + (s.kernel.w - 1) * s.dilation.w < s.in.w;
}

template <class A>
ConvMethod conv_method(const ConvShape& s) {
  constexpr std::int64_t depthwise_max_filters = 4;  // more per channel repay a GEMM
  const bool no_pad = same(s.pad, {0, 0, 0});
  if (s.out.count() == 1 && no_pad && same(s.kernel, s.in)) return ConvMethod::vector;
  if (s.group_channels() == 1 && s.group_filters() <= depthwise_max_filters &&
      planes_are_small(s)) {
    return ConvMethod::depthwise;
  }
  if (suits_few<A>(s)) return ConvMethod::few;
  if (suits_frames(s)) return ConvMethod::frames;
  if (s.kernel.count() == 1 && s.stride.count() == 1 && no_pad && same(s.in, s.out)) {
    return ConvMethod::pointwise;
  }
  return suits_planes<A>(s) ? ConvMethod::planes : ConvMethod::im2col;
}

/// Plans a convolution; an output without elements has no tasks.
template <class A>
INLAY_COLD ConvPlan conv_plan(const ConvShape& s) {
  ConvPlan plan;
  if (s.batch * s.filters * s.out.count() == 0) return plan;
  const ConvMethod method = conv_method<A>(s);
  if (method == ConvMethod::depthwise) return depthwise_plan<A>(s);
  const std::int64_t k = s.group_channels() * s.kernel.count();
  const bool packs = method != ConvMethod::vector;
  if (method == ConvMethod::planes) {
    plan = conv_planes_plan<A>(s);
  } else {
    plan.method = method;
    plan.grid = gemm_grid<A>(s.group_filters(), s.out.count(), k, packs, false,
                             ceil_div(usual_tasks, s.batch * s.groups));
    plan.task_count = s.batch * s.groups * plan.grid.task_count();
    plan.scratch_floats = method == ConvMethod::few ? static_cast<std::size_t>(conv_few_scratch(s))
                                                    : plan.grid.scratch_floats;
  }
  if (packs) {
    plan.packed_floats =
        static_cast<std::size_t>(s.groups * packed_a_size<A>(s.group_filters(), k));
  }
  return plan;
}

/// Packs weights [filters, channels / groups, kernel] into plan.packed_floats floats, if not 0.
template <class A>
INLAY_COLD void conv_pack_weights(const ConvShape& s, const ConvPlan& plan, const float* weights,
                                  float* packed) {
  if (plan.packed_floats == 0) return;
  const std::int64_t m = s.group_filters(), k = s.group_channels() * s.kernel.count();
  for (std::int64_t g = 0; g < s.groups; ++g) {
    pack_a<A>({weights + g * m * k, k, 1}, m, k, packed + g * packed_a_size<A>(m, k));
  }
}

namespace detail {

/// The GEMM of image and group `index`.
template <class A>
INLAY_INLINE GemmProblem conv_gemm(const ConvProblem& problem, const ConvPlan& plan,
                                   std::int64_t index) {
  const ConvShape& s = problem.shape;
  const std::int64_t group = index % s.groups, pixels = s.out.count();
  GemmProblem gemm;
  gemm.m = s.group_filters();
  gemm.n = pixels;
  gemm.k = s.group_channels() * s.kernel.count();
  gemm.b = {problem.input + index * s.group_channels() * s.in.count(), s.in.count(), 1};
  gemm.c = problem.output + index * gemm.m * pixels;
  gemm.ldc = pixels;
  if (plan.packed_floats == 0) {
    gemm.a = {problem.weights + group * gemm.m * gemm.k, gemm.k, 1};
    gemm.b = {gemm.b.data, 1, 1};  // the whole input of the group is one column
  } else {
    if (plan.method == ConvMethod::frames) {
      gemm.b.row_stride = s.dilation.w, gemm.b.col_stride = s.stride.w;
    }
    gemm.packed_a = problem.weights + group * packed_a_size<A>(gemm.m, gemm.k);
  }
  if (problem.bias != nullptr) gemm.epilogue.row_bias = problem.bias + group * gemm.m;
  if (problem.residual != nullptr) {
    gemm.epilogue.residual = problem.residual + index * gemm.m * pixels;
    gemm.epilogue.residual_stride = pixels;
  }
  gemm.epilogue.activation = problem.activation;
  return gemm;
}

}  // namespace detail

/// Runs one task of a plan made for the same shape. `scratch` holds plan.scratch_floats and belongs
/// to this call alone; aligned to 64 bytes it is fastest.
template <class A>
void conv_task(const ConvProblem& problem, const ConvPlan& plan, std::int64_t task,
               float* scratch) {
  const ConvShape& s = problem.shape;
  if (plan.method == ConvMethod::depthwise) return depthwise_task<A>(problem, plan, task, scratch);
  const std::int64_t index = task / plan.grid.task_count();  // of image and group
  const std::int64_t tile_index = task % plan.grid.task_count();
  const GemmProblem gemm = detail::conv_gemm<A>(problem, plan, index);
  if (plan.method == ConvMethod::planes) {
    const GemmTile tile = tile_of(plan.grid, gemm.m, gemm.n, tile_index);
    const ConvBand band = band_of(s.out, plan.band_rows, tile_index / plan.grid.tiles_m);
    return conv_planes_tile<A>(s, gemm, tile, band, gemm.b.data, scratch);
  }
  if (plan.method == ConvMethod::few) {
    const GemmTile tile = tile_of(plan.grid, gemm.m, gemm.n, tile_index);
    return conv_few_tile<A>(s, gemm, tile, gemm.b.data, scratch);
  }
  if (plan.method == ConvMethod::im2col) {
    const GemmTile tile = tile_of(plan.grid, gemm.m, gemm.n, tile_index);
    return gemm_tile<A>(gemm, tile, nullptr, [&](std::int64_t p, std::int64_t kc) {
      im2col_block<A, GemmBlocking<A>::nr>(s, gemm.b.data, p, kc, tile.col, tile.cols, scratch);
      return packed_block<A>(scratch, kc, tile.cols);
    });
  }
  gemm_task<A>(gemm, plan.grid, tile_index, scratch);
}

}  // namespace inlay::inline v0::kernels
