// Convolution of 8-bit codes with channels last: a GEMM whose rows are the codes that each output
// pixel sees.
#pragma once

#include <inlay/kernels/igemm.hpp>
#include <inlay/kernels/integer_depthwise.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// Whether the rows of a group's product lie in the input as they are.
INLAY_INLINE bool is_pointwise(const ConvWindow& w) {
  const auto same = [](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                       std::int64_t pad) {
    return kernel == 1 && stride == 1 && pad == 0 && in == out;
  };
  return same(w.in.d, w.out.d, w.kernel.d, w.stride.d, w.pad.d) &&
         same(w.in.h, w.out.h, w.kernel.h, w.stride.h, w.pad.h) &&
         same(w.in.w, w.out.w, w.kernel.w, w.stride.w, w.pad.w);
}

}  // namespace detail

/// The codes that each output pixel sees, as the rows of an igemm: taps in the order of the kernel,
/// a group's channels within each.
template <class A>
struct WindowRows {
  const IntegerConvProblem& problem;
  const std::uint8_t* input;  ///< the group's first channel

  INLAY_NOINLINE DotRows get(std::int64_t first, std::int64_t count, std::uint8_t* copies) const {
    const ConvShape& s = problem.shape;
    const std::int64_t k = s.kernel.count() * s.group_channels();
    const std::int64_t stride = dot_row_bytes(dot_steps<A>(k));
    std::int64_t x = first % s.out.w, rest = first / s.out.w;
    std::int64_t y = rest % s.out.h;
    rest /= s.out.h;
    std::int64_t z = rest % s.out.d, image = rest / s.out.d;
    for (std::int64_t r = 0; r < count; ++r) {
      auto* const row = reinterpret_cast<DotCode<A>*>(copies + r * stride);
      copy_window(input + image * s.in.count() * s.channels, z * s.stride.d - s.pad.d,
                  y * s.stride.h - s.pad.h, x * s.stride.w - s.pad.w, row);
      finish_row<A>(row, k);
      if (++x < s.out.w) continue;
      x = 0;
      if (++y < s.out.h) continue;
      y = 0;
      if (++z < s.out.d) continue;
      z = 0;
      ++image;
    }
    return {copies, stride};
  }

 private:
  /// Copies the window whose first tap is at (z, y, x).
  INLAY_INLINE void copy_window(const std::uint8_t* from, std::int64_t z, std::int64_t y,
                                std::int64_t x, DotCode<A>* to) const {
    const ConvShape& s = problem.shape;
    const std::int64_t channels = s.group_channels(), line = s.kernel.w * channels;
    const std::uint8_t flip = problem.x_is_signed ? 0x80 : 0;
    const auto zero = static_cast<std::uint8_t>(problem.x_zero + flip);
    const bool is_run = s.groups == 1 && s.dilation.w == 1 && x >= 0 && x + s.kernel.w <= s.in.w;
    for (std::int64_t tz = 0; tz < s.kernel.d; ++tz) {
      for (std::int64_t ty = 0; ty < s.kernel.h; ++ty, to += line) {
        const std::int64_t at_z = z + tz * s.dilation.d, at_y = y + ty * s.dilation.h;
        if (at_z < 0 || at_z >= s.in.d || at_y < 0 || at_y >= s.in.h) {
          for (std::int64_t i = 0; i < line; ++i) to[i] = zero;
          continue;
        }
        const std::uint8_t* const row = from + (at_z * s.in.h + at_y) * s.in.w * s.channels;
        if (is_run) {
          copy_codes<A>(row + x * s.channels, line, flip, to);
          continue;
        }
        for (std::int64_t tx = 0; tx < s.kernel.w; ++tx) {
          const std::int64_t at_x = x + tx * s.dilation.w;
          DotCode<A>* const tap = to + tx * channels;
          if (at_x >= 0 && at_x < s.in.w) {
            copy_codes<A>(row + at_x * s.channels, channels, flip, tap);
          } else {
            for (std::int64_t i = 0; i < channels; ++i) tap[i] = zero;
          }
        }
      }
    }
  }
};

