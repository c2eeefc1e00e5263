// com.microsoft:GroupQueryAttention: attention with a cache of keys and values, fewer heads of
// which than queries have.
#include <cstring>
#include <optional>

#include "backends/reference/attention/attend.hpp"
#include "backends/reference/attention/cache_codec.hpp"
#include "backends/reference/contrib/gqa.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// x / sqrt(mean(x^2) + epsilon) * weight for each row.
template <class T>
void normalize_rows(KernelContext& context, std::size_t weights, std::string_view epsilon_name,
                    std::int64_t size, std::span<compute_t<T>> values) {
  using Wide = compute_t<T>;
  if (context.input(weights).size() != size) {
    fail_gqa(context, "q_norm_weight and k_norm_weight need one number per place in a head");
  }
  const auto weight = context.input(weights).as<T>();
  const Attributes& attributes = context.attributes();
  const double epsilon = attributes.real(epsilon_name, attributes.real("qk_norm_epsilon", 1e-6f));
  for (std::size_t start = 0; start < values.size(); start += static_cast<std::size_t>(size)) {
    const auto row = values.subspan(start, static_cast<std::size_t>(size));
    double squares = 0;
    for (const Wide x : row) squares += static_cast<double>(x) * static_cast<double>(x);
    const double factor = 1 / std::sqrt(squares / static_cast<double>(size) + epsilon);
    for (std::size_t d = 0; d < row.size(); ++d) {
      const double scaled = static_cast<double>(row[d]) * factor * static_cast<double>(weight[d]);
      row[d] = static_cast<Wide>(from_real<T>(scaled));
    }
  }
}

/// Turns the valid rows of [batch, heads, sequence, size] by their positions.
template <class T>
void rotate_rows(KernelContext& context, const GqaPlan& plan, const HeadLayout& heads,
                 std::span<compute_t<T>> values) {
  const Tensor& cosines = context.input(gqa::cosines);
  const Tensor& sines = context.input(gqa::sines);
  const bool interleaved = context.attributes().integer("rotary_interleaved", 0) != 0;
  if (cosines.rank() != 2 || cosines.shape() != sines.shape() || cosines.dim(1) > heads.size / 2) {
    fail_gqa(context, "cos_cache and sin_cache do not fit a head of " + std::to_string(heads.size));
  }
  std::span<const std::int64_t> ids;
  if (context.has_input(gqa::positions)) {
    ids = context.input(gqa::positions).as<std::int64_t>();
    const std::int64_t needed = plan.is_prompt ? 1 : heads.batch * heads.sequence;
    if (static_cast<std::int64_t>(ids.size()) < needed) {
      fail_gqa(context, "position_ids must be [batch, sequence]");
    }
  }
  const std::int64_t pairs = cosines.dim(1);
  const T* cos = cosines.as<T>().data();
  const T* sin = sines.as<T>().data();
  for (std::int64_t b = 0; b < heads.batch; ++b) {
    const auto n = static_cast<std::size_t>(b);
    for (std::int64_t s = 0; s < plan.rows[n].added; ++s) {
      std::int64_t position = plan.first_query[n] + s;
      if (!ids.empty() && plan.is_prompt) {
        position = ids[0] > INT32_MAX ? -1 : ids[0] + s;
      } else if (!ids.empty()) {
        position = ids[static_cast<std::size_t>(b * heads.sequence + s)];
      }
      if (position < 0 || position >= cosines.dim(0)) {
        context.fail(ErrorCode::execution, "a position lies outside the caches");
      }
      for (std::int64_t h = 0; h < heads.heads; ++h) {
        rotate(heads.matrix(values.data(), b, h).at(s, 0), cos + position * pairs,
               sin + position * pairs, pairs, interleaved);
      }
    }
  }
}

