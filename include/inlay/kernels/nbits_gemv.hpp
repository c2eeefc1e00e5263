// Products of single rows with weights of few bits: bound by memory, which is read once.
#pragma once

#include <inlay/kernels/byte_dot.hpp>
#include <inlay/kernels/gemm_epilogue.hpp>
#include <inlay/kernels/nbits_row.hpp>
#include <inlay/kernels/nbits_vectors.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// How far ahead weights are fetched into the L2 cache.
inline constexpr std::int64_t nbits_ahead = 4096;

INLAY_INLINE void nbits_fetch(const std::uint8_t* p) {
  prefetch_l2(static_cast<const float*>(static_cast<const void*>(p + nbits_ahead)));
}

INLAY_INLINE float float_of(std::uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

#if defined(__AVX2__)
/// The sums of one block of a panel for a row of integers. A runtime loop over few steps: unrolled,
/// GCC adds all products up at the end, out of memory.
template <class A>
INLAY_INLINE void nbits_block_digits(const std::uint8_t* words, std::int64_t block,
                                     const std::uint32_t* row, Vec<float, A>* sums) {
  static_assert(!has_vnni<A>, "its dot sums bytes");
  using Vi = Vec<std::int32_t, A>;
  constexpr int vecs = GemmBlocking<A>::vecs, digits = nbits_digits;
  constexpr std::int64_t bytes = 4 * lanes<float, A>;
  const Vi low_half(0x0F0F0F0F);
  const std::int64_t few = block < 32 ? block / 8 : 4;
  const float scale = float_of(row[0]);
  row += 2;
  const Vi ones(0x00010001), bases(0x01000100);
  const auto each = [](const auto& f) {
    unroll<digits>([&](auto d) { unroll<vecs>([&](auto v) { f(v, d); }); });
  };
  Vi low[vecs], high[vecs];  // sums of the lowest digits, of the two above them
  unroll<vecs>([&](auto v) { low[v] = high[v] = Vi(0); });
  for (std::int64_t left = block / 8; left > 0; left -= few) {
    Vi narrow[vecs][digits];
    each([&](auto v, auto d) { narrow[v][d] = Vi(0); });
    for (std::int64_t step = 0; step < few; ++step) {
      Vi even[vecs], odd[vecs];
      nbits_fetch(words);
      if constexpr (vecs * bytes > 64) nbits_fetch(words + 64);
      unroll<vecs>([&](auto v) {
        const Vi codes = load_words<A>(words + v * bytes);
        even[v] = codes & low_half;
        odd[v] = (codes >> 4) & low_half;
      });
      each([&](auto v, auto d) {
        narrow[v][d] = add_byte_pairs<A>(narrow[v][d], even[v], broadcast_word<A>(row + d));
        narrow[v][d] = add_byte_pairs<A>(narrow[v][d], odd[v], broadcast_word<A>(row + digits + d));
      });
      words += vecs * bytes;
      row += 2 * digits;
    }
    unroll<vecs>([&](auto v) {
      low[v] = dot<A>(low[v], narrow[v][0], ones);
      high[v] = dot<A>(dot<A>(high[v], narrow[v][1], ones), narrow[v][2], bases);
    });
  }
  unroll<vecs>([&](auto v) {
    const Vec<float, A> sum =
        fma<A>(to_floats<A>(high[v]), Vec<float, A>(256.0f), to_floats<A>(low[v]));
    sums[v] = sum * Vec<float, A>(scale);
  });
}
#endif

/// The sums of one block of a panel for a row of floats.
template <class A, int Bits>
INLAY_INLINE void nbits_block_floats(const std::uint8_t* words, std::int64_t count,
                                     const std::uint32_t* row, Vec<float, A>* sums) {
  using Vi = Vec<std::int32_t, A>;
  using Vf = Vec<float, A>;
  constexpr int vecs = GemmBlocking<A>::vecs, in_half = 16 / Bits, chains = 4;
  constexpr std::int64_t bytes = 4 * lanes<float, A>;
  Vf parts[vecs][chains];
  unroll<vecs>([&](auto v) { unroll<chains>([&](auto c) { parts[v][c] = Vf(0.0f); }); });
  row += 2;
  for (; count > 0; --count) {
    nbits_fetch(words);
    if constexpr (vecs * bytes > 64) nbits_fetch(words + 64);
    Vi codes[vecs];
    unroll<vecs>([&](auto v) { codes[v] = load_words<A>(words + v * bytes); });
    unroll<2 * in_half>([&](auto j) {
      if constexpr (j == in_half) unroll<vecs>([&](auto v) { codes[v] = codes[v] >> 16; });
      const Vi mask(((1 << Bits) - 1) << (j % in_half * Bits));
      const Vf x(float_of(row[j]));
      unroll<vecs>([&](auto v) {
        Vf& part = parts[v][j % chains];
        part = fma<A>(to_floats<A>(codes[v] & mask), x, part);
      });
    });
    words += vecs * bytes;
    row += 2 * in_half;
  }
  unroll<vecs>(
      [&](auto v) { sums[v] = (parts[v][0] + parts[v][1]) + (parts[v][2] + parts[v][3]); });
}

/// acc[j] = the product of a prepared row and column j of a panel.
template <class A, NbitsZeros Zeros, int Bits>
INLAY_FLATTEN void nbits_panel(const NbitsShape& shape, const std::uint8_t* packed,
                               const std::uint32_t* row, float* acc) {
  using Vf = Vec<float, A>;
  constexpr int vecs = GemmBlocking<A>::vecs, nr = GemmBlocking<A>::nr;
  constexpr int size = static_cast<int>(lanes<float, A>);
  constexpr int zero_bytes = Zeros == NbitsZeros::middle ? 0 : Zeros == NbitsZeros::bytes ? 1 : 4;
  const std::int64_t block = shape.block, words = shape.words_per_block();
  const std::int64_t block_bytes = nr * (4 + zero_bytes + 4 * words);
  Vf totals[vecs];
  unroll<vecs>([&](auto v) { totals[v] = Vf(0.0f); });
  for (std::int64_t left = shape.blocks(); left > 0; --left) {
    const std::uint8_t* zeros = packed + 4 * nr;
    const std::uint8_t* codes = zeros + zero_bytes * nr;
    nbits_fetch(packed);
    Vf sums[vecs];
#if defined(__AVX2__)
    if constexpr (nbits_has_digits<A>(Bits)) nbits_block_digits<A>(codes, block, row, sums);
#endif
    if constexpr (!nbits_has_digits<A>(Bits)) nbits_block_floats<A, Bits>(codes, words, row, sums);
    const Vf minus_sum(float_of(row[1]));
    unroll<vecs>([&](auto v) {
      const Vf centred = fma<A>(load_zeros<A, Zeros>(zeros, v, Bits), minus_sum, sums[v]);
      totals[v] = fma<A>(centred, load_floats<A>(packed + 4 * v * size), totals[v]);
    });
    packed += block_bytes;
    row += 2 + block;
  }
  unroll<vecs>([&](auto v) { store<float, A>(acc + v * size, totals[v]); });
}

}  // namespace detail

/// Computes `count` panels of columns of C from panel `first` on, from prepared rows.
template <class A>
void nbits_gemv(const NbitsProblem& problem, std::int64_t first, std::int64_t count) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  const NbitsShape& shape = problem.shape;
  const std::int64_t panel_bytes = shape.panel_bytes(nr), row_words = nbits_row_words(shape);
  GemmEpilogue epilogue;
  epilogue.col_bias = problem.bias;
  const GemmOutput out{problem.c, problem.ldc, &epilogue, true, true};
  alignas(64) float acc[nr];
  with_nbits(shape, [&](auto zeros, auto bits) {
    for (std::int64_t panel = first; panel < first + count; ++panel) {
      const std::int64_t col = panel * nr, left = shape.n - col;
      for (std::int64_t row = 0; row < problem.m; ++row) {
        detail::nbits_panel<A, zeros, bits>(shape, problem.packed + panel * panel_bytes,
                                            problem.rows + row * row_words, acc);
        gemm_finish<A>(acc, 0, out, {row, col, 1, left < nr ? left : nr});
      }
    }
  });
}

}  // namespace inlay::inline v0::kernels
