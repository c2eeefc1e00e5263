// The innermost GEMM: a tile of C held in registers.
#pragma once

#include <inlay/kernels/gemm_blocking.hpp>
#include <inlay/kernels/gemm_epilogue.hpp>

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

/// gemm_micro for one row and several packed panels, `panel_stride` apart, so that enough sums hide
/// the latency of adding. Panel j's sums begin at acc[j * nr].
template <class A, int Panels>
INLAY_FLATTEN void gemm_micro_row(std::int64_t k, const float* INLAY_RESTRICT a,
                                  const float* INLAY_RESTRICT b, std::int64_t panel_stride,
                                  float* INLAY_RESTRICT acc) {
  using Blocking = GemmBlocking<A>;
  constexpr int vecs = Blocking::vecs, size = static_cast<int>(lanes<float, A>);
  Vec<float, A> sums[Panels][vecs];
  const auto each = [](auto f) {
    unroll<Panels>([&](auto j) { unroll<vecs>([&](auto v) { f(j, v); }); });
  };
  each([&](auto j, auto v) { sums[j][v] = broadcast<float, A>(0.0f); });
  for (std::int64_t p = 0; p < k; ++p) {
    const Vec<float, A> x = broadcast<float, A>(a[p * Blocking::mr]);
    const float* row = b + p * Blocking::nr;
    each([&](auto j, auto v) {
      sums[j][v] = fma<A>(x, load<float, A>(row + j * panel_stride + v * size), sums[j][v]);
    });
  }
  each([&](auto j, auto v) { store<float, A>(acc + j * Blocking::nr + v * size, sums[j][v]); });
}

/// gemm_micro on whole packed panels, of which B comes from the L2 cache. Fetches k * far_step
/// floats at `far` into that cache meanwhile.
template <class A>
INLAY_FLATTEN void gemm_micro_packed(std::int64_t k, const float* INLAY_RESTRICT a,
                                     const float* INLAY_RESTRICT b, const float* far,
                                     std::int64_t far_step, float* INLAY_RESTRICT acc) {
  using Blocking = GemmBlocking<A>;
  constexpr int rows = Blocking::mr, vecs = Blocking::vecs;
  constexpr int size = static_cast<int>(lanes<float, A>);
  constexpr int ahead = 8 * Blocking::nr;
  Vec<float, A> sums[rows][vecs];
  unroll<rows>(
      [&](auto r) { unroll<vecs>([&](auto v) { sums[r][v] = broadcast<float, A>(0.0f); }); });
  for (std::int64_t p = 0; p < k; ++p) {
    Vec<float, A> columns[vecs];
    unroll<vecs>([&](auto v) { columns[v] = load<float, A>(b + v * size); });
    for (int line = 0; line < Blocking::nr; line += 16) prefetch(b + ahead + line);
    prefetch_l2(far);
    unroll<rows>([&](auto r) {
      const Vec<float, A> x = broadcast<float, A>(a[r]);
      unroll<vecs>([&](auto v) { sums[r][v] = fma<A>(x, columns[v], sums[r][v]); });
    });
    a += Blocking::mr;
    b += Blocking::nr;
    far += far_step;
  }
  unroll<rows>([&](auto r) {
    unroll<vecs>([&](auto v) { store<float, A>(acc + r * Blocking::nr + v * size, sums[r][v]); });
  });
}

}  // namespace inlay::inline v0::kernels
