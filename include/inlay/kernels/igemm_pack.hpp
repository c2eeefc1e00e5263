// Packing of codes into panels, step after step, so that igemm_micro reads from front to back.
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

namespace detail {

/// The words of four rows, 16 bytes each, of unsigned codes in steps of four: to[4 * p .. ] gets a
/// word of each row.
template <class A>
INLAY_INLINE void pack_words(const std::uint8_t* codes, std::int64_t stride, std::uint8_t flip,
                             DotWord* to, std::int64_t to_stride) {
#if defined(__SSE2__)
  const __m128i flips = _mm_set1_epi8(static_cast<char>(flip));
  const auto row = [&](std::int64_t r) {
    const auto* from = reinterpret_cast<const __m128i*>(codes + r * stride);
    return _mm_castsi128_ps(_mm_xor_si128(_mm_loadu_si128(from), flips));
  };
  __m128 r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  const auto put = [&](std::int64_t p, __m128 words) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + p * to_stride), _mm_castps_si128(words));
  };
  put(0, r0), put(1, r1), put(2, r2), put(3, r3);
#else
  for (std::int64_t p = 0; p < 4; ++p) {
    for (std::int64_t r = 0; r < 4; ++r) {
      to[p * to_stride + r] = dot_word<A>(codes + r * stride + 4 * p, 4, flip);
    }
  }
#endif
}

}  // namespace detail

/// Packs `rows` <= mr rows of A from row `first` on: word r of step p at packed[p * mr + r], zeros
/// past the last row. Signed codes are packed as unsigned ones, larger by 128. `sums`, if not null,
/// gets the sum of each row as packed.
template <class A>
INLAY_NOINLINE void igemm_pack_a(const CodeView& a, std::int64_t first, std::int64_t rows,
                                 std::int64_t k, DotWord* packed, std::int32_t* sums) {
  constexpr int depth = dot_depth<A>;
  constexpr std::int64_t mr = GemmBlocking<A>::mr;
  const std::int64_t steps = dot_steps<A>(k);
  const std::uint8_t flip = a.is_signed ? 0x80 : 0;
  if (rows < mr) {
    for (std::int64_t i = 0; i < steps * mr; ++i) packed[i] = 0;
  }
  std::int64_t done = 0;  // codes of every row
  if (depth == 4 && a.col_stride == 1 && rows >= 4) {
    for (; done + 16 <= k; done += 16) {
      for (std::int64_t i = 0; i < rows; i += 4) {
        const std::int64_t row = i + 4 <= rows ? i : rows - 4;  // the last block overlaps
        detail::pack_words<A>(a.at(first + row, done), a.row_stride, flip,
                              packed + done / depth * mr + row, mr);
      }
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t p = done; p < k; p += depth) {
      std::uint8_t codes[depth] = {};
      for (std::int64_t i = 0; i < depth && p + i < k; ++i) codes[i] = *a.at(first + r, p + i);
      packed[p / depth * mr + r] = dot_word<A>(codes, k - p, flip);
    }
    if (sums == nullptr) continue;
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < k; ++i)
      sum += static_cast<std::uint8_t>(*a.at(first + r, i) ^ flip);
    sums[r] = sum;
  }
}

}  // namespace inlay::inline v0::kernels
