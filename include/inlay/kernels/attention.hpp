// Scaled dot-product attention of f32 that never holds more than a strip of scores: some queries by
// a block of keys. Softmax goes from block to block with a running maximum and sum (Milakov and
// Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention",
// 2022).
#pragma once

#include <inlay/kernels/attention_problem.hpp>
#include <inlay/kernels/gemm_pack.hpp>
#include <inlay/kernels/gemv.hpp>
#include <inlay/kernels/reduce.hpp>

namespace inlay::inline v0::kernels {

/// A register tile of `rows` queries by `vecs` vectors; K and V are packed into panels of `panel`
/// columns. A task computes `strip` queries, `block` keys at a time: their scores and a panel lie
/// in the L1 cache.
template <class A>
struct AttentionBlocking {
  static constexpr int rows = 6;
  static constexpr int vecs = vector_registers<A> == 32 ? 4 : 2;
  static constexpr std::int64_t lane_count = lanes<float, A>;
  static constexpr std::int64_t panel = vecs * lane_count;
  static constexpr std::int64_t strip = 4 * rows;
  static constexpr std::int64_t block = 256;  // longer sums of products would be rounded more
};

/// Fewer queries than this read K and V where they are.
template <class A>
INLAY_INLINE bool attention_packs(const AttentionProblem& problem) {
  return problem.queries >= AttentionBlocking<A>::rows;
}

/// Floats that the packed K and V of one head take; 0 where they are not packed.
template <class A>
std::int64_t attention_packed_size(const AttentionProblem& problem) {
  constexpr std::int64_t panel = AttentionBlocking<A>::panel;
  if (!attention_packs<A>(problem)) return 0;
  return round_up(problem.keys, panel) * problem.size +
         round_up(problem.value_size, panel) * problem.keys;
}

/// Packs `count` keys from `first` on, a multiple of the block, of head h of K and V in batch b.
/// `packed` is where the head's floats start.
template <class A>
INLAY_FLATTEN void attention_pack(const AttentionProblem& problem, std::int64_t b, std::int64_t h,
                                  std::int64_t first, std::int64_t count, float* packed) {
  using Blocking = AttentionBlocking<A>;
  constexpr std::int64_t panel = Blocking::panel, size = Blocking::lane_count;
  pack_panels<A, static_cast<int>(panel)>({problem.k.at(b, h, first), problem.k.row, 1}, count,
                                          problem.size, packed + first * problem.size);
  float* values = packed + round_up(problem.keys, panel) * problem.size + first * panel;
  for (std::int64_t j = 0; j < problem.value_size; j += panel, values += problem.keys * panel) {
    const std::int64_t columns = problem.value_size - j < panel ? problem.value_size - j : panel;
    for (std::int64_t i = 0; i < count; ++i) {
      const float* from = problem.v.at(b, h, first + i) + j;
      float* to = values + i * panel;
      for (std::int64_t c = 0; c < columns; c += size) {
        const bool whole = columns - c >= size;
        store<float, A>(
            to + c, whole ? load<float, A>(from + c)
                          : load_first<float, A>(from + c, static_cast<std::size_t>(columns - c)));
      }
    }
  }
}

namespace detail {

/// c[r][j] = sum over p < k of a[r][p] * b[p][j], or added to c, for a whole tile of rows and Vecs
/// vectors of columns of a packed panel.
template <class A, int Vecs>
INLAY_NOINLINE INLAY_FLATTEN void attention_micro(std::int64_t k, const float* INLAY_RESTRICT a,
                                                  std::int64_t a_stride,
                                                  const float* INLAY_RESTRICT b,
                                                  float* INLAY_RESTRICT c, std::int64_t c_stride,
                                                  bool adds) {
  using Blocking = AttentionBlocking<A>;
  constexpr int rows = Blocking::rows, size = static_cast<int>(Blocking::lane_count);
  Vec<float, A> sums[rows][Vecs];
  unroll<rows>(
      [&](auto r) { unroll<Vecs>([&](auto v) { sums[r][v] = broadcast<float, A>(0.0f); }); });
  const float* INLAY_RESTRICT a3 = a + 3 * a_stride;
  for (std::int64_t p = 0; p < k; ++p, b += Blocking::panel) {
    Vec<float, A> columns[Vecs];
    unroll<Vecs>([&](auto v) { columns[v] = load<float, A>(b + v * size); });
    unroll<rows>([&](auto r) {
      const Vec<float, A> x =
          broadcast<float, A>(r < 3 ? a[r * a_stride + p] : a3[(r - 3) * a_stride + p]);
      unroll<Vecs>([&](auto v) { sums[r][v] = fma<A>(x, columns[v], sums[r][v]); });
    });
  }
  unroll<rows>([&](auto r) {
    unroll<Vecs>([&](auto v) {
      float* to = c + r * c_stride + v * size;
      store<float, A>(to, adds ? Vec<float, A>(load<float, A>(to) + sums[r][v]) : sums[r][v]);
    });
  });
}

/// The same for a strip of rows and `columns` columns, rounded up to whole vectors.
template <class A>
INLAY_INLINE void attention_product(std::int64_t rows, std::int64_t columns, std::int64_t k,
                                    const float* a, std::int64_t a_stride, const float* b, float* c,
                                    std::int64_t c_stride, bool adds) {
  using Blocking = AttentionBlocking<A>;
  for (std::int64_t r = 0; r < rows; r += Blocking::rows) {
    const float* from = a + r * a_stride;
    float* to = c + r * c_stride;
    switch (ceil_div(columns, Blocking::lane_count)) {
      case 1:
        attention_micro<A, 1>(k, from, a_stride, b, to, c_stride, adds);
        break;
      case 2:
        attention_micro<A, 2>(k, from, a_stride, b, to, c_stride, adds);
        break;
      case 3:
        if constexpr (Blocking::vecs > 2) {
          attention_micro<A, 3>(k, from, a_stride, b, to, c_stride, adds);
        }
        break;
      default:
        attention_micro<A, Blocking::vecs>(k, from, a_stride, b, to, c_stride, adds);
    }
  }
}

/// The softmax of one query on its way over the blocks of keys.
struct RunningSoftmax {
  float maximum = -std::numeric_limits<float>::infinity();
  float sum = 0.0f;
  float factor = 0.0f;  ///< for what was summed with the maximum before

