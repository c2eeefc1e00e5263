// What a convolution of 8-bit codes computes: plain data, no vector code.
#pragma once

#include <inlay/kernels/conv_problem.hpp>
#include <inlay/kernels/igemm_problem.hpp>

namespace inlay::inline v0::kernels {

/// Convolution of codes with channels last: input [batch, in, channels], output [batch, out,
/// filters]. With x_zero outside the image,
///   S = the sums of (x - x_zero) * (w - w_zeros[filter]) + bias[filter],
/// exact as long as it fits in 32 bits; the output is, as for IntegerGemmProblem,
///   integers: S, int32;
///   codes:    S * scales[filter], rounded to the nearest integer, ties to even, plus y_zero.
struct IntegerConvProblem {
  ConvShape shape;
  const std::uint8_t* input = nullptr;
  bool x_is_signed = false;
  std::int32_t x_zero = 0;
  const std::int8_t* weights = nullptr;  ///< as packed
  const std::int32_t* sums = nullptr;    ///< of each filter's weights, from packing
  bool w_is_signed = true;
  PerLine<std::int32_t> w_zeros;
  const std::int32_t* bias = nullptr;
  IntegerOutput output = IntegerOutput::codes;  ///< not floats
  PerLine<float> scales;
  std::int32_t y_zero = 0;
  bool y_is_signed = false;
  void* y = nullptr;
};

/// How it runs; depends on the shape and the number of tasks wanted.
struct IntegerConvPlan {
  GemmGrid grid;          ///< of one group's product
  std::int64_t rows = 0;  ///< depthwise: lines of the output per task
  std::int64_t task_count = 0;
  std::size_t scratch_words = 0;  ///< that each running task needs
};

}  // namespace inlay::inline v0::kernels
