// Packing of weights of few bits: columns side by side, so that lanes are columns.
#pragma once

#include <cstring>

#include <inlay/kernels/nbits_problem.hpp>

namespace inlay::inline v0::kernels {

/// Weights as MatMulNBits gives them: each column's codes along k, low bits first, in whole blocks;
/// a scale per block; zero points packed like codes, each column from a byte of its own, or floats.
struct NbitsSource {
  const std::uint8_t* codes = nullptr;
  const float* scales = nullptr;
  const std::uint8_t* packed_zeros = nullptr;
  const float* float_zeros = nullptr;
  std::int64_t block = 0;  ///< a multiple of that of the packed weights
};

/// Packs panels of nr columns. Columns after the last have a scale of 0.
INLAY_INLINE void nbits_pack(const NbitsShape& shape, const NbitsSource& from, std::int64_t nr,
                             std::uint8_t* to) {
  const std::int64_t blocks = ceil_div(shape.k, from.block), repeats = from.block / shape.block;
  const std::int64_t column_bytes = blocks * from.block * shape.bits / 8;
  const std::int64_t zeros_bytes = ceil_div(blocks * shape.bits, std::int64_t{8});
  const auto put = [&](const auto& value) {
    std::memcpy(to, &value, sizeof value);
    to += sizeof value;
  };
  for (std::int64_t first = 0; first < shape.n; first += nr) {
    for (std::int64_t b = 0; b < shape.blocks(); ++b) {
      const std::int64_t block = b / repeats;
      const auto each_column = [&](const auto& put_column) {
        for (std::int64_t col = first; col < first + nr; ++col) put_column(col, col < shape.n);
      };
      each_column([&](std::int64_t col, bool is_there) {
        put(is_there ? from.scales[col * blocks + block] : 0.0f);
      });
      if (shape.zeros == NbitsZeros::floats) {
        each_column([&](std::int64_t col, bool is_there) {
          put(is_there ? from.float_zeros[col * blocks + block] : 0.0f);
        });
      } else if (shape.zeros == NbitsZeros::bytes) {
        const std::int64_t bit = block * shape.bits;
        each_column([&](std::int64_t col, bool is_there) {
          const int byte = is_there ? from.packed_zeros[col * zeros_bytes + bit / 8] : 0;
          put(static_cast<std::uint8_t>((byte >> bit % 8) & ((1 << shape.bits) - 1)));
        });
      }
      for (std::int64_t word = 0; word < shape.words_per_block(); ++word) {
        const std::int64_t at = 4 * (b * shape.words_per_block() + word);
        each_column([&](std::int64_t col, bool is_there) {
          std::uint32_t codes = 0;
          if (is_there) std::memcpy(&codes, from.codes + col * column_bytes + at, sizeof codes);
          put(codes);
        });
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
