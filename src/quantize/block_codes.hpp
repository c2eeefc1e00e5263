// Weights of few bits in blocks, as MatMulNBits has them, rounded to nearest.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

/// How weights [n, k] become unsigned codes in blocks along k.
struct BlockFormat {
  int bits = 4;             ///< or 2 or 8
  std::int64_t block = 32;  ///< a power of two from 16 on
  bool symmetric = true;    ///< all zero points are 2^(bits - 1)
};

/// weight = (code - zero point) * scale. Arrays are MatMulNBits' inputs: codes [n, blocks, block *
/// bits / 8] and zero points [n, ceil(blocks * bits / 8)], low bits first; scales [n, blocks].
struct BlockCodes {
  std::int64_t n = 0, k = 0;
  BlockFormat format;
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
  std::vector<std::uint8_t> zeros;  ///< empty where they are symmetric

  std::int64_t blocks() const { return (k - 1) / format.block + 1; }
};

/// The scale and zero point of one block.
struct BlockScale {
  float scale = 0;
  int zero = 0, largest = 0;  ///< largest code

  int code_of(double weight) const;
  double weight_of(int code) const { return (code - zero) * static_cast<double>(scale); }
};

/// For weights whose range is given. A symmetric scale has the sign that the larger end needs to be
/// a code.
BlockScale block_scale(double smallest, double largest, const BlockFormat& format);

/// That of weights whose codes lose least: the sum of squared errors, each times the weight's
/// `importance`. The range may be cut by a half.
BlockScale best_block_scale(std::span<const double> weights, std::span<const double> importance,
                            const BlockFormat& format);

/// Zero codes of the right sizes. Errors: invalid_argument, for sizes or a format that cannot be,
/// or weights that are not finite.
BlockCodes empty_block_codes(std::span<const float> weights, std::int64_t n, std::int64_t k,
                             const BlockFormat& format);
void put_scale(BlockCodes& codes, std::int64_t row, std::int64_t block, const BlockScale& scale);
/// Once for each weight of codes that were zero.
void put_code(BlockCodes& codes, std::int64_t row, std::int64_t column, int code);

/// The nearest codes of weights [n, k]. Errors: invalid_argument, as above.
INLAY_API BlockCodes quantize_blocks(std::span<const float> weights, std::int64_t n, std::int64_t k,
                                     const BlockFormat& format = {});
/// The weights [n, k] of codes.
INLAY_API std::vector<float> decode_blocks(const BlockCodes& codes);

}  // namespace inlay::inline v0
