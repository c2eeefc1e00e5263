// Weights of few bits, as MatMulNBits has them, and how they are packed: plain data.
#pragma once

#include <cstdint>

#include <inlay/kernels/matrix.hpp>

namespace inlay::inline v0::kernels {

/// Zero points: 2^(bits - 1) for all, or one for each block of a column.
enum class NbitsZeros { middle, bytes, floats };

/// Weights [n columns, k] of unsigned codes. Each block of k has a scale and a zero point:
///   weight = (code - zero point) * scale.
struct NbitsShape {
  std::int64_t n = 0, k = 0;
  std::int64_t block = 0;  ///< packed: a power of two from 16 to max_nbits_block
  int bits = 4;            ///< or 8
  NbitsZeros zeros = NbitsZeros::middle;

  INLAY_INLINE constexpr std::int64_t blocks() const { return ceil_div(k, block); }
  INLAY_INLINE constexpr std::int64_t codes_per_word() const { return 32 / bits; }
  INLAY_INLINE constexpr std::int64_t words_per_block() const { return block * bits / 32; }
  INLAY_INLINE constexpr std::int64_t zero_bytes() const {
    return zeros == NbitsZeros::middle ? 0 : zeros == NbitsZeros::bytes ? 1 : 4;
  }
  /// Bytes of a block of a packed panel of nr columns: nr scales, nr zero points, and for each step
  /// of k one word per column, with its codes from the lowest bits on.
  INLAY_INLINE constexpr std::int64_t block_bytes(std::int64_t nr) const {
    return nr * (4 + zero_bytes() + 4 * words_per_block());
  }
  /// Panels follow each other, each with its blocks one behind the other.
  INLAY_INLINE constexpr std::int64_t panel_bytes(std::int64_t nr) const {
    return blocks() * block_bytes(nr);
  }
  INLAY_INLINE constexpr std::int64_t packed_bytes(std::int64_t nr) const {
    return ceil_div(n, nr) * panel_bytes(nr);
  }
};

/// Longer blocks are packed as several of one scale: sums of a block stay exact, and the largest
/// number of a row sets the precision of its neighbours alone.
inline constexpr std::int64_t max_nbits_block = 128;

/// Rows that are multiplied one by one. More repay decoding the weights first.
inline constexpr std::int64_t nbits_few_rows = 8;

/// C [m, n] = A [m, k] * transposed weights + bias, row-major with row stride `ldc`.
struct NbitsProblem {
  NbitsShape shape;
  std::int64_t m = 0;
  const std::uint8_t* packed = nullptr;  ///< by nbits_pack for the panels of the kernel table
  const std::uint32_t* rows = nullptr;   ///< A as nbits_prepare_row leaves it, for nbits_gemv
  const float* packed_a = nullptr;       ///< A as pack_a leaves it, for nbits_gemm_task
  const float* bias = nullptr;           ///< of columns; may be null
  float* c = nullptr;
  std::int64_t ldc = 0;
};

}  // namespace inlay::inline v0::kernels