  /// With nothing but -infinity so far there is nothing to shift by.
  INLAY_INLINE float shift() const {
    return maximum == -std::numeric_limits<float>::infinity() ? 0.0f : maximum;
  }
};

/// Adds the mask to `count` scores and takes them into the maximum. Writes whole vectors.
template <class A>
INLAY_INLINE void take_maximum(float* scores, const float* mask, std::int64_t count,
                               RunningSoftmax& state) {
  using F = Vec<float, A>;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr std::int64_t size = lanes<float, A>;
  const std::int64_t end = round_up(count, size);
  for (std::int64_t j = count; j < end; ++j) scores[j] = -infinity;
  F high(state.maximum);
  for (std::int64_t j = 0; j < end; j += size) {
    F score = load<float, A>(scores + j);
    if (mask != nullptr) {
      score += count - j >= size
                   ? load<float, A>(mask + j)
                   : load_first<float, A>(mask + j, static_cast<std::size_t>(count - j));
      store<float, A>(scores + j, score);
    }
    high = max_bound<A>(high, score);  // NaN need not win: its exponential is NaN, and so the sum
  }
  const float before = state.maximum;
  state.maximum = kernels::reduce_max<float, A>(high);
  state.factor = before == -infinity ? 0.0f : vexp<A>(F(F(before) - F(state.shift()))).get(0);
}

/// Turns `count` scores into exponentials and takes them into the sum. Writes whole vectors.
template <class A>
INLAY_INLINE void take_exponentials(float* scores, std::int64_t count, RunningSoftmax& state) {
  using F = Vec<float, A>;
  constexpr std::int64_t size = lanes<float, A>;
  const F shift(state.shift());
  F sum(0.0f);
  const auto take = [&]<int group>(std::int64_t j) {
    F e[group];
    unroll<group>([&](auto v) { e[v] = load<float, A>(scores + j + v * size) - shift; });
    unroll<group>([&](auto v) { e[v] = vexp<A>(e[v]); });
    unroll<group>([&](auto v) {
      store<float, A>(scores + j + v * size, e[v]);
      sum += e[v];
    });
  };
  std::int64_t j = 0;
  constexpr int group = side_by_side<A>;
  for (; j + group * size <= count; j += group * size) take.template operator()<group>(j);
  for (; j < count; j += size) take.template operator()<1>(j);
  state.sum = state.sum * state.factor + kernels::reduce_add<float, A>(sum);
}

template <class A>
INLAY_INLINE void scale_row(const float* x, float* y, std::int64_t n, float factor) {
  using F = Vec<float, A>;
  map_row<A>(x, y, static_cast<std::size_t>(n), [&](const F& v) { return F(v * F(factor)); });
}

/// The keys that query i sees.
INLAY_INLINE std::int64_t visible_keys(const AttentionProblem& problem, std::int64_t i) {
  if (!problem.causal) return problem.keys;
  return i < problem.keys ? i + 1 : problem.keys;
}

/// The end of an attention row: the weighted sum of values over the sum of weights.
template <class A>
INLAY_INLINE void finish_row(const float* values, float* out, std::int64_t n,
                             const RunningSoftmax& state) {
  scale_row<A>(values, out, n, state.sum == 0.0f ? 0.0f : 1.0f / state.sum);
}

/// One query against all its keys, K and V read where they are.
template <class A>
INLAY_INLINE void attend_row(const AttentionProblem& problem, std::int64_t b, std::int64_t h,
                             std::int64_t i, float* scratch) {
  constexpr std::int64_t block = AttentionBlocking<A>::block, size = lanes<float, A>;
  const std::int64_t width = round_up(problem.value_size, size);
  const std::int64_t kv_head = h / (problem.heads / problem.kv_heads);
  float *query = scratch, *scores = query + round_up(problem.size, size);
  float *values = scores + block, *sums = values + width;
  scale_row<A>(problem.q.at(b, h, i), query, problem.size, problem.scale);
  for (std::int64_t j = 0; j < width; ++j) values[j] = 0.0f;
  RunningSoftmax state;
  const std::int64_t keys = visible_keys(problem, i);
  for (std::int64_t first = 0; first < keys; first += block) {
    const std::int64_t count = keys - first < block ? keys - first : block;
    gemv_rows<A>({problem.k.at(b, kv_head, first), problem.k.row, 1}, query, count, problem.size,
                 scores);
    const float* mask = problem.mask.data != nullptr ? problem.mask.at(b, h, i) + first : nullptr;
    take_maximum<A>(scores, mask, count, state);
    take_exponentials<A>(scores, count, state);
    gemv_columns<A>({problem.v.at(b, kv_head, first), problem.v.row, 1}, scores, problem.value_size,
                    count, sums);
    for (std::int64_t j = 0; j < width; j += size) {
      const Vec<float, A> before = load<float, A>(values + j);
      store<float, A>(values + j,
                      fma<A>(before, Vec<float, A>(state.factor), load<float, A>(sums + j)));
    }
  }
  finish_row<A>(values, problem.out.at(b, h, i), problem.value_size, state);
}

/// `count` queries from `first` on against all their keys, packed.
template <class A>
INLAY_INLINE void attend_strip(const AttentionProblem& problem, const float* packed, std::int64_t b,
                               std::int64_t h, std::int64_t first, std::int64_t count,
                               float* scratch) {
  using Blocking = AttentionBlocking<A>;
  constexpr std::int64_t panel = Blocking::panel, block = Blocking::block;
  const std::int64_t rows = round_up(count, Blocking::rows);
  const std::int64_t width = round_up(problem.value_size, panel);
  float *queries = scratch, *scores = queries + Blocking::strip * problem.size;
  float* values = scores + Blocking::strip * block;
  for (std::int64_t r = 0; r < rows; ++r) {
    float* query = queries + r * problem.size;
    const std::int64_t i = first + (r < count ? r : count - 1);
    scale_row<A>(problem.q.at(b, h, i), query, problem.size, problem.scale);
  }
  for (std::int64_t j = 0; j < rows * width; ++j) values[j] = 0.0f;
  RunningSoftmax state[Blocking::strip];
  const float* packed_v = packed + round_up(problem.keys, panel) * problem.size;
  const std::int64_t keys = visible_keys(problem, first + count - 1);
  for (std::int64_t key = 0; key < keys; key += block) {
    const std::int64_t n = keys - key < block ? keys - key : block;
    for (std::int64_t j = 0; j < n; j += panel) {
      attention_product<A>(rows, n - j < panel ? n - j : panel, problem.size, queries, problem.size,
                           packed + (key + j) * problem.size, scores + j, block, false);
    }
    std::int64_t visible[Blocking::strip];
    // First all maxima, then all exponentials: one row's chain of operations hides another's.
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t i = first + (r < count ? r : count - 1);
      const std::int64_t left = visible_keys(problem, i) - key;
      visible[r] = left < 0 ? 0 : left < n ? left : n;
      const float* mask = problem.mask.data != nullptr ? problem.mask.at(b, h, i) + key : nullptr;
      take_maximum<A>(scores + r * block, mask, visible[r], state[r]);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      float* row = scores + r * block;
      take_exponentials<A>(row, visible[r], state[r]);
      for (std::int64_t j = visible[r]; j < n; ++j) row[j] = 0.0f;
      if (key > 0) scale_row<A>(values + r * width, values + r * width, width, state[r].factor);
    }
    for (std::int64_t j = 0; j < problem.value_size; j += panel) {
      const std::int64_t columns = problem.value_size - j < panel ? problem.value_size - j : panel;
      attention_product<A>(rows, columns, n, scores, block,
                           packed_v + j * problem.keys + key * panel, values + j, width, true);
    }
  }
  for (std::int64_t r = 0; r < count; ++r) {
    finish_row<A>(values + r * width, problem.out.at(b, h, first + r), problem.value_size,
                  state[r]);
  }
}

}  // namespace detail