/// The cache that queries attend to, and that the present keeps.
template <class T>
const compute_t<T>* update_cache(KernelContext& context, const GqaPlan& plan, std::size_t past,
                                 std::size_t scale, std::size_t output,
                                 std::span<compute_t<T>> added, std::int64_t working_rows) {
  using Wide = compute_t<T>;
  const Tensor* old = context.has_input(past) ? &context.input(past) : nullptr;
  const bool coded = old != nullptr && old->dtype() != dtype_of<T>;
  if (!coded && old != nullptr && old->dim(3) != plan.kv.size) {
    fail_gqa(context, "the past has heads of another size");
  }
  std::optional<CacheCodec> codec;
  if (coded) codec.emplace(context, *old, scale, plan);
  const std::int64_t width = coded ? codec->row_bytes() : plan.kv.size;
  Tensor* present = nullptr;
  if (context.has_output(output)) {
    present = &context.output(output, coded ? old->dtype() : dtype_of<T>,
                              {plan.kv.batch, plan.kv.heads, plan.capacity, width});
  }
  const T* numbers = nullptr;
  if (coded) {
    numbers = codec->template decode<T>(context, *old);
    codec->round(added, plan.kv.sequence);
  } else if (old != nullptr) {
    numbers = old->as<T>().data();
  }
  const bool direct = present != nullptr && !coded && !plan.evicts;
  const Wide* working =
      joined_cache<T>(context, numbers, plan.past, added.data(), plan.kv, working_rows, plan.rows,
                      false, direct ? present->as_mutable<T>() : std::span<T>())
          .data();
  if (present == nullptr || direct) return working;
  std::memset(present->mutable_data(), 0, present->bytes());
  for (std::int64_t i = 0; i < plan.kv.batch * plan.kv.heads; ++i) {
    const std::int64_t b = i / plan.kv.heads, h = i % plan.kv.heads;
    const auto n = static_cast<std::size_t>(b);
    const std::int64_t end = plan.lengths[n];
    const std::int64_t kept = plan.evicts ? plan.resident(plan.first_key[n] + end) : end;
    for (std::int64_t row = 0; row < kept; ++row) {
      const Wide* from = working + (i * working_rows + end - kept + row) * plan.kv.size;
      const std::int64_t to = (i * plan.capacity + row) * width;
      if (coded) {
        codec->encode(from, b, h, static_cast<std::uint8_t*>(present->mutable_data()) + to);
      } else {
        std::transform(from, from + width, present->as_mutable<T>().begin() + to,
                       [](Wide value) { return static_cast<T>(value); });
      }
    }
  }
  return working;
}

/// Per head, what takes part in the softmax beside the scores; empty: nothing.
template <class T>
std::span<const compute_t<T>> gqa_sinks(KernelContext& context, std::int64_t heads) {
  using Wide = compute_t<T>;
  const bool smooth = context.attributes().integer("smooth_softmax", -1) > 0;
  if (!context.has_input(gqa::sink)) {
    const auto zeros = context.scratch<Wide>(smooth ? heads : 0);
    std::fill(zeros.begin(), zeros.end(), Wide{});
    return zeros;
  }
  if (context.input(gqa::sink).size() != heads) fail_gqa(context, "head_sink needs one per head");
  return {widened<Wide, T>(context, context.input(gqa::sink)), static_cast<std::size_t>(heads)};
}

/// What is added to scores: the bias, and -infinity for keys out of reach.
template <class T>
class GqaBias {
 public:
  GqaBias(KernelContext& context, const GqaPlan& plan) : plan_(plan) {
    if (!context.has_input(gqa::bias)) return;
    const Tensor& tensor = context.input(gqa::bias);
    steps_ = broadcast_strides(tensor.shape(),
                               {plan.q.batch, plan.q.heads, plan.q.sequence, plan.total});
    visit_dtype<Floats>(tensor.dtype(), [&]<class E>() { bias_ = widened<T, E>(context, tensor); });
  }

