// What the attention operators of com.microsoft share: heads cut out of tensors of any layout, the
// cache of keys and values.
#pragma once

#include "backends/reference/attention/attention.hpp"
#include "backends/reference/convert.hpp"

namespace inlay::inline v0::kernels {

/// Element d of row s of head h in batch b is number
/// start + b * batch_step + h * head_step + s * row_step + d.
struct HeadPlaces {
  std::int64_t start, batch_step, head_step, row_step;
};

/// The places in a tensor [batch, sequence, heads * size] whose rows are `width` long and hold the
/// heads from `start` on.
inline HeadPlaces places_in_rows(const HeadLayout& heads, std::int64_t width, std::int64_t start) {
  return {start, heads.sequence * width, heads.size, width};
}

/// The heads at `places` as a dense [batch, heads, sequence, size], each number plus that of its
/// head and place in `bias` (null: nothing), rounded to T.
template <class T, class From>
std::span<compute_t<T>> gather_heads(KernelContext& context, const From* from,
                                     const HeadLayout& heads, const HeadPlaces& places,
                                     const T* bias = nullptr) {
  using Wide = compute_t<T>;
  const auto values = context.scratch<Wide>(heads.shape().elements());
  Wide* to = values.data();
  for (std::int64_t b = 0; b < heads.batch; ++b) {
    for (std::int64_t h = 0; h < heads.heads; ++h) {
      const T* addend = bias != nullptr ? bias + h * heads.size : nullptr;
      for (std::int64_t s = 0; s < heads.sequence; ++s) {
        const From* row = from + places.start + b * places.batch_step + h * places.head_step +
                          s * places.row_step;
        for (std::int64_t d = 0; d < heads.size; ++d) {
          const Wide more = addend != nullptr ? static_cast<Wide>(addend[d]) : Wide{};
          *to++ = static_cast<Wide>(static_cast<T>(static_cast<Wide>(row[d]) + more));
        }
      }
    }
  }
  return values;
}

/// What becomes of a batch's rows in a cache: `kept` of the past from row `first` on, then `added`
/// new ones.
struct CacheRows {
  std::int64_t first = 0;
  std::int64_t kept = 0;
  std::int64_t added = 0;
};

/// A cache [batch, heads, capacity, size], in `present` where that holds Wide, else in scratch.
/// `past` is [batch, heads, past_capacity, size] or null, `rows` has as many batches and heads.
/// Rows behind kept and added ones are those of the past where `keep_rest`, else zero.
template <class T>
std::span<compute_t<T>> joined_cache(KernelContext& context, const T* past,
                                     std::int64_t past_capacity, const compute_t<T>* rows,
                                     const HeadLayout& heads, std::int64_t capacity,
                                     std::span<const CacheRows> plan, bool keep_rest,
                                     std::span<T> present) {
  using Wide = compute_t<T>;
  const Shape shape{heads.batch, heads.heads, capacity, heads.size};
  std::span<Wide> values;
  if constexpr (std::is_same_v<T, Wide>) values = present;
  if (values.data() == nullptr) values = context.scratch<Wide>(shape.elements());
  const std::int64_t size = heads.size;
  Wide* to = values.data();
  for (std::int64_t i = 0; i < heads.batch * heads.heads; ++i, to += capacity * size) {
    const CacheRows& batch = plan[static_cast<std::size_t>(i / heads.heads)];
    const T* old = past != nullptr ? past + i * past_capacity * size : nullptr;
    const std::int64_t used = batch.kept + batch.added;
    if (old != nullptr) std::copy_n(old + batch.first * size, batch.kept * size, to);
    std::copy_n(rows + i * heads.sequence * size, batch.added * size, to + batch.kept * size);
    const std::int64_t rest =
        keep_rest && old != nullptr ? std::max(used, std::min(past_capacity, capacity)) : used;
    if (rest > used) std::copy_n(old + used * size, (rest - used) * size, to + used * size);
    std::fill(to + rest * size, to + capacity * size, Wide{});
  }
  if constexpr (!std::is_same_v<T, Wide>) {
    std::transform(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(present.size()),
                   present.begin(), [](Wide value) { return static_cast<T>(value); });
  }
  return values;
}

/// The attribute scale; where it is 0 or absent, one over the root of the head size.
inline double score_scale(const Attributes& attributes, std::int64_t size) {
  const float scale = attributes.real("scale", 0);
  return scale != 0 ? static_cast<double>(scale) : 1 / std::sqrt(static_cast<double>(size));
}

/// The attribute num_heads or the like. Errors: invalid_graph unless it is positive.
inline std::int64_t head_count(const KernelContext& context, std::string_view name) {
  const std::int64_t heads = context.attributes().integer(name, 0);
  if (heads < 1) {
    context.fail(ErrorCode::invalid_graph,
                 "attribute '" + std::string(name) + "' must be positive");
  }
  return heads;
}

/// In place of the number of an input that an operator does not have.
inline constexpr std::size_t no_input = SIZE_MAX;

/// How many rows of the past count, and how many the present has.
struct PastRows {
  std::int64_t used, capacity, total, present;
};

/// `past`: the rows of the past, 0 without one. Where the number of used rows is an input of its
/// own, past and present are a buffer of which only a part is in use. Errors: shape_mismatch,
/// execution.
inline PastRows past_rows(const KernelContext& context, std::int64_t past, std::size_t length_input,
                          std::int64_t added) {
  if (!context.has_input(length_input)) return {past, past, past + added, past + added};
  const Tensor& length = context.input(length_input);
  if (length.size() != 1) {
    context.fail(ErrorCode::shape_mismatch, "past_sequence_length must be a single number");
  }
  const std::int64_t used = length.as<std::int32_t>()[0];
  if (used < 0 || used > past || added > past - used) {
    context.fail(ErrorCode::execution, "a cache of " + std::to_string(past) + " rows cannot hold " +
                                           std::to_string(used) + " and " + std::to_string(added) +
                                           " more");
  }
  return {used, past, used + added, past};
}

/// The whole plan of a cache in which all batches have equally many rows.
inline std::span<const CacheRows> equal_rows(KernelContext& context, std::int64_t batch,
                                             const PastRows& past, std::int64_t added) {
  const auto plan = context.scratch<CacheRows>(batch);
  std::fill(plan.begin(), plan.end(), CacheRows{0, past.used, added});
  return plan;
}

/// The elements of an optional output; empty when nobody wants it.
template <class T>
std::span<T> elements_of(Tensor* tensor) {
  return tensor != nullptr ? tensor->as_mutable<T>() : std::span<T>();
}

void run_multi_head_attention(KernelContext& context);
void run_group_query_attention(KernelContext& context);
void run_contrib_rotary_embedding(KernelContext& context);

}  // namespace inlay::inline v0::kernels
