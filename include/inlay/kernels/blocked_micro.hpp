// The innermost convolution on blocked channels: some pixels by some filters held in registers.
#pragma once

#include <inlay/kernels/activation.hpp>
#include <inlay/kernels/blocked_layout.hpp>

namespace inlay::inline v0::kernels {

/// Where the sums of a tile go: y = clamp(sum + addend + bias, low, high).
struct BlockedOutput {
  float* y;             ///< the tile's first pixel in its first filter block
  const float* addend;  ///< likewise, or null; may be `y`
  const float* bias;    ///< of the tile's filters, whole blocks
  std::int64_t plane;   ///< floats from a filter block to the next, of y and addend
  std::int64_t step;    ///< from a pixel to the next
  float low, high;
};

/// What a tile sums up: products of `inner` neighbouring floats for each tap, of the taps from
/// `whole` on `rest` of them.
struct BlockedInput {
  const float* input;
  const std::int64_t* offsets;  ///< of the taps
  const float* weights;
  std::int64_t taps, whole;
  std::int64_t inner, rest;
  std::int64_t step;      ///< floats from a pixel to the next, where Step does not say
  std::int64_t jump;      ///< where the second half of the most pixels begins
  const float* far;       ///< fetched into the L2 cache meanwhile,
  std::int64_t far_step;  ///< so many floats per product
};

/// The sum of pixel r and register v of filters, lane f, over taps t and their products i, of
///   input[offsets[t] + r * Step + i] * weights[((t * inner + i) * Vecs + v) * lanes + f]
/// in that order, for Pixels neighbouring pixels and Vecs registers. Of the most pixels, the second
/// half is read in.jump floats after the first: in another row of a narrow picture. A Step of 0
/// stands for in.step, one product for each tap and no such jump.
template <class A, int Pixels, int Vecs, int Step>
INLAY_FLATTEN void blocked_micro(const BlockedInput& in, const BlockedOutput& out) {
  constexpr int size = static_cast<int>(lanes<float, A>), ahead = 8 * Vecs * size;
  Vec<float, A> sums[Pixels][Vecs];
  const auto each = [](auto f) {
    unroll<Pixels>([&](auto r) { unroll<Vecs>([&](auto v) { f(r, v); }); });
  };
  each([&](auto r, auto v) { sums[r][v] = broadcast<float, A>(0.0f); });
  constexpr int half = Pixels == blocked_pixels<A> ? Pixels / 2 : Pixels;
  const float* INLAY_RESTRICT weights = in.weights;
  const float* far = in.far;
  const std::int64_t far_step = in.far_step, jump = in.jump;
  const auto product = [&](const auto& pixel) {
    Vec<float, A> filters[Vecs];
    unroll<Vecs>([&](auto v) { filters[v] = load<float, A>(weights + v * size); });
    weights += Vecs * size;
    unroll<Pixels>([&](auto r) {
      const Vec<float, A> x = broadcast<float, A>(pixel(r));
      unroll<Vecs>([&](auto v) { sums[r][v] = fma<A>(x, filters[v], sums[r][v]); });
    });
  };
  for (std::int64_t t = 0; t < in.taps; ++t) {
    const float* INLAY_RESTRICT x = in.input + in.offsets[t];
    if constexpr (Step == 0) {
      // As a base and one of two multiples: what an address can hold.
      const std::int64_t step = in.step;
      const float* bases[(Pixels + 2) / 3];
      unroll<(Pixels + 2) / 3>([&](auto k) { bases[k] = k == 0 ? x : bases[k - 1] + 3 * step; });
      product([&](auto r) { return bases[r / 3][r % 3 * step]; });
      continue;
    }
    for (std::int64_t i = t < in.whole ? in.inner : in.rest; i > 0; --i, ++x) {
      // Weights of long sums come from the L2 cache.
      for (int line = 0; line < Vecs * size; line += 16) prefetch(weights + ahead + line);
      prefetch_l2(far);
      far += far_step;
      product([&](auto r) { return r < half ? x[r * Step] : x[jump + (r - half) * Step]; });
    }
  }
  if (out.addend != nullptr) {
    each([&](auto r, auto v) {
      sums[r][v] += load<float, A>(out.addend + v * out.plane + r * out.step);
    });
  }
  const Vec<float, A> low(out.low), high(out.high);
  unroll<Vecs>([&](auto v) {
    const Vec<float, A> bias = load<float, A>(out.bias + v * size);
    float* const y = out.y + v * out.plane;
    unroll<Pixels>(
        [&](auto r) { store<float, A>(y + r * out.step, clamp<A>(sums[r][v] + bias, low, high)); });
  });
}

template <class A>
using BlockedMicro = void (*)(const BlockedInput& in, const BlockedOutput& out);

/// Of `left` pixels in a row, how many the next tile takes of those that have up to `most`: in all
/// sizes, or that and up to half of it.
INLAY_INLINE constexpr std::int64_t tile_pixels(std::int64_t left, std::int64_t most,
                                                bool all_sizes) {
  if (left >= 2 * most) return most;
  if (all_sizes) return left > most ? ceil_div(left, 2) : left;
  return left >= most ? most : left > most / 2 ? ceil_div(left, 2) : left;
}

/// blocked_micro for the numbers of pixels that tile_pixels gives (the most last) and of registers.
template <class A, int Step>
struct BlockedMicroTable {
  static constexpr int most = blocked_pixels<A>;
  static constexpr bool all_sizes = most <= 8;
  static constexpr int small = all_sizes ? most - 1 : most / 2;
  BlockedMicro<A> entries[small + 1][blocked_vecs<A>];

  /// Of `left` pixels, those of the next tile.
  INLAY_INLINE static constexpr std::int64_t next_pixels(std::int64_t left) {
    return tile_pixels(left, most, all_sizes);
  }
  INLAY_INLINE constexpr BlockedMicro<A> get(std::int64_t pixels, std::int64_t vecs) const {
    return entries[pixels > small ? small : pixels - 1][vecs - 1];
  }
};

template <class A, int Step>
inline constexpr BlockedMicroTable<A, Step> blocked_micro_table = [
]<int... R>(std::integer_sequence<int, R...>) {
  using Table = BlockedMicroTable<A, Step>;
  return Table{{{&blocked_micro < A, R < Table::small ? R + 1 : Table::most, 1, Step >,
                 &blocked_micro < A, R < Table::small ? R + 1 : Table::most, 2, Step > }...}};
}
(std::make_integer_sequence<int, BlockedMicroTable<A, Step>::small + 1>{});

/// As many zeros as a tile has filters: the bias of sums that are not done.
template <class A>
inline constexpr float blocked_zeros[blocked_vecs<A> * channel_block<A>] = {};

}  // namespace inlay::inline v0::kernels
