// The innermost convolution on blocked channels: some pixels by some filters held in registers.
#pragma once

#include <inlay/kernels/blocked_layout.hpp>
#include <inlay/kernels/gemm_epilogue.hpp>

namespace inlay::inline v0::kernels {

/// acc[r * nr + f] = sum over t < taps and i < inner of
///   input[offsets[t] + r * Step + i] * weights[(t * inner + i) * Vecs * lanes + f]
/// for Pixels pixels r and Vecs registers of filters f, products added in that order.
template <class A, int Pixels, int Vecs, int Step>
INLAY_FLATTEN void blocked_micro(std::int64_t taps, const std::int64_t* INLAY_RESTRICT offsets,
                                 std::int64_t inner, const float* INLAY_RESTRICT input,
                                 const float* INLAY_RESTRICT weights, float* INLAY_RESTRICT acc) {
  constexpr int size = static_cast<int>(lanes<float, A>);
  Vec<float, A> sums[Pixels][Vecs];
  unroll<Pixels>(
      [&](auto r) { unroll<Vecs>([&](auto v) { sums[r][v] = broadcast<float, A>(0.0f); }); });
  for (std::int64_t t = 0; t < taps; ++t) {
    const float* x = input + offsets[t];
    for (std::int64_t i = 0; i < inner; ++i, ++x, weights += Vecs * size) {
      Vec<float, A> filters[Vecs];
      unroll<Vecs>([&](auto v) { filters[v] = load<float, A>(weights + v * size); });
      unroll<Pixels>([&](auto r) {
        const Vec<float, A> pixel = broadcast<float, A>(x[r * Step]);
        unroll<Vecs>([&](auto v) { sums[r][v] = fma<A>(pixel, filters[v], sums[r][v]); });
      });
    }
  }
  unroll<Pixels>([&](auto r) {
    unroll<Vecs>(
        [&](auto v) { store<float, A>(acc + r * GemmBlocking<A>::nr + v * size, sums[r][v]); });
  });
}

template <class A>
using BlockedMicro = void (*)(std::int64_t taps, const std::int64_t* offsets, std::int64_t inner,
                              const float* input, const float* weights, float* acc);

/// blocked_micro for every number of pixels (first index, less one) and registers (second).
template <class A, int Step>
struct BlockedMicroTable {
  BlockedMicro<A> entries[blocked_pixels<A>][blocked_vecs<A>];
};

template <class A, int Step>
inline constexpr BlockedMicroTable<A, Step> blocked_micro_table = [
]<int... R>(std::integer_sequence<int, R...>) {
  return BlockedMicroTable<A, Step>{
      {{&blocked_micro<A, R + 1, 1, Step>, &blocked_micro<A, R + 1, 2, Step>}...}};
}
(std::make_integer_sequence<int, blocked_pixels<A>>{});

/// The sums of blocked_micro_table's entry for so many pixels and registers of filters; with `adds`
/// they are added to those in acc.
template <class A, int Step>
INLAY_NOINLINE void blocked_sums(std::int64_t pixels, std::int64_t vecs, std::int64_t taps,
                                 const std::int64_t* offsets, std::int64_t inner,
                                 const float* input, const float* weights, bool adds, float* acc) {
  const BlockedMicro<A> micro = blocked_micro_table<A, Step>.entries[pixels - 1][vecs - 1];
  if (!adds) return micro(taps, offsets, inner, input, weights, acc);
  alignas(64) float part[blocked_pixels<A> * GemmBlocking<A>::nr];
  micro(taps, offsets, inner, input, weights, part);
  for (std::int64_t r = 0; r < pixels; ++r) {
    for (std::int64_t v = 0; v < vecs; ++v) {
      const std::int64_t at = r * GemmBlocking<A>::nr + v * channel_block<A>;
      store<float, A>(acc + at, load<float, A>(acc + at) + load<float, A>(part + at));
    }
  }
}

/// Where the sums of a tile go. The addends enter with the first sums of a pixel, the activation
/// follows the last.
struct BlockedOutput {
  float* y;               ///< the tile's first pixel in its first filter block
  const float* residual;  ///< likewise, or null; may be `y`
  const float* bias;      ///< of the tile's filters, whole blocks; or null
  std::int64_t plane;     ///< floats from a filter block to the next
  const Activation* activation;
  bool first, last;
};

/// Adds `vecs` registers of sums for each of `pixels` neighbouring pixels to the output.
template <class A>
INLAY_NOINLINE INLAY_FLATTEN void blocked_finish(const float* acc, std::int64_t pixels,
                                                 std::int64_t vecs, const BlockedOutput& out) {
  using Vf = Vec<float, A>;
  constexpr std::int64_t size = channel_block<A>;
  const ClampRange range = clamp_range(*out.activation);
  const Vf low(range.low), high(range.high);
  const bool clamps = out.last && range.is_clamp;
  const bool activates =
      out.last && !range.is_clamp && out.activation->kind != ActivationKind::none;
  for (std::int64_t v = 0; v < vecs; ++v) {
    float* y = out.y + v * out.plane;
    const float* residual = out.residual == nullptr ? nullptr : out.residual + v * out.plane;
    const float* sums = acc + v * size;
    const Vf bias = out.bias == nullptr ? Vf(0.0f) : load<float, A>(out.bias + v * size);
    for (std::int64_t r = 0; r < pixels; ++r, sums += GemmBlocking<A>::nr) {
      Vf x = load<float, A>(sums);
      if (!out.first) {
        x += load<float, A>(y + r * size);
      } else {
        x += bias;
        if (residual != nullptr) x += load<float, A>(residual + r * size);
      }
      if (clamps) x = clamp<A>(x, low, high);
      store<float, A>(y + r * size, x);
    }
    if (activates) activate<A>(*out.activation, y, y, pixels * size);
  }
}

}  // namespace inlay::inline v0::kernels
