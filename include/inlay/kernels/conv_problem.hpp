// What a convolution computes and how it is cut into tasks: plain data, no vector code.
#pragma once

#include <inlay/kernels/gemm_problem.hpp>

namespace inlay::inline v0::kernels {

/// Depth, height and width; a 1-D or 2-D convolution has 1 (stride 1, pad 0) in front.
struct Extent3 {
  std::int64_t d = 1, h = 1, w = 1;

  INLAY_INLINE constexpr std::int64_t count() const { return d * h * w; }
};

/// Where a kernel meets its input: output pixel o and tap t see input pixel
/// o * stride - pad + t * dilation in each dimension, zero outside [0, in). `pad` is the padding at
/// the start of each dimension; that at the end follows from `out`.
struct ConvWindow {
  Extent3 in, kernel, out;
  Extent3 stride, dilation;
  Extent3 pad{0, 0, 0};
};

/// ONNX Conv, f32: input [batch, channels, in], weights [filters, channels / groups, kernel],
/// output [batch, filters, out]; and ONNX ConvTranspose (in and out swap places in the window's
/// equation), with weights [channels, filters / groups, kernel]. Strides and dilations are >= 1;
/// groups divides channels and filters.
struct ConvShape : ConvWindow {
  std::int64_t batch = 1, channels = 1, filters = 1, groups = 1;

  INLAY_INLINE constexpr std::int64_t group_channels() const { return channels / groups; }
  INLAY_INLINE constexpr std::int64_t group_filters() const { return filters / groups; }
};

/// Where output pixel (y, x) lies in its plane, in pixels: at first + y * row + x * step.
struct ConvSpread {
  std::int64_t plane = 0;  ///< pixels of a plane; 0: those of the shape, side by side
  std::int64_t first = 0, row = 0, step = 1;
};

/// Rows that memory holds of each plane: [first, first + count).
struct ConvRows {
  std::int64_t first, count;
};

/// output = activation(conv(input, weights) + bias[filter] + residual). `residual` has the shape of
/// the output and may be the output itself; null pointers mean an absent term.
struct ConvProblem {
  ConvShape shape;
  const float* input = nullptr;
  const float* weights = nullptr;  ///< as pack_weights left them, or raw where nothing is packed
  const float* bias = nullptr;
  const float* residual = nullptr;
  Activation activation;
  float* output = nullptr;
  ConvSpread spread;          ///< blocked channels with BlockedForm::spread, or by rows, alone
  std::int64_t in_plane = 0;  ///< pixels of an input plane in memory, by rows; 0: all
};

enum class ConvMethod : std::uint8_t {
  pointwise,  ///< a GEMM on the input as it is: kernel 1, stride 1, no padding
  frames,     ///< a GEMM on the input as it is: frames of one channel, no padding
  planes,     ///< a GEMM that reads B in padded copies of the input's planes
  im2col,     ///< a GEMM whose B panels are gathered from the input, never stored whole
  vector,     ///< one output pixel that sees the whole input: a matrix times a vector
  few,        ///< a few output pixels: vectors run along the filters
  depthwise,  ///< one channel per group: multiply-adds along rows
  transpose,  ///< ConvTranspose: one GEMM per phase of the output
};

/// How a convolution runs; depends on its shape alone.
struct ConvPlan {
  ConvMethod method = ConvMethod::im2col;
  GemmGrid grid;                   ///< of one GEMM; its columns are bands for `planes`
  std::int64_t band_rows = 0;      ///< planes, depthwise: rows (or slices) of the output per band
  std::int64_t bands = 0;          ///< planes, depthwise: bands per plane
  std::int64_t group = 1;          ///< depthwise: bands in scratch at once
  std::int64_t task_bands = 1;     ///< depthwise: bands per task
  std::int64_t task_count = 0;     ///< tasks, in any order on any threads
  std::size_t packed_floats = 0;   ///< size of packed weights; 0: the raw weights are used
  std::size_t scratch_floats = 0;  ///< scratch that each running task needs
};

}  // namespace inlay::inline v0::kernels
