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

/// Fetches a tile of C while its products are computed.
INLAY_INLINE void prefetch_tile(const GemmOutput& out, const GemmTile& tile) {
  float* c = out.c + tile.row * out.ldc + tile.col;
  for (std::int64_t r = 0; r < tile.rows; ++r, c += out.ldc) {
    prefetch_to_write(c);
    prefetch_to_write(c + tile.cols - 1);
  }
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
