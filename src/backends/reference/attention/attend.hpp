// Scaled dot-product attention on operands made ready: the core of the attention operators.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "backends/reference/attention/attention.hpp"

namespace inlay::inline v0::kernels {

/// Q, K and V as T, the type that scores are computed in. Heads of K and V serve equally many heads
/// of Q each.
template <class T>
struct AttentionOperands {
  HeadLayout q, k, v;
  const T* query;
  const T* key;
  const T* value;
  bool packed_output = false;  ///< the output has three axes, heads within the last
  /// How many rows of k and v there are to attend to, per batch; empty: all.
  std::span<const std::int64_t> lengths = {};

  std::int64_t keys(std::int64_t batch) const {
    return lengths.empty() ? k.sequence : lengths[static_cast<std::size_t>(batch)];
  }
};

/// The score between a query and a key on its way to a probability.
enum class ScoreStage { raw, capped, biased, probability };

/// How scores become probabilities.
template <class T>
struct ScoreRules {
  double scale = 1;
  float softcap = 0;                   ///< c * tanh(score / c); 0: none
  DType precision = DType::undefined;  ///< what scores are rounded to before softmax
  std::span<const T> sinks = {};       ///< per head, a score that takes part in softmax alone
  Tensor* shown = nullptr;  ///< [batch, heads, queries, keys] of the output's dtype; null: none
  ScoreStage stage = ScoreStage::raw;                      ///< what is shown
  T shown_excluded = -std::numeric_limits<T>::infinity();  ///< in place of a biased -infinity
};

/// y = softmax(rules(Q * K^T) + bias) * V. bias(b, h, i, count, row) writes what
/// is added to the scores of query i for the first `count` keys, -infinity to keep a key out; it
/// returns whether any is left, if not, the result is zero.
template <class T, class Bias>
void attend(KernelContext& context, const AttentionOperands<compute_t<T>>& in,
            const ScoreRules<compute_t<T>>& rules, Tensor& y, Bias&& bias) {
  using Wide = compute_t<T>;
  const HeadLayout &q = in.q, &k = in.k, &v = in.v;
  const HeadLayout out{q.batch, q.heads, q.sequence, v.size, in.packed_output};
  constexpr std::int64_t block = 64;  // queries per task
  const std::int64_t blocks = (q.sequence + block - 1) / block;
  const std::int64_t row_size = block * k.sequence;
  const auto scratch = context.scratch<Wide>(context.concurrency() * (row_size + k.sequence));
  const auto results = context.scratch<Wide>(context.concurrency() * block * v.size);
  T* to = y.as_mutable<T>().data();
  Tensor* shown_tensor = rules.shown;
  T* shown = shown_tensor != nullptr ? shown_tensor->as_mutable<T>().data() : nullptr;
  const std::int64_t shown_keys = shown != nullptr ? shown_tensor->dim(3) : 0;

  context.parallel_for(q.batch * q.heads * blocks, [&](std::int64_t task, int worker) {
    Wide* scores = scratch.data() + worker * (row_size + k.sequence);
    Wide* biases = scores + row_size;
    Wide* result = results.data() + worker * block * v.size;
    const std::int64_t first = task % blocks * block;
    const std::int64_t rows = std::min(block, q.sequence - first);
    const std::int64_t h = task / blocks % q.heads, b = task / blocks / q.heads;
    const std::int64_t kv_head = h / (q.heads / k.heads), keys = in.keys(b);
    std::fill_n(scores, rows * keys, Wide{});
    multiply_add<Wide>(q.matrix(in.query, b, h).block(first, 0, rows, q.size),
                       k.matrix(in.key, b, kv_head).block(0, 0, keys, k.size).transposed(),
                       {scores, rows, keys, keys});
    for (std::int64_t i = 0; i < rows; ++i) {
      Wide* row = scores + i * keys;
      const auto show = [&](ScoreStage stage) {
        if (shown == nullptr || rules.stage != stage) return;
        T* target = shown + ((b * q.heads + h) * q.sequence + first + i) * shown_keys;
        const std::int64_t count = std::min(keys, shown_keys);
        for (std::int64_t j = 0; j < count; ++j) {
          const bool excluded =
              stage == ScoreStage::biased && row[j] == -std::numeric_limits<Wide>::infinity();
          target[j] = static_cast<T>(excluded ? rules.shown_excluded : row[j]);
        }
        std::fill_n(target + count, shown_keys - count, T{});
      };
      for (std::int64_t j = 0; j < keys; ++j) row[j] = static_cast<Wide>(row[j] * rules.scale);
      show(ScoreStage::raw);
      if (rules.softcap > 0) {
        for (std::int64_t j = 0; j < keys; ++j) {
          row[j] = rules.softcap * std::tanh(row[j] / rules.softcap);
        }
      }
      show(ScoreStage::capped);
      const bool any = bias(b, h, first + i, keys, biases);
      for (std::int64_t j = 0; j < keys; ++j) row[j] += biases[j];
      show(ScoreStage::biased);
      if (any) {
        for (std::int64_t j = 0; j < keys; ++j) row[j] = round_to(rules.precision, row[j]);
        softmax(row, keys, true,
                rules.sinks.empty() ? nullptr : &rules.sinks[static_cast<std::size_t>(h)]);
      } else {
        std::fill_n(row, keys, Wide{});
      }
      show(ScoreStage::probability);
    }
    std::fill_n(result, rows * v.size, Wide{});
    multiply_add<Wide>({scores, rows, keys, keys},
                       v.matrix(in.value, b, kv_head).block(0, 0, keys, v.size),
                       {result, rows, v.size, v.size});
    const auto target = out.matrix(to, b, h);
    for (std::int64_t i = 0; i < rows; ++i) {
      std::transform(result + i * v.size, result + (i + 1) * v.size, target.at(first + i, 0),
                     [](Wide sum) { return static_cast<T>(sum); });
    }
  });
}

}  // namespace inlay::inline v0::kernels