/// Bytes that integer_conv_pack writes.
template <class A>
std::int64_t integer_conv_packed_size(const ConvShape& s) {
  if (is_integer_depthwise(s)) return integer_depthwise_packed_size<A>(s);
  return s.groups *
         igemm_packed_b_size<A>(s.kernel.count() * s.group_channels(), s.group_filters());
}

/// Packs weights [filters, kernel, channels / groups], and sums up those of each filter: unsigned
/// ones are packed, and summed, less 128.
template <class A>
INLAY_COLD void integer_conv_pack(const ConvShape& s, const std::uint8_t* weights, bool is_signed,
                                  std::int8_t* packed, std::int32_t* sums) {
  if (is_integer_depthwise(s)) {
    return integer_depthwise_pack<A>(s, weights, is_signed, packed, sums);
  }
  const std::int64_t k = s.kernel.count() * s.group_channels(), n = s.group_filters();
  for (std::int64_t g = 0; g < s.groups; ++g) {
    igemm_pack_b<A>({weights + g * n * k, 1, k, is_signed}, k, n,
                    packed + g * igemm_packed_b_size<A>(k, n), sums + g * n);
  }
}

template <class A>
INLAY_COLD IntegerConvPlan integer_conv_plan(const ConvShape& s, std::int64_t wanted_tasks) {
  if (is_integer_depthwise(s)) return integer_depthwise_plan<A>(s, wanted_tasks);
  IntegerConvPlan plan;
  plan.grid =
      igemm_grid<A>(s.batch * s.out.count(), s.group_filters(),
                    s.kernel.count() * s.group_channels(), ceil_div(wanted_tasks, s.groups));
  plan.task_count = s.groups * plan.grid.task_count();
  plan.scratch_words = plan.grid.scratch_floats;
  return plan;
}

/// Runs one task of `plan`, made for the same shape, in any order on any threads. `scratch` belongs
/// to this call alone.
template <class A>
void integer_conv_task(const IntegerConvProblem& problem, const IntegerConvPlan& plan,
                       std::int64_t task, DotWord* scratch) {
  const ConvShape& s = problem.shape;
  if (is_integer_depthwise(s)) {
    return integer_depthwise_task<A>(problem, plan, task, scratch);
  }
  const std::int64_t group = task / plan.grid.task_count(), filter = group * s.group_filters();
  const std::uint8_t* const input = problem.input + group * s.group_channels();
  const bool writes_codes = problem.output == IntegerOutput::codes;
  IntegerGemmProblem gemm;
  gemm.m = s.batch * s.out.count();
  gemm.n = s.group_filters();
  gemm.k = s.kernel.count() * s.group_channels();
  gemm.a = {input, s.channels, 1, problem.x_is_signed};
  gemm.packed_b = problem.weights + group * igemm_packed_b_size<A>(gemm.k, gemm.n);
  gemm.b_sums = problem.sums + filter;
  gemm.b_is_signed = problem.w_is_signed;
  gemm.a_zeros = {&problem.x_zero, 0};
  gemm.b_zeros = problem.w_zeros.from(filter);
  if (problem.bias != nullptr) gemm.bias = problem.bias + filter;
  gemm.output = problem.output;
  gemm.c = static_cast<std::uint8_t*>(problem.y) + filter * (writes_codes ? 1 : 4);
  gemm.ldc = s.filters;
  gemm.col_scales = problem.scales.from(filter);
  gemm.zero = problem.y_zero;
  gemm.c_is_signed = problem.y_is_signed;
  const std::int64_t tile = task % plan.grid.task_count();
  if (detail::is_pointwise(s)) return igemm_task<A>(gemm, plan.grid, tile, scratch);
  igemm_rows_task<A>(gemm, WindowRows<A>{problem, input}, plan.grid, tile, scratch);
}

}  // namespace inlay::inline v0::kernels
