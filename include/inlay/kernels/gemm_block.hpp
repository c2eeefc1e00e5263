// A tile of C from blocks of k that lie packed, or where they are.
#pragma once

#include <inlay/kernels/gemm_micro.hpp>
#include <inlay/kernels/gemm_pack.hpp>
#include <inlay/kernels/gemm_problem.hpp>

namespace inlay::inline v0::kernels {

/// Floats that pack_a / pack_b write.
template <class A>
std::int64_t packed_a_size(std::int64_t m, std::int64_t k) {
  return round_up(m, GemmBlocking<A>::mr) * k;
}
template <class A>
std::int64_t packed_b_size(std::int64_t k, std::int64_t n) {
  return round_up(n, GemmBlocking<A>::nr) * k;
}

/// Packs A [m, k] or B [k, n] as GemmProblem::packed_a / packed_b expect it. Packing can be split:
/// rows of A (columns of B) from a multiple of the panel width on go to `packed` + that row * k.
template <class A>
void pack_a(MatrixView a, std::int64_t m, std::int64_t k, float* packed) {
  pack_panels<A, GemmBlocking<A>::mr>(a, m, k, packed);
}
template <class A>
void pack_b(MatrixView b, std::int64_t k, std::int64_t n, float* packed) {
  pack_panels<A, GemmBlocking<A>::nr>(b.transposed(), n, k, packed);
}

/// Scratch floats for one block of k of A (of B) of that many rows (columns).
template <class A>
INLAY_INLINE std::int64_t gemm_a_scratch(std::int64_t rows, std::int64_t k) {
  using Blocking = GemmBlocking<A>;
  return round_up(rows < Blocking::mc ? rows : Blocking::mc, Blocking::mr) *
         (k < Blocking::kc ? k : Blocking::kc);
}
template <class A>
INLAY_INLINE std::int64_t gemm_b_scratch(std::int64_t cols, std::int64_t k) {
  using Blocking = GemmBlocking<A>;
  return round_up(cols, Blocking::nr) * (k < Blocking::kc ? k : Blocking::kc);
}

/// Columns of B over one block of k: panel j of nr columns starts at panels + j * panel_stride, its
/// row p is rows[p] further. A last panel that is not full is at `tail`, packed.
struct GemmBlockB {
  const float* panels;
  std::int64_t panel_stride;
  const std::int64_t* rows;
  const float* tail;
  bool goes_on = false;  ///< the products after these follow in each panel
};

/// The rows of a packed panel.
template <class A>
struct PackedRows {
  std::int64_t offsets[GemmBlocking<A>::kc];

  constexpr PackedRows() : offsets() {
    for (std::int64_t p = 0; p < GemmBlocking<A>::kc; ++p) offsets[p] = p * GemmBlocking<A>::nr;
  }
};
template <class A>
inline constexpr PackedRows<A> packed_rows;

/// gemm_block for one row of A, whose products are a_step apart, and packed panels of B,
/// panel_stride apart, of which the last, if not full, is at `tail`.
template <class A, class T>
INLAY_NOINLINE void gemm_row_block(std::int64_t k, const float* a, std::int64_t a_step,
                                   const T* panels, std::int64_t panel_stride, const T* tail,
                                   const GemmOutput& out, const GemmTile& tile) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr, together = 4;
  alignas(64) float acc[together * nr];
  std::int64_t j = 0;
  for (; j + together * nr <= tile.cols; j += together * nr) {
    gemm_micro_row<A, together>(k, a, a_step, panels + j / nr * panel_stride, panel_stride, acc);
    gemm_finish<A>(acc, 0, out, {tile.row, tile.col + j, 1, together * nr});
  }
  for (; j < tile.cols; j += nr) {
    const std::int64_t left = tile.cols - j, cols = left < nr ? left : nr;
    gemm_micro_row<A, 1>(k, a, a_step, cols < nr ? tail : panels + j / nr * panel_stride, 0, acc);
    gemm_finish<A>(acc, 0, out, {tile.row, tile.col + j, 1, cols});
  }
}

