// com.microsoft:MultiHeadAttention.
#include "backends/reference/attention/attend.hpp"
#include "backends/reference/attention/padding_bias.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// A tensor that MultiHeadAttention takes heads from.
struct HeadSource {
  const Tensor* tensor;
  HeadLayout heads;
  HeadPlaces places;
  bool biased;  ///< a tensor of four axes has had its bias
};

/// [batch, sequence, heads * size], [batch, heads, sequence, size], or number `part` of the
/// `parts` in [batch, sequence, heads, parts, size].
HeadSource head_source(const KernelContext& context, const Tensor& tensor, std::int64_t heads,
                       std::int64_t part, std::int64_t parts) {
  const Shape& shape = tensor.shape();
  if (shape.rank() == 5 && shape[2] == heads && shape[3] == parts) {
    const HeadLayout layout{shape[0], heads, shape[1], shape[4], false};
    const std::int64_t step = parts * layout.size, width = heads * step;
    return {&tensor, layout, {part * layout.size, layout.sequence * width, step, width}, true};
  }
  if (shape.rank() == 3 && shape[2] % heads == 0) {
    const HeadLayout layout{shape[0], heads, shape[1], shape[2] / heads, false};
    return {&tensor, layout, places_in_rows(layout, shape[2], 0), true};
  }
  if (shape.rank() == 4 && shape[1] == heads) {
    const HeadLayout layout{shape[0], heads, shape[2], shape[3], false};
    const std::int64_t head = layout.sequence * layout.size;
    return {&tensor, layout, {0, heads * head, head, layout.size}, false};
  }
  context.fail(ErrorCode::shape_mismatch, to_string(shape) + " does not hold Q, K or V of " +
                                              std::to_string(heads) + " heads");
}

}  // namespace

void run_multi_head_attention(KernelContext& context) {
  if (context.has_input(9)) {
    context.fail(ErrorCode::unsupported, "cache_indirection, for beam search, is not supported");
  }
  const std::int64_t heads = head_count(context, "num_heads");
  const Tensor& first = context.input(0);
  const Tensor& second = context.has_input(1) ? context.input(1) : first;
  const Tensor& third = context.has_input(2) ? context.input(2) : second;
  const bool packed_qkv = first.rank() == 5, packed_kv = second.rank() == 5;
  if (packed_qkv == context.has_input(1) || packed_kv == context.has_input(2)) {
    context.fail(ErrorCode::shape_mismatch, "K and V must be inputs, or packed with Q");
  }
  const HeadSource q = head_source(context, first, heads, 0, 3);
  const HeadSource k = head_source(context, second, heads, packed_qkv ? 1 : 0, packed_qkv ? 3 : 2);
  const HeadSource v = head_source(context, third, heads, packed_qkv ? 2 : 1, packed_qkv ? 3 : 2);
  const HeadLayout &qh = q.heads, &kh = k.heads, &vh = v.heads;
  if (kh.batch != qh.batch || vh.batch != qh.batch || kh.size != qh.size ||
      vh.sequence != kh.sequence) {
    context.fail(ErrorCode::shape_mismatch, "Q, K and V do not fit each other");
  }
  std::int64_t rows = 0;
  if (context.has_input(6) != context.has_input(7)) {
    context.fail(ErrorCode::shape_mismatch, "past_key and past_value go together");
  }
  if (context.has_input(6)) {
    const Shape& past = context.input(6).shape();
    rows = past.rank() == 4 ? past[2] : 0;
    if (past != Shape{kh.batch, heads, rows, kh.size} ||
        context.input(7).shape() != Shape{vh.batch, heads, rows, vh.size}) {
      context.fail(ErrorCode::shape_mismatch, "past_key and past_value do not fit K and V");
    }
  }
  const PastRows count = past_rows(context, rows, context.has_input(6) ? 8 : no_input, kh.sequence);
  if (context.has_input(3) && context.input(3).size() != heads * (2 * qh.size + vh.size)) {
    context.fail(ErrorCode::shape_mismatch, "the bias does not fit Q, K and V");
  }
  const HeadLayout keys{kh.batch, heads, count.present, kh.size, false};
  const HeadLayout values{vh.batch, heads, count.present, vh.size, false};
  Tensor& y = context.output(0, {qh.batch, qh.sequence, heads * vh.size});
  const auto optional_output = [&](std::size_t i, const Shape& shape) {
    return context.has_output(i) ? &context.output(i, shape) : nullptr;
  };
  Tensor* present_key = optional_output(1, keys.shape());
  Tensor* present_value = optional_output(2, values.shape());
  Tensor* scores = optional_output(3, {qh.batch, heads, qh.sequence, count.total});
  const auto plan = equal_rows(context, kh.batch, count, kh.sequence);
  const auto lengths = context.scratch<std::int64_t>(kh.batch);
  std::fill(lengths.begin(), lengths.end(), count.total);

  visit_dtype<Floats>(first.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const T* bias = context.has_input(3) ? context.input(3).as<T>().data() : nullptr;
    const auto gather = [&](const HeadSource& source, std::int64_t bias_start) {
      const T* addend = bias != nullptr && source.biased ? bias + bias_start : nullptr;
      return gather_heads<T>(context, source.tensor->as<T>().data(), source.heads, source.places,
                             addend)
          .data();
    };
    const auto cache = [&](const Wide* added, std::size_t past, const HeadLayout& layout,
                           Tensor* present) {
      const T* old = context.has_input(past) ? context.input(past).as<T>().data() : nullptr;
      return joined_cache<T>(context, old, count.capacity, added, layout, count.present, plan, true,
                             elements_of<T>(present))
          .data();
    };
    const std::int64_t hidden = heads * qh.size;
    const Wide* query = gather(q, 0);
    const Wide* key = cache(gather(k, hidden), 6, kh, present_key);
    const Wide* value = cache(gather(v, 2 * hidden), 7, vh, present_value);
    attend<T>(context, {qh, keys, values, query, key, value, true, lengths},
              {.scale = score_scale(context.attributes(), qh.size),
               .shown = scores,
               .stage = ScoreStage::biased,
               .shown_excluded = std::numeric_limits<compute_t<T>>::lowest()},
              y, PaddingBias<Wide>(context, 4, 5, qh, count.used, count.total));
  });
}

}  // namespace inlay::inline v0::kernels
