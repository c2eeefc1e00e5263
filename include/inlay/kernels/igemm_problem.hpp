// What a GEMM on 8-bit codes computes: plain data, no vector code.
#pragma once

#include <inlay/kernels/gemm_problem.hpp>

namespace inlay::inline v0::kernels {

/// A matrix of codes in memory, int8 or uint8: code (i, j) at data[i * row_stride + j *
/// col_stride].
struct CodeView {
  const std::uint8_t* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 1;
  bool is_signed = false;

  INLAY_INLINE constexpr const std::uint8_t* at(std::int64_t i, std::int64_t j) const {
    return data + i * row_stride + j * col_stride;
  }
  INLAY_INLINE constexpr CodeView transposed() const {
    return {data, col_stride, row_stride, is_signed};
  }
};

/// One number for all rows (columns), or one for each; null: `absent` for all.
template <class T>
struct PerLine {
  const T* data = nullptr;
  std::int64_t step = 0;  ///< 0 or 1

  INLAY_INLINE T get(std::int64_t line, T absent) const {
    return data == nullptr ? absent : data[line * step];
  }
  /// Those of lines from `first` on.
  INLAY_INLINE PerLine from(std::int64_t first) const {
    return {data == nullptr ? nullptr : data + first * step, step};
  }
};

enum class IntegerOutput : std::uint8_t { integers, floats, codes };

/// P [m, n] = (A - a_zeros) * (B - b_zeros) + bias, exact as long as it fits in 32 bits (for a k of
/// up to 32,768 it does) and modulo 2^32 else. C, row-major with row stride `ldc`, is
///   integers: P, int32;
///   floats:   epilogue(P * (row_scales[i] * col_scales[j])), f32;
///   codes:    P * (row_scales[i] * col_scales[j]), rounded to the nearest integer, ties to even,
///             plus `zero`, in the range of uint8 or int8.
/// A is a view. B is packed by the pack function of the same kernel table. Any size may be 0.
struct IntegerGemmProblem {
  std::int64_t m = 0, n = 0, k = 0;
  CodeView a;
  const std::int8_t* packed_b = nullptr;
  const std::int32_t* b_sums = nullptr;  ///< of each column's codes, from packing
  bool b_is_signed = true;
  PerLine<std::int32_t> a_zeros, b_zeros;
  const std::int32_t* bias = nullptr;
  IntegerOutput output = IntegerOutput::integers;
  void* c = nullptr;
  std::int64_t ldc = 0;
  PerLine<float> row_scales, col_scales;
  std::int32_t zero = 0;
  bool c_is_signed = false;
  GemmEpilogue epilogue;
};

}  // namespace inlay::inline v0::kernels
