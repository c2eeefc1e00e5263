// Convolution to a few output pixels: vectors run along the filters, since the pixels fill none.
#pragma once

#include <inlay/kernels/conv_problem.hpp>
#include <inlay/kernels/gemm.hpp>

namespace inlay::inline v0::kernels {

/// The most output pixels that repay it: twice as many fill a register.
template <class A>
inline constexpr std::int64_t conv_few_limit = lanes<float, A> / 2;

/// Whether the output is small and has filters to fill registers with.
template <class A>
bool suits_few(const ConvShape& s) {
  return s.out.count() <= conv_few_limit<A> && s.group_filters() >= 2 * GemmBlocking<A>::mr;
}

namespace detail {

/// What each tap of each channel sees, the output pixels side by side: dst[p * pixels + j].
INLAY_INLINE void gather_few(const ConvWindow& s, const float* input, std::int64_t channels,
                             float* dst) {
  const std::int64_t pixels = s.out.count();
  for (std::int64_t c = 0; c < channels; ++c, input += s.in.count()) {
    for (std::int64_t tz = 0; tz < s.kernel.d; ++tz) {
      for (std::int64_t ty = 0; ty < s.kernel.h; ++ty) {
        for (std::int64_t line = 0; line < s.out.d * s.out.h; ++line) {
          const std::int64_t z = line / s.out.h * s.stride.d - s.pad.d + tz * s.dilation.d;
          const std::int64_t y = line % s.out.h * s.stride.h - s.pad.h + ty * s.dilation.h;
          const bool inside = z >= 0 && z < s.in.d && y >= 0 && y < s.in.h;
          const float* row = inside ? input + (z * s.in.h + y) * s.in.w : nullptr;
          for (std::int64_t tx = 0; tx < s.kernel.w; ++tx) {
            float* to = dst + tx * pixels + line * s.out.w;
            std::int64_t x = tx * s.dilation.w - s.pad.w;
            for (std::int64_t j = 0; j < s.out.w; ++j, x += s.stride.w) {
              to[j] = inside && x >= 0 && x < s.in.w ? row[x] : 0.0f;
            }
          }
        }
        dst += s.kernel.w * pixels;
      }
    }
  }
}

/// c[i * pixels + r] = the sum of filter i (panels of mr, each whole vectors) and pixel r + the
/// addends, of which null ones are absent; rows of sums are `stride` apart.
template <class A>
INLAY_NOINLINE void few_store(const float* sums, std::int64_t stride, std::int64_t pixels,
                              std::int64_t filters, const float* bias, const float* residual,
                              float* c) {
  constexpr std::int64_t mr = GemmBlocking<A>::mr, panel = round_up(mr, lanes<float, A>);
  for (std::int64_t i = 0; i < filters; ++i) {
    const float start = bias == nullptr ? 0.0f : bias[i];
    for (std::int64_t r = 0; r < pixels; ++r) {
      const std::int64_t at = i * pixels + r;
      const float base = residual == nullptr ? start : start + residual[at];
      c[at] = sums[r * stride + i / mr * panel + i % mr] + base;
    }
  }
}

/// The output of Pixels pixels for `filters` filters, of as many as Panels panels of packed weights
/// hold, without the activation. Blocks of k are summed apart, as in GEMM. `bias`, `residual` may
/// be null.
template <class A, int Pixels, int Panels>
INLAY_FLATTEN void few_filters(std::int64_t k, const float* INLAY_RESTRICT weights,
                               const float* INLAY_RESTRICT x, std::int64_t filters,
                               const float* bias, const float* residual, float* c) {
  using Blocking = GemmBlocking<A>;
  using Vf = Vec<float, A>;
  constexpr int size = static_cast<int>(lanes<float, A>), mr = Blocking::mr;
  constexpr int vecs = (mr + size - 1) / size;
  constexpr std::size_t last = mr - (vecs - 1) * size;  // lanes of a panel's last vector
  Vf total[Pixels][Panels * vecs], sums[Pixels][Panels * vecs];
  const auto each = [](auto f) {
    unroll<Pixels>([&](auto r) { unroll<Panels * vecs>([&](auto v) { f(r, v); }); });
  };
  each([&](auto r, auto v) { total[r][v] = Vf(0.0f); });
  for (std::int64_t begin = 0; begin < k; begin += Blocking::kc) {
    const std::int64_t end = k - begin < Blocking::kc ? k : begin + Blocking::kc;
    each([&](auto r, auto v) { sums[r][v] = Vf(0.0f); });
    for (std::int64_t p = begin; p < end; ++p) {
      Vf w[Panels * vecs];
      unroll<Panels * vecs>([&](auto v) {
        const float* from = weights + (v / vecs * k + p) * mr + v % vecs * size;
        if constexpr (v % vecs + 1 < vecs || last == size) {
          w[v] = load<float, A>(from);
        } else {
          w[v] = load_first<float, A>(from, last);
        }
      });
      unroll<Pixels>([&](auto r) {
        const Vf pixel = broadcast<float, A>(x[p * Pixels + r]);
        unroll<Panels * vecs>([&](auto v) { sums[r][v] = fma<A>(pixel, w[v], sums[r][v]); });
      });
    }
    each([&](auto r, auto v) { total[r][v] += sums[r][v]; });
  }
  alignas(64) float sum[Pixels][Panels * vecs * size];
  each([&](auto r, auto v) { store<float, A>(sum[r] + v * size, total[r][v]); });
  few_store<A>(sum[0], Panels * vecs * size, Pixels, filters, bias, residual, c);
}

/// Panels that few_filters takes at once, so that enough sums hide the latency of adding.
template <int Pixels>
inline constexpr int few_panels = Pixels <= 2 ? 4 : 2;

template <class A, int Pixels>
INLAY_INLINE void conv_few_rows(const GemmProblem& problem, const GemmTile& tile, const float* x) {
  constexpr std::int64_t mr = GemmBlocking<A>::mr;
  constexpr int panels = few_panels<Pixels>;
  const GemmEpilogue& e = problem.epilogue;
  for (std::int64_t i = tile.row, end = tile.row + tile.rows; i < end;) {
    const bool many = end - i > (panels - 1) * mr;
    const std::int64_t most = (many ? panels : 1) * mr, rows = end - i < most ? end - i : most;
    const auto filters = many ? &few_filters<A, Pixels, panels> : &few_filters<A, Pixels, 1>;
    filters(problem.k, problem.packed_a + i * problem.k, x, rows,
            e.row_bias == nullptr ? nullptr : e.row_bias + i,
            e.residual == nullptr ? nullptr : e.residual + i * Pixels, problem.c + i * Pixels);
    i += rows;
  }
  float* c = problem.c + tile.row * Pixels;
  activate<A>(e.activation, c, c, tile.rows * Pixels);
}

}  // namespace detail

/// Scratch floats of conv_few_tile.
INLAY_INLINE std::int64_t conv_few_scratch(const ConvShape& s) {
  return s.group_channels() * s.kernel.count() * s.out.count();
}

/// Computes rows tile.row.. of C for a shape for which suits_few holds.
template <class A>
void conv_few_tile(const ConvShape& s, const GemmProblem& problem, const GemmTile& tile,
                   const float* input, float* scratch) {
  detail::gather_few(s, input, s.group_channels(), scratch);
  unroll<conv_few_limit<A>>([&](auto less) {
    constexpr int pixels = less + 1;
    if (problem.n == pixels) detail::conv_few_rows<A, pixels>(problem, tile, scratch);
  });
}

}  // namespace inlay::inline v0::kernels
