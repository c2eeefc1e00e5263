// Products of many rows with weights of few bits: decoded block by block for the f32 GEMM.
#pragma once

#include <inlay/kernels/gemm.hpp>
#include <inlay/kernels/nbits_vectors.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// Decodes rows [first, first + count) of a panel, `first` where a block begins, to dst[p * nr +
/// j]. Writes whole words of rows.
template <class A, NbitsZeros Zeros, int Bits>
INLAY_FLATTEN void nbits_decode(const NbitsShape& shape, const std::uint8_t* panel,
                                std::int64_t first, std::int64_t count, float* dst) {
  using Vi = Vec<std::int32_t, A>;
  using Vf = Vec<float, A>;
  constexpr int vecs = GemmBlocking<A>::vecs, nr = GemmBlocking<A>::nr, in_word = 32 / Bits;
  constexpr int size = static_cast<int>(lanes<float, A>);
  const std::int64_t block_bytes = shape.block_bytes(nr);
  const Vi mask((1 << Bits) - 1);
  for (std::int64_t p = 0; p < count; p += shape.block) {
    const std::uint8_t* scales = panel + (first + p) / shape.block * block_bytes;
    const std::uint8_t* zeros = scales + 4 * nr;
    const std::uint8_t* words = zeros + nr * shape.zero_bytes();
    const std::int64_t left = count - p < shape.block ? count - p : shape.block;
    Vf scale[vecs], zero[vecs];
    unroll<vecs>([&](auto v) {
      scale[v] = load_floats<A>(scales + 4 * v * size);
      zero[v] = load_zeros<A, Zeros>(zeros, v, Bits);
    });
    for (std::int64_t i = 0; i < left; i += in_word) {
      unroll<vecs>([&](auto v) {
        const Vi codes = load_words<A>(words + 4 * v * size);
        unroll<in_word>([&](auto j) {
          const Vf code = to_floats<A>((codes >> (j * Bits)) & mask);
          store<float, A>(dst + j * nr + v * size, (code - zero[v]) * scale[v]);
        });
      });
      words += 4 * nr;
      dst += in_word * nr;
    }
  }
}

}  // namespace detail

/// Cuts a product into tasks, as gemm_grid does.
template <class A>
INLAY_COLD GemmGrid nbits_gemm_grid(std::int64_t m, std::int64_t n, std::int64_t k,
                                    std::int64_t wanted_tasks) {
  static_assert(GemmBlocking<A>::kc % max_nbits_block == 0);
  GemmGrid grid = gemm_grid<A>(m, n, k, true, false, wanted_tasks);
  grid.scratch_floats += 8 * GemmBlocking<A>::nr;  // the rows of the last word
  return grid;
}

/// Runs one task of `grid`, made by nbits_gemm_grid for the same problem. `scratch` holds
/// grid.scratch_floats and belongs to this call alone.
template <class A>
void nbits_gemm_task(const NbitsProblem& problem, const GemmGrid& grid, std::int64_t task,
                     float* scratch) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  const NbitsShape& shape = problem.shape;
  GemmProblem product;
  product.m = problem.m, product.n = shape.n, product.k = shape.k;
  product.packed_a = problem.packed_a;
  product.c = problem.c;
  product.ldc = problem.ldc;
  product.epilogue.col_bias = problem.bias;
  const GemmTile tile = tile_of(grid, product.m, product.n, task);
  const std::int64_t panel_bytes = shape.panel_bytes(nr);
  const std::uint8_t* const panels = problem.packed + tile.col / nr * panel_bytes;
  gemm_tile<A>(product, tile, nullptr, [&](std::int64_t p, std::int64_t kc) {
    // In order: a panel's last word may write rows into the next one.
    with_nbits(shape, [&](auto zeros, auto bits) {
      for (std::int64_t j = 0; j * nr < tile.cols; ++j) {
        detail::nbits_decode<A, zeros, bits>(shape, panels + j * panel_bytes, p, kc,
                                             scratch + j * kc * nr);
      }
    });
    return packed_block<A>(scratch, kc, tile.cols);
  });
}

}  // namespace inlay::inline v0::kernels