/// C += A * B over one block of k. `a` points at the block in its first panel, the next panel is
/// a_stride further.
template <class A>
INLAY_NOINLINE void gemm_block(std::int64_t k, const float* a, std::int64_t a_stride,
                               const GemmBlockB& b, const GemmOutput& out, GemmTile tile) {
  using Blocking = GemmBlocking<A>;
  alignas(64) float acc[Blocking::mr * Blocking::nr];
  const bool b_is_packed = b.rows == packed_rows<A>.offsets;
  if (b_is_packed && tile.rows % Blocking::mr == 1) {
    --tile.rows;
    gemm_row_block<A>(k, a + tile.rows / Blocking::mr * a_stride, Blocking::mr, b.panels,
                      b.panel_stride, b.tail, out, {tile.row + tile.rows, tile.col, 1, tile.cols});
    if (tile.rows == 0) return;
  }
  const bool is_plain = out.epilogue->alpha == 1.0f && out.epilogue->beta == 1.0f;
  for (std::int64_t begin = 0; begin < tile.cols; begin += Blocking::nc) {
    const std::int64_t end = tile.cols - begin < Blocking::nc ? tile.cols : begin + Blocking::nc;
    // Of B, the L2 cache needs the block of columns beside this, else the first one further down.
    constexpr std::int64_t panels = Blocking::nc / Blocking::nr;
    const bool is_last = end == tile.cols;
    const std::int64_t far = is_last ? k * Blocking::nr - begin / Blocking::nr * b.panel_stride
                                     : panels * b.panel_stride;
    const bool fetches = b_is_packed && (is_last ? b.goes_on : end + Blocking::nc <= tile.cols);
    const std::int64_t far_step =
        fetches ? ceil_div(Blocking::nr, ceil_div(tile.rows, Blocking::mr)) : 0;
    for (std::int64_t i = 0; i < tile.rows; i += Blocking::mr) {
      const std::int64_t rows = tile.rows - i < Blocking::mr ? tile.rows - i : Blocking::mr;
      const float* panel_of_a = a + i / Blocking::mr * a_stride;
      for (std::int64_t j = begin; j < end; j += Blocking::nr) {
        const bool full = tile.cols - j >= Blocking::nr;
        const float* columns = full ? b.panels + j / Blocking::nr * b.panel_stride : b.tail;
        const std::int64_t cols = full ? Blocking::nr : tile.cols - j;
        const GemmTile part{tile.row + i, tile.col + j, rows, cols};
        if (full && b_is_packed && rows == Blocking::mr && is_plain) {
          constexpr std::int64_t near_step = ceil_div(std::int64_t{Blocking::mr}, panels);
          const float* next_a = i + Blocking::mr < tile.rows ? panel_of_a + a_stride : a;
          const GemmAhead ahead{next_a + (j - begin) / Blocking::nr * k * near_step,
                                columns + (fetches ? far + i / Blocking::mr * k * far_step : 0),
                                near_step, far_step};
          gemm_micro_packed<A>(k, panel_of_a, columns, ahead, out, part);
          continue;
        }
        float* c = out.c + part.row * out.ldc + part.col;
        for (std::int64_t r = 0; r < rows; ++r) prefetch_row(c + r * out.ldc, cols);
        const std::int64_t* b_rows = full ? b.rows : packed_rows<A>.offsets;
        const std::int64_t vecs = ceil_div(cols, lanes<float, A>);
        gemm_micro_table<A>.entries[rows - 1][vecs - 1](k, panel_of_a, columns, b_rows, acc);
        gemm_finish<A>(acc, Blocking::nr, out, part);
      }
    }
  }
}

/// Computes one tile of C. `b_block(p, kc)` gives rows p..p+kc of the tile's columns of B, which
/// may lie in scratch until the next call. `scratch` is for A, where A is not packed.
template <class A, class B>
void gemm_tile(const GemmProblem& problem, const GemmTile& tile, float* scratch, const B& b_block) {
  using Blocking = GemmBlocking<A>;
  const std::int64_t k = problem.k;
  std::int64_t p = 0;
  do {  // once even for k == 0: the epilogue must run
    const std::int64_t kc = k - p < Blocking::kc ? k - p : Blocking::kc;
    const GemmOutput out{problem.c, problem.ldc, &problem.epilogue, p == 0, p + kc >= k};
    const GemmBlockB b = b_block(p, kc);
    if (problem.packed_a != nullptr) {
      const float* a = problem.packed_a + tile.row * k + p * Blocking::mr;
      gemm_block<A>(kc, a, k * Blocking::mr, b, out, tile);
    } else if (tile.rows == 1 && b.rows == packed_rows<A>.offsets) {
      gemm_row_block<A>(kc, problem.a.at(tile.row, p), problem.a.col_stride, b.panels,
                        b.panel_stride, b.tail, out, tile);
    } else {
      for (std::int64_t i = 0; i < tile.rows; i += Blocking::mc) {
        const std::int64_t rows = tile.rows - i < Blocking::mc ? tile.rows - i : Blocking::mc;
        const GemmTile part{tile.row + i, tile.col, rows, tile.cols};
        pack_a<A>({problem.a.at(part.row, p), problem.a.row_stride, problem.a.col_stride}, rows, kc,
                  scratch);
        gemm_block<A>(kc, scratch, kc * Blocking::mr, b, out, part);
      }
    }
    p += kc;
  } while (p < k);
}

/// Packed panels of kc rows, as pack_b leaves them in scratch.
template <class A>
INLAY_INLINE GemmBlockB packed_block(const float* packed, std::int64_t kc, std::int64_t cols) {
  constexpr std::int64_t nr = GemmBlocking<A>::nr;
  return {packed, kc * nr, packed_rows<A>.offsets, packed + cols / nr * nr * kc};
}

}  // namespace inlay::inline v0::kernels
