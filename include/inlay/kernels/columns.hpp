// Walking rows and columns of f32 matrices register by register.
#pragma once

#include <inlay/kernels/arch.hpp>

namespace inlay::inline v0::kernels {

/// True in the first n lanes.
template <class A>
INLAY_INLINE VecMask<float, A> first_lanes(std::size_t n) {
  float index[lanes<float, A>];
  for (std::size_t i = 0; i < lanes<float, A>; ++i) index[i] = static_cast<float>(i);
  return load<float, A>(index) < Vec<float, A>(static_cast<float>(n));
}

/// Registers that go side by side through a function of many steps, each of which waits for the one
/// before.
template <class A>
inline constexpr int side_by_side = vector_registers<A> == 32 ? 8
                                    : is_avx2<A>              ? 4
                                                              : 1;

/// y[i] = f(x[i]) for n contiguous values, the last, partial register included; `Group` registers
/// at a time. y may be x.
template <class A, int Group = 1, class F>
INLAY_INLINE void map_row(const float* x, float* y, std::size_t n, F f) {
  constexpr std::size_t step = lanes<float, A>;
  std::size_t i = 0;
  if constexpr (Group > 1) {
    for (; i + Group * step <= n; i += Group * step) {
      Vec<float, A> group[Group];
      unroll<Group>([&](auto v) { group[v] = load<float, A>(x + i + v * step); });
      unroll<Group>([&](auto v) { group[v] = f(group[v]); });
      unroll<Group>([&](auto v) { store<float, A>(y + i + v * step, group[v]); });
    }
  }
  for (; i + step <= n; i += step) store<float, A>(y + i, f(load<float, A>(x + i)));
  if (i < n) store_first<float, A>(y + i, f(load_first<float, A>(x + i, n - i)), n - i);
}

/// Folds n contiguous values into the lanes of one register: `step` takes a value in, `combine`
/// joins two partial results. Four chains hide latency. A chain ends after 32 steps and 32 such
/// blocks are joined first, so that rounding errors of sums grow with n / (4096 lanes). The order
/// depends on n alone.
template <class A, class Step, class Combine>
INLAY_INLINE Vec<float, A> fold_row(const float* x, std::size_t n, float identity, Step step,
                                    Combine combine) {
  using F = Vec<float, A>;
  constexpr std::size_t width = lanes<float, A>;
  F total(identity);
  std::size_t i = 0;
  while (i + 4 * width <= n) {
    F part(identity);
    for (std::size_t block = 0; block < 32 && i + 4 * width <= n; ++block) {
      const std::size_t end = n - i < 128 * width ? n : i + 128 * width;
      F chain[4] = {F(identity), F(identity), F(identity), F(identity)};
      for (; i + 4 * width <= end; i += 4 * width) {
        for (std::size_t c = 0; c < 4; ++c) {
          chain[c] = step(chain[c], load<float, A>(x + i + c * width));
        }
      }
      part = combine(part, combine(combine(chain[0], chain[1]), combine(chain[2], chain[3])));
    }
    total = combine(total, part);
  }
  for (; i + width <= n; i += width) total = step(total, load<float, A>(x + i));
  if (i < n) {
    const F last = step(total, load_first<float, A>(x + i, n - i));
    total = xsimd::select(first_lanes<A>(n - i), last, total);
  }
  return total;
}

/// Some neighbouring columns: `width` full registers, or, if partial, the first `count` lanes of
/// one.
template <class A, std::size_t width_, bool partial>
struct ColumnBlock {
  static constexpr std::size_t width = width_;
  std::size_t count;

  INLAY_INLINE Vec<float, A> load(const float* p, std::size_t v) const {
    if constexpr (partial) {
      return load_first<float, A>(p, count);
    } else {
      return kernels::load<float, A>(p + v * lanes<float, A>);
    }
  }
  INLAY_INLINE void store(float* p, std::size_t v, const Vec<float, A>& x) const {
    if constexpr (partial) {
      store_first<float, A>(p, x, count);
    } else {
      kernels::store<float, A>(p + v * lanes<float, A>, x);
    }
  }
};

/// Calls f(block, first column) for blocks that cover n columns. Wide blocks use whole cache lines.
template <class A, class F>
INLAY_INLINE void for_column_blocks(std::size_t n, F f) {
  constexpr std::size_t step = lanes<float, A>;
  std::size_t i = 0;
  for (; i + 4 * step <= n; i += 4 * step) f(ColumnBlock<A, 4, false>{4 * step}, i);
  for (; i + step <= n; i += step) f(ColumnBlock<A, 1, false>{step}, i);
  if (i < n) f(ColumnBlock<A, 1, true>{n - i}, i);
}

}  // namespace inlay::inline v0::kernels
