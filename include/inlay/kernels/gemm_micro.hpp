// The innermost GEMM: a tile of C held in registers.
#pragma once

#include <inlay/kernels/gemm_blocking.hpp>
#include <inlay/kernels/gemm_epilogue.hpp>
#include <inlay/kernels/half.hpp>

namespace inlay::inline v0::kernels {

/// acc[r * nr + j] = sum over p < k of a[p * mr + r] * b[p * nr + j], for Rows rows and Vecs
/// vectors of columns: one rounding per product, products added from the first k to the last.
template <class A, int Rows, int Vecs>
INLAY_FLATTEN void gemm_micro(std::int64_t k, const float* INLAY_RESTRICT a,
                              const float* INLAY_RESTRICT b,
                              const std::int64_t* INLAY_RESTRICT b_rows,
                              float* INLAY_RESTRICT acc) {
  using Blocking = GemmBlocking<A>;
  constexpr int size = static_cast<int>(lanes<float, A>);
  Vec<float, A> sums[Rows][Vecs];
  unroll<Rows>(
      [&](auto r) { unroll<Vecs>([&](auto v) { sums[r][v] = broadcast<float, A>(0.0f); }); });
  for (std::int64_t p = 0; p < k; ++p) {
    Vec<float, A> columns[Vecs];
    const float* row = b + b_rows[p];
    unroll<Vecs>([&](auto v) { columns[v] = load<float, A>(row + v * size); });
    unroll<Rows>([&](auto r) {
      const Vec<float, A> x = broadcast<float, A>(a[r]);
      unroll<Vecs>([&](auto v) { sums[r][v] = fma<A>(x, columns[v], sums[r][v]); });
    });
    a += Blocking::mr;
  }
  unroll<Rows>([&](auto r) {
    unroll<Vecs>([&](auto v) { store<float, A>(acc + r * Blocking::nr + v * size, sums[r][v]); });
  });
}

template <class A>
using GemmMicro = void (*)(std::int64_t k, const float* a, const float* b,
                           const std::int64_t* b_rows, float* acc);

/// gemm_micro for every number of rows (first index, less one) and of vectors (second, less one).
template <class A>
struct GemmMicroTable {
  GemmMicro<A> entries[GemmBlocking<A>::mr][GemmBlocking<A>::vecs];
};

template <class A>
inline constexpr GemmMicroTable<A> gemm_micro_table = [
]<int... R>(std::integer_sequence<int, R...>) {
  return GemmMicroTable<A>{{{&gemm_micro<A, R + 1, 1>, &gemm_micro<A, R + 1, 2>}...}};
}
(std::make_integer_sequence<int, GemmBlocking<A>::mr>{});

/// gemm_micro for one row, whose products are a_step apart, and several packed panels of floats of
/// any width, panel_stride apart, so that enough sums hide the latency of adding. Panel j's sums
/// begin at acc[j * nr].
template <class A, int Panels, class T>
INLAY_FLATTEN void gemm_micro_row(std::int64_t k, const float* INLAY_RESTRICT a,
                                  std::int64_t a_step, const T* INLAY_RESTRICT b,
                                  std::int64_t panel_stride, float* INLAY_RESTRICT acc) {
  using Blocking = GemmBlocking<A>;
  constexpr int vecs = Blocking::vecs, size = static_cast<int>(lanes<float, A>);
  Vec<float, A> sums[Panels][vecs];
  const auto each = [](auto f) {
    unroll<Panels>([&](auto j) { unroll<vecs>([&](auto v) { f(j, v); }); });
  };
  each([&](auto j, auto v) { sums[j][v] = broadcast<float, A>(0.0f); });
  for (std::int64_t p = 0; p < k; ++p, a += a_step, b += Blocking::nr) {
    const Vec<float, A> x = broadcast<float, A>(*a);
    each([&](auto j, auto v) {
      sums[j][v] = fma<A>(x, load_wide<A>(b + j * panel_stride + v * size), sums[j][v]);
    });
  }
  each([&](auto j, auto v) { store<float, A>(acc + j * Blocking::nr + v * size, sums[j][v]); });
}

/// What a tile fetches into the L2 cache for those after it: of `a` and of `b`, so many floats per
/// product.
struct GemmAhead {
  const float *a, *b;
  std::int64_t a_step, b_step;
};

/// gemm_micro on a whole tile of packed panels, of which B comes from the L2 cache, and gemm_finish
/// without a way through memory, for alpha and beta of 1. Fetches the tile of C row by row: all at
/// once they would hold up B.
template <class A>
INLAY_FLATTEN void gemm_micro_packed(std::int64_t k, const float* INLAY_RESTRICT a,
                                     const float* INLAY_RESTRICT b, GemmAhead ahead,
                                     const GemmOutput& out, const GemmTile& tile) {
  using Blocking = GemmBlocking<A>;
  constexpr int rows = Blocking::mr, vecs = Blocking::vecs;
  constexpr int size = static_cast<int>(lanes<float, A>);
  constexpr int soon = 8 * Blocking::nr;
  Vec<float, A> sums[rows][vecs];
  const auto each = [](auto f) {
    unroll<rows>([&](auto r) { unroll<vecs>([&](auto v) { f(r, v); }); });
  };
  each([&](auto r, auto v) { sums[r][v] = broadcast<float, A>(0.0f); });
  float* const c = out.c + tile.row * out.ldc + tile.col;
  float* next_row = c;
  const std::int64_t between_rows = k < 8 * rows ? ceil_div(k, std::int64_t{rows}) : 8;
  for (std::int64_t p = 0, r = 0; p < k; ++r) {
    std::int64_t until = k;
    if (r < rows) {
      prefetch_row(next_row, Blocking::nr);
      next_row += out.ldc;
      if (p + between_rows < k) until = p + between_rows;
    }
    for (; p < until; ++p) {
      Vec<float, A> columns[vecs];
      unroll<vecs>([&](auto v) { columns[v] = load<float, A>(b + v * size); });
      for (int line = 0; line < Blocking::nr; line += 16) prefetch(b + soon + line);
      prefetch_l2(ahead.a);
      prefetch_l2(ahead.b);
      unroll<rows>([&](auto i) {
        const Vec<float, A> x = broadcast<float, A>(a[i]);
        unroll<vecs>([&](auto v) { sums[i][v] = fma<A>(x, columns[v], sums[i][v]); });
      });
      a += Blocking::mr;
      b += Blocking::nr;
      ahead.a += ahead.a_step;
      ahead.b += ahead.b_step;
    }
  }
  const GemmEpilogue& e = *out.epilogue;
  const auto add = [&](const float* from, std::int64_t stride) {
    each([&](auto r, auto v) { sums[r][v] += load<float, A>(from + r * stride + v * size); });
  };
  if (!out.first) {
    add(c, out.ldc);
  } else {
    if (e.row_bias != nullptr) {
      each([&](auto r, auto v) { sums[r][v] += Vec<float, A>(e.row_bias[tile.row + r]); });
    }
    if (e.col_bias != nullptr) add(e.col_bias + tile.col, 0);
    if (e.residual != nullptr) {
      add(e.residual + tile.row * e.residual_stride + tile.col, e.residual_stride);
    }
  }
  const ClampRange range = clamp_range(e.activation);
  if (out.last && range.is_clamp) {
    const Vec<float, A> low(range.low), high(range.high);
    each([&](auto r, auto v) { sums[r][v] = clamp<A>(sums[r][v], low, high); });
  }
  each([&](auto r, auto v) { store<float, A>(c + r * out.ldc + v * size, sums[r][v]); });
  detail::gemm_activate<A>(out, tile);
}

}  // namespace inlay::inline v0::kernels