/// Tasks that compute all heads. What a task computes does not depend on the others.
template <class A>
std::int64_t attention_tasks(const AttentionProblem& problem) {
  return problem.batch * problem.heads * ceil_div(problem.queries, AttentionBlocking<A>::strip);
}

/// Scratch floats that each running task needs.
template <class A>
std::int64_t attention_scratch(const AttentionProblem& problem) {
  using Blocking = AttentionBlocking<A>;
  return Blocking::strip * (round_up(problem.size, Blocking::lane_count) + Blocking::block +
                            2 * round_up(problem.value_size, Blocking::panel));
}

/// Runs one task. `packed` holds attention_packed_size floats for each head of K and V, batch after
/// batch.
template <class A>
INLAY_FLATTEN void attention_task(const AttentionProblem& problem, const float* packed,
                                  std::int64_t task, float* scratch) {
  constexpr std::int64_t strip = AttentionBlocking<A>::strip;
  const std::int64_t strips = ceil_div(problem.queries, strip);
  const std::int64_t first = task % strips * strip, h = task / strips % problem.heads;
  const std::int64_t b = task / strips / problem.heads;
  const std::int64_t count = problem.queries - first < strip ? problem.queries - first : strip;
  if (!attention_packs<A>(problem)) {
    for (std::int64_t i = first; i < first + count; ++i) {
      detail::attend_row<A>(problem, b, h, i, scratch);
    }
    return;
  }
  const std::int64_t kv_head = b * problem.kv_heads + h / (problem.heads / problem.kv_heads);
  detail::attend_strip<A>(problem, packed + kv_head * attention_packed_size<A>(problem), b, h,
                          first, count, scratch);
}

}  // namespace inlay::inline v0::kernels
