// The innermost GEMM: a tile of C held in registers, and the epilogue that stores it.
#pragma once

#include <inlay/kernels/activation.hpp>
#include <inlay/kernels/arch.hpp>
#include <inlay/kernels/gemm_problem.hpp>

namespace inlay::inline v0::kernels {

/// Blocking, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
/// (2008): a register tile of `mr` x `nr`, k cut at `kc` so that a panel of B stays in the L1
/// cache, rows cut at `mc` so that a block of A stays in the L2 cache, columns at `nc`.
template <class A>
struct GemmBlocking {
  static constexpr int vecs = 2;
  static constexpr int mr = is_avx512<A> ? 14 : is_avx2<A> ? 6 : vector_registers<A> == 32 ? 8 : 4;
  static constexpr int nr = vecs * static_cast<int>(lanes<float, A>);
  static constexpr std::int64_t kc = 256;
  static constexpr std::int64_t mc = 168 / mr * mr;
  static constexpr std::int64_t nc = 384 / nr * nr;
};

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

/// Where a block of products goes: the addends of the epilogue enter with the first block of k, the
/// activation follows the last.
struct GemmOutput {
  float* c;
  std::int64_t ldc;
  const GemmEpilogue* epilogue;
  bool first, last;
};

namespace detail {

/// gemm_finish for `Vecs` vectors of columns from tile.col on, the last of them `last_lanes` wide.
template <class A, int Vecs, bool Whole>
INLAY_INLINE void gemm_finish_columns(const float* acc, std::int64_t acc_stride,
                                      const GemmOutput& out, const GemmTile& tile,
                                      std::size_t last_lanes) {
  using Vf = Vec<float, A>;
  constexpr int size = static_cast<int>(lanes<float, A>);
  const auto fetch = [&](const float* p, auto v) {
    return Whole || v + 1 < Vecs ? load<float, A>(p + v * size)
                                 : load_first<float, A>(p + v * size, last_lanes);
  };
  const GemmEpilogue& e = *out.epilogue;
  const Vf alpha(e.alpha), beta(e.beta);
  const ClampRange range = clamp_range(e.activation);
  const Vf low(range.low), high(range.high);
  const bool clamps = out.last && range.is_clamp;
  Vf col_bias[Vecs];
  unroll<Vecs>([&](auto v) {
    col_bias[v] = e.col_bias == nullptr ? Vf(0.0f) : fetch(e.col_bias + tile.col, v);
  });
  float* c = out.c + tile.row * out.ldc + tile.col;
  const float* residual = e.residual == nullptr || !out.first
                              ? nullptr
                              : e.residual + tile.row * e.residual_stride + tile.col;
  for (std::int64_t r = 0; r < tile.rows; ++r, c += out.ldc, acc += acc_stride) {
    Vf base[Vecs];
    if (out.first) {
      const Vf row_bias(e.row_bias == nullptr ? 0.0f : e.row_bias[tile.row + r]);
      unroll<Vecs>([&](auto v) { base[v] = row_bias + col_bias[v]; });
      if (residual != nullptr) {
        unroll<Vecs>([&](auto v) { base[v] += fetch(residual, v); });
        residual += e.residual_stride;
      }
      unroll<Vecs>([&](auto v) { base[v] *= beta; });
    } else {
      unroll<Vecs>([&](auto v) { base[v] = fetch(c, v); });
    }
    unroll<Vecs>([&](auto v) {
      Vf y = fma<A>(load<float, A>(acc + v * size), alpha, base[v]);
      if (clamps) y = clamp<A>(y, low, high);
      if (Whole || v + 1 < Vecs) {
        store<float, A>(c + v * size, y);
      } else {
        store_first<float, A>(c + v * size, y, last_lanes);
      }
    });
  }
}

}  // namespace detail

/// Adds the products of a tile to C: acc[r * acc_stride + j] is the product at (tile.row + r,
/// tile.col + j). Reads whole vectors of `acc`.
template <class A>
INLAY_FLATTEN void gemm_finish(const float* acc, std::int64_t acc_stride, const GemmOutput& out,
                               const GemmTile& tile) {
  constexpr std::int64_t size = lanes<float, A>;
  constexpr int vecs = GemmBlocking<A>::vecs;
  GemmTile part = tile;
  std::int64_t j = 0;
  for (; j + vecs * size <= tile.cols; j += vecs * size) {
    part.col = tile.col + j;
    detail::gemm_finish_columns<A, vecs, true>(acc + j, acc_stride, out, part, size);
  }
  for (; j < tile.cols; j += size) {
    part.col = tile.col + j;
    const std::int64_t n = tile.cols - j < size ? tile.cols - j : size;
    detail::gemm_finish_columns<A, 1, false>(acc + j, acc_stride, out, part,
                                             static_cast<std::size_t>(n));
  }
  const Activation& activation = out.epilogue->activation;
  if (out.last && activation.kind != ActivationKind::none && !clamp_range(activation).is_clamp) {
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      float* c = out.c + (tile.row + r) * out.ldc + tile.col;
      activate<A>(activation, c, c, tile.cols);
    }
  }
}

}  // namespace inlay::inline v0::kernels
