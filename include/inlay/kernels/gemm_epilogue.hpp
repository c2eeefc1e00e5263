// What happens to the products of a GEMM on their way into C.
#pragma once

#include <inlay/kernels/activation.hpp>
#include <inlay/kernels/gemm_blocking.hpp>
#include <inlay/kernels/gemm_problem.hpp>

namespace inlay::inline v0::kernels {

/// Where a block of products goes: the addends of the epilogue enter with the first block of k, the
/// activation follows the last.
struct GemmOutput {
  float* c;
  std::int64_t ldc;
  const GemmEpilogue* epilogue;
  bool first, last;
};

/// Fetches a row of a tile of C while its products are computed.
INLAY_INLINE void prefetch_row(float* c, std::int64_t cols) {
  prefetch_to_write(c);
  prefetch_to_write(c + cols - 1);
}

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
  float* c = out.c + tile.row * out.ldc + tile.col;
  const float* residual = e.residual == nullptr || !out.first
                              ? nullptr
                              : e.residual + tile.row * e.residual_stride + tile.col;
  for (std::int64_t r = 0; r < tile.rows; ++r, c += out.ldc, acc += acc_stride) {
    Vf y[Vecs];
    const auto add = [&](auto addend) {
      unroll<Vecs>([&](auto v) { y[v] = fma<A>(addend(v), beta, y[v]); });
    };
    unroll<Vecs>([&](auto v) { y[v] = load<float, A>(acc + v * size) * alpha; });
    if (!out.first) {
      unroll<Vecs>([&](auto v) { y[v] += fetch(c, v); });
    } else {
      if (e.row_bias != nullptr) add([&](auto) { return Vf(e.row_bias[tile.row + r]); });
      if (e.col_bias != nullptr) add([&](auto v) { return fetch(e.col_bias + tile.col, v); });
      if (residual != nullptr) {
        add([&](auto v) { return fetch(residual, v); });
        residual += e.residual_stride;
      }
    }
    unroll<Vecs>([&](auto v) {
      if (clamps) y[v] = clamp<A>(y[v], low, high);
      if (Whole || v + 1 < Vecs) {
        store<float, A>(c + v * size, y[v]);
      } else {
        store_first<float, A>(c + v * size, y[v], last_lanes);
      }
    });
  }
}

/// The activations of a tile that are no clamp, once its sums are done.
template <class A>
INLAY_INLINE void gemm_activate(const GemmOutput& out, const GemmTile& tile) {
  const Activation& activation = out.epilogue->activation;
  if (out.last && activation.kind != ActivationKind::none && !clamp_range(activation).is_clamp) {
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      float* c = out.c + (tile.row + r) * out.ldc + tile.col;
      activate<A>(activation, c, c, tile.cols);
    }
  }
}

}  // namespace detail

/// Adds the products of a tile to C: acc[r * acc_stride + j] is the product at (tile.row + r,
/// tile.col + j). Reads whole vectors of `acc`.
template <class A>
INLAY_FLATTEN INLAY_NOINLINE void gemm_finish(const float* acc, std::int64_t acc_stride,
                                              const GemmOutput& out, const GemmTile& tile) {
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
  detail::gemm_activate<A>(out, tile);
}

}  // namespace inlay::inline v0::kernels
