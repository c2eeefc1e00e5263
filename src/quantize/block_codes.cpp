#include "quantize/block_codes.hpp"

#include <algorithm>
#include <cmath>

#include "inlay/error.hpp"

namespace inlay::inline v0 {
namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

[[noreturn]] void refuse(const char* message) { throw Error(ErrorCode::invalid_argument, message); }

std::int64_t zero_bytes(const BlockCodes& codes) {
  return (codes.blocks() * codes.format.bits + 7) / 8;
}

/// Element i of codes whose first lies at `at`.
int get(const std::vector<std::uint8_t>& bytes, std::int64_t at, int bits, std::int64_t i) {
  const std::int64_t bit = i * bits;
  return bytes[index(at + bit / 8)] >> bit % 8 & ((1 << bits) - 1);
}
void put(std::vector<std::uint8_t>& bytes, std::int64_t at, int bits, std::int64_t i, int code) {
  const std::int64_t bit = i * bits;
  std::uint8_t& byte = bytes[index(at + bit / 8)];
  byte = static_cast<std::uint8_t>(byte | code << bit % 8);
}

std::int64_t column_bytes(const BlockCodes& codes) {
  return codes.blocks() * (codes.format.block / 8) * codes.format.bits;
}

}  // namespace

int BlockScale::code_of(double weight) const {
  if (scale == 0.0f) return zero;
  const double steps = std::nearbyint(weight / static_cast<double>(scale)) + zero;
  return static_cast<int>(std::clamp(steps, 0.0, static_cast<double>(largest)));
}

BlockScale block_scale(double smallest, double largest, const BlockFormat& format) {
  BlockScale result;
  result.largest = (1 << format.bits) - 1;
  if (format.symmetric) {
    result.zero = 1 << (format.bits - 1);
    const double extreme = -smallest > largest ? smallest : largest;
    result.scale = static_cast<float>(-extreme / result.zero);
    return result;
  }
  smallest = std::min(smallest, 0.0);
  largest = std::max(largest, 0.0);
  result.scale = static_cast<float>((largest - smallest) / result.largest);
  result.zero = result.scale == 0.0f
                    ? 0
                    : static_cast<int>(
                          std::clamp(std::nearbyint(-smallest / static_cast<double>(result.scale)),
                                     0.0, static_cast<double>(result.largest)));
  return result;
}

BlockScale best_block_scale(std::span<const double> weights, std::span<const double> importance,
                            const BlockFormat& format) {
  constexpr int cuts = 26;
  const auto [smallest, largest] = std::minmax_element(weights.begin(), weights.end());
  BlockScale best;
  double least = 0;
  for (int cut = 0; cut < cuts; ++cut) {
    const double part = 1 - 0.5 * cut / (cuts - 1);
    const BlockScale scale = block_scale(part * *smallest, part * *largest, format);
    double error = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double lost = weights[i] - scale.weight_of(scale.code_of(weights[i]));
      error += importance[i] * lost * lost;
    }
    if (cut > 0 && !(error < least)) continue;
    least = error;
    best = scale;
  }
  return best;
}

BlockCodes empty_block_codes(std::span<const float> weights, std::int64_t n, std::int64_t k,
                             const BlockFormat& format) {
  constexpr std::int64_t most = 1 << 30;
  if (format.bits != 2 && format.bits != 4 && format.bits != 8) {
    refuse("codes must have 2, 4 or 8 bits");
  }
  if (format.block < 16 || format.block > most || (format.block & (format.block - 1)) != 0) {
    refuse("blocks must be a power of two from 16 on");
  }
  if (n < 1 || k < 1 || n > most || k > most || index(n * k) != weights.size()) {
    refuse("weights must be a matrix [n, k]");
  }
  if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); })) {
    refuse("weights must be finite");
  }
  BlockCodes result{.n = n, .k = k, .format = format, .codes = {}, .scales = {}, .zeros = {}};
  result.codes.resize(index(n * column_bytes(result)));
  result.scales.resize(index(n * result.blocks()));
  if (!format.symmetric) result.zeros.resize(index(n * zero_bytes(result)));
  return result;
}

void put_scale(BlockCodes& codes, std::int64_t row, std::int64_t block, const BlockScale& scale) {
  codes.scales[index(row * codes.blocks() + block)] = scale.scale;
  if (codes.format.symmetric) return;
  put(codes.zeros, row * zero_bytes(codes), codes.format.bits, block, scale.zero);
}

void put_code(BlockCodes& codes, std::int64_t row, std::int64_t column, int code) {
  put(codes.codes, row * column_bytes(codes), codes.format.bits, column, code);
}

BlockCodes quantize_blocks(std::span<const float> weights, std::int64_t n, std::int64_t k,
                           const BlockFormat& format) {
  BlockCodes result = empty_block_codes(weights, n, k, format);
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t block = 0; block < result.blocks(); ++block) {
      const std::int64_t first = block * format.block;
      const std::int64_t count = std::min(format.block, k - first);
      const auto part = weights.subspan(index(row * k + first), index(count));
      const auto [smallest, largest] = std::minmax_element(part.begin(), part.end());
      const BlockScale scale = block_scale(*smallest, *largest, format);
      put_scale(result, row, block, scale);
      for (std::int64_t i = 0; i < count; ++i) {
        put_code(result, row, first + i, scale.code_of(part[index(i)]));
      }
    }
  }
  return result;
}

std::vector<float> decode_blocks(const BlockCodes& codes) {
  std::vector<float> weights;
  weights.reserve(index(codes.n * codes.k));
  const int bits = codes.format.bits;
  for (std::int64_t row = 0; row < codes.n; ++row) {
    for (std::int64_t column = 0; column < codes.k; ++column) {
      const std::int64_t block = column / codes.format.block;
      const int zero = codes.format.symmetric
                           ? 1 << (bits - 1)
                           : get(codes.zeros, row * zero_bytes(codes), bits, block);
      const int code = get(codes.codes, row * column_bytes(codes), bits, column);
      weights.push_back(static_cast<float>(code - zero) *
                        codes.scales[index(row * codes.blocks() + block)]);
    }
  }
  return weights;
}

}  // namespace inlay::inline v0
