// Codes as igemm_micro reads them: B in panels, step after step, and rows of A as words.
#pragma once

#include <inlay/kernels/igemm_micro.hpp>

namespace inlay::inline v0::kernels {

/// Bytes that igemm_pack_b writes for B [k, n].
template <class A>
std::int64_t igemm_packed_b_size(std::int64_t k, std::int64_t n) {
  return ceil_div(n, std::int64_t{GemmBlocking<A>::nr}) * dot_steps<A>(k) * panel_bytes<A>;
}

/// Packs columns of B [k, n] into panels, zeros past its ends, and sums up each column: unsigned
/// codes are packed, and summed, less 128. Columns from a multiple of the panel width on may be
/// packed apart from others.
template <class A>
INLAY_COLD void igemm_pack_b(const CodeView& b, std::int64_t k, std::int64_t n, std::int8_t* packed,
                             std::int32_t* sums) {
  constexpr int depth = dot_depth<A>;
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  const std::uint8_t flip = b.is_signed ? 0 : 0x80;
  for (std::int64_t first = 0; first < n; first += nr) {
    const std::int64_t cols = n - first < nr ? n - first : nr;
    for (std::int64_t j = 0; j < cols; ++j) sums[first + j] = 0;
    for (std::int64_t p = 0; p < k; p += depth) {
      for (std::int64_t j = 0; j < nr; ++j) {
        for (std::int64_t i = p; i < p + depth; ++i) {
          std::int8_t code = 0;
          if (i < k && j < cols) {
            code = static_cast<std::int8_t>(*b.at(i, first + j) ^ flip);
            sums[first + j] += code;
          }
          *packed++ = code;
        }
      }
    }
  }
}

/// Bytes between copied rows of words: whole lines, and no multiple of 1 KB, at which rows would
/// meet in the same sets of the L1 cache.
INLAY_INLINE constexpr std::int64_t dot_row_bytes(std::int64_t steps) {
  constexpr std::int64_t line = 64, alias = 1024;
  const std::int64_t bytes = round_up(steps * std::int64_t{sizeof(DotWord)}, line);
  return bytes % alias == 0 ? bytes + line : bytes;
}

/// Zeros behind the codes of a row, as far as its words reach.
template <class A>
INLAY_INLINE void finish_row(DotCode<A>* row, std::int64_t k) {
  for (std::int64_t i = k; i < dot_steps<A>(k) * dot_depth<A>; ++i) row[i] = 0;
}

/// A matrix of codes as the rows of an igemm.
template <class A>
struct MatrixRows {
  const CodeView& a;
  std::int64_t k;

  /// Whether memory holds the rows as words.
  INLAY_INLINE bool are_in_place() const {
    return dot_depth<A> == 4 && !a.is_signed && a.col_stride == 1 && k > 0 && k % 4 == 0 &&
           a.row_stride % 4096 != 0;
  }
  /// Rows from `first` on, where they are or copied to `copies`, dot_row_bytes apart.
  INLAY_NOINLINE DotRows get(std::int64_t first, std::int64_t count, std::uint8_t* copies) const {
    if (are_in_place()) return {a.at(first, 0), a.row_stride};
    const std::int64_t stride = dot_row_bytes(dot_steps<A>(k));
    const std::uint8_t flip = a.is_signed ? 0x80 : 0;
    for (std::int64_t r = 0; r < count; ++r) {
      auto* const row = reinterpret_cast<DotCode<A>*>(copies + r * stride);
      const std::uint8_t* const from = a.at(first + r, 0);
      if (a.col_stride == 1) {
        copy_codes<A>(from, k, flip, row);
      } else {
        for (std::int64_t i = 0; i < k; ++i) {
          row[i] = static_cast<std::uint8_t>(from[i * a.col_stride] ^ flip);
        }
      }
      finish_row<A>(row, k);
    }
    return {copies, stride};
  }
};

/// The sums of rows of words.
template <class A>
INLAY_NOINLINE void sum_dot_rows(const DotRows& rows, std::int64_t count, std::int64_t steps,
                                 std::int32_t* sums) {
  for (std::int64_t r = 0; r < count; ++r) {
    const auto* const row = reinterpret_cast<const DotCode<A>*>(rows.data + r * rows.stride);
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < steps * dot_depth<A>; ++i) sum += row[i];
    sums[r] = sum;
  }
}

}  // namespace inlay::inline v0::kernels