  bool operator()(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t keys, T* row) const {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const auto n = static_cast<std::size_t>(b);
    std::fill_n(row, keys, -infinity);
    if (i >= plan_.rows[n].added) return false;  // padding
    // Positions [begin, end) are in reach, those of `row` start at first_key.
    const std::int64_t position = plan_.first_query[n] + i;
    const std::int64_t end = plan_.causal ? position + 1 : plan_.first_key[n] + keys;
    const std::int64_t begin = plan_.window > 0 ? position + 1 - plan_.window : 0;
    const T* bias = bias_;
    if (bias != nullptr) bias += b * steps_[0] + h * steps_[1] + i * steps_[2];
    bool any = false;
    for (std::int64_t key = std::max(begin, plan_.first_key[n]); key < end; ++key) {
      const T value = bias != nullptr ? bias[key * steps_[3]] : T{};
      row[key - plan_.first_key[n]] = value;
      any = any || value != -infinity;
    }
    return any;
  }

 private:
  const GqaPlan& plan_;
  const T* bias_ = nullptr;
  Strides steps_{};
};

}  // namespace

void run_group_query_attention(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const GqaPlan plan = plan_gqa(context);
  const HeadLayout &q = plan.q, &kv = plan.kv;
  const std::int64_t shown = attributes.integer("qk_output", 0);
  if (shown != 0 && plan.evicts) {
    context.fail(ErrorCode::unsupported, "qk_output is not supported with sliding_window_cache");
  }
  Tensor& y = context.output(0, {q.batch, q.sequence, q.heads * q.size});
  Tensor* scores = nullptr;
  if (context.has_output(3) && shown != 0) {
    scores = &context.output(3, {q.batch, q.heads, q.sequence, plan.total});
  }
  visit_dtype<Types<float, float16, bfloat16>>(y.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const std::int64_t q_width = q.heads * q.size, kv_width = kv.heads * kv.size;
    const std::int64_t width = plan.packed ? q_width + 2 * kv_width : q_width;
    const auto gather = [&](std::size_t i, const HeadLayout& heads, std::int64_t start) {
      const Tensor& tensor = context.input(plan.packed ? std::size_t{gqa::query} : i);
      const HeadPlaces places =
          places_in_rows(heads, plan.packed ? width : tensor.dim(2), plan.packed ? start : 0);
      return gather_heads<T>(context, tensor.as<T>().data(), heads, places);
    };
    const auto query = gather(gqa::query, q, 0);
    const auto key = gather(gqa::key, kv, q_width);
    const auto value = gather(gqa::value, kv, q_width + kv_width);
    if (context.has_input(gqa::query_norm) != context.has_input(gqa::key_norm)) {
      fail_gqa(context, "q_norm_weight and k_norm_weight go together");
    }
    if (context.has_input(gqa::query_norm)) {
      normalize_rows<T>(context, gqa::query_norm, "q_norm_epsilon", q.size, query);
      normalize_rows<T>(context, gqa::key_norm, "k_norm_epsilon", kv.size, key);
    }
    if (attributes.integer("do_rotary", 0) != 0) {
      rotate_rows<T>(context, plan, q, query);
      rotate_rows<T>(context, plan, kv, key);
    }
    const std::int64_t rows = plan.evicts ? plan.capacity + kv.sequence : plan.capacity;
    const HeadLayout cache{kv.batch, kv.heads, rows, kv.size, false};
    const AttentionOperands<Wide> operands{
        q,
        cache,
        cache,
        query.data(),
        update_cache<T>(context, plan, gqa::past_key, gqa::key_scale, 1, key, rows),
        update_cache<T>(context, plan, gqa::past_value, gqa::value_scale, 2, value, rows),
        true,
        plan.lengths};
    const ScoreRules<Wide> rules{.scale = score_scale(attributes, q.size),
                                 .softcap = attributes.real("softcap", 0),
                                 .sinks = gqa_sinks<T>(context, q.heads),
                                 .shown = scores,
                                 .stage = shown == 1 ? ScoreStage::biased : ScoreStage::probability,
                                 .shown_excluded = 0};
    attend<T>(context, operands, rules, y, GqaBias<Wide>(context, plan));
  });
}

}  // namespace inlay::inline v0::kernels
