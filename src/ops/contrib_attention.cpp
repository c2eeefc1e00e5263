// The attention operators of com.microsoft.
#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

using Dims = std::vector<Dim>;

Dim dim_at(const InferContext& context, std::size_t input, std::size_t axis) {
  const Type& type = context.input(input);
  return axis < type.dims.size() ? type.dims[axis] : Dim();
}

std::int64_t positive_attribute(const InferContext& context, std::string_view name) {
  const std::int64_t value = context.attributes().integer(name, 0);
  if (value < 1) context.fail("attribute '" + std::string(name) + "' must be positive");
  return value;
}

/// dim / parts; fails inference when that is no whole number.
Dim part_of(const InferContext& context, const Dim& dim, std::int64_t parts) {
  if (!dim.known()) return {};
  if (dim.value % parts != 0) {
    context.fail(std::to_string(dim.value) + " does not part into " + std::to_string(parts));
  }
  return dim.value / parts;
}

/// The rows of the present: as many as the past, if input `length` says how many of those are in
/// use; else the added ones more.
Dim present_rows(const InferContext& context, std::size_t past, std::size_t axis, const Dim& added,
                 bool shares_buffer) {
  if (!context.has_input(past)) return added;
  const Dim rows = dim_at(context, past, axis);
  return shares_buffer ? rows : infer::plus(rows, added);
}

/// Attention and QAttention, whose past is input `past`.
void infer_projected_attention(InferContext& context, DType dtype, std::size_t past,
                               bool shares_buffer) {
  infer::require_rank(context, 0, 3, 3);
  infer::require_rank(context, 1, 2, 2);
  const std::int64_t heads = positive_attribute(context, "num_heads");
  const Dim batch = dim_at(context, 0, 0), sequence = dim_at(context, 0, 1);
  const auto sizes = context.attributes().integers("qkv_hidden_sizes");
  Dim hidden, v_hidden;
  if (sizes.size() == 3) {
    hidden = std::max<std::int64_t>(sizes[0], -1);
    v_hidden = std::max<std::int64_t>(sizes[2], -1);
  } else {
    hidden = v_hidden = part_of(context, dim_at(context, 1, 1), 3);
  }
  context.set_output(0, dtype, {batch, sequence, v_hidden});
  if (context.output_count() < 2) return;
  if (context.has_input(past)) infer::require_rank(context, past, 5, 5);
  context.set_output(1, dtype,
                     {2, batch, heads, present_rows(context, past, 3, sequence, shares_buffer),
                      part_of(context, hidden, heads)});
}

void infer_contrib_attention(InferContext& context) {
  infer_projected_attention(context, context.dtype(0), 4, context.has_input(6));
}

void infer_quantized_attention(InferContext& context) {
  infer_projected_attention(context, context.dtype(3), 8, false);
}

void infer_multi_head_attention(InferContext& context) {
  const DType dtype = context.dtype(0);
  const std::int64_t heads = positive_attribute(context, "num_heads");
  const Type& q = context.input(0);
  const Dim batch = dim_at(context, 0, 0), queries = dim_at(context, 0, 1);
  infer::require_rank(context, 0, 3, 5);
  if (context.has_input(1)) infer::require_rank(context, 1, 3, 5);
  if (context.has_input(2)) infer::require_rank(context, 2, 3, 4);
  // Sequence and head size of K or V, wherever they are packed.
  const auto heads_of = [&](std::size_t i) {
    const Type& type = context.input(i);
    if (type.rank() == 5) return std::pair(type.dims[1], type.dims[4]);
    if (type.rank() == 4) return std::pair(type.dims[2], type.dims[3]);
    if (type.rank() == 3) return std::pair(type.dims[1], part_of(context, type.dims[2], heads));
    return std::pair(Dim(), Dim());
  };
  const std::size_t key = context.has_input(1) ? 1 : 0;
  const auto [added, k_size] = heads_of(key);
  const auto [v_added, v_size] = heads_of(context.has_input(2) ? 2 : key);
  if (q.has_rank) {
    context.set_output(0, dtype, {batch, queries, infer::times(heads, v_size)});
  } else {
    context.set_output(0, dtype);
  }
  const bool shares_buffer = context.has_input(8) && context.has_input(6);
  const Dim rows = present_rows(context, 6, 2, added, shares_buffer);
  if (context.output_count() > 1) context.set_output(1, dtype, {batch, heads, rows, k_size});
  if (context.output_count() > 2) context.set_output(2, dtype, {batch, heads, rows, v_size});
  if (context.output_count() > 3) {
    context.set_output(3, dtype, {batch, heads, queries, shares_buffer ? Dim() : rows});
  }
}

void infer_group_query_attention(InferContext& context) {
  infer::require_rank(context, 0, 3, 3);
  const DType dtype = context.dtype(0);
  const std::int64_t heads = positive_attribute(context, "num_heads");
  const std::int64_t kv_heads = positive_attribute(context, "kv_num_heads");
  if (heads > INT32_MAX || kv_heads > INT32_MAX || heads % kv_heads != 0) {
    context.fail("kv_num_heads must divide num_heads");
  }
  const bool packed = !context.has_input(1);
  const Dim batch = dim_at(context, 0, 0), sequence = dim_at(context, 0, 1);
  const Dim width = dim_at(context, 0, 2);
  const Dim size = part_of(context, width, packed ? heads + 2 * kv_heads : heads);
  context.set_output(0, dtype, {batch, sequence, packed ? infer::times(heads, size) : width});
  Dim total;
  if (const auto known = context.constant_integers(6); known && known->size() == 1) {
    total = std::max<std::int64_t>(known->front(), -1);
  }
  const bool has_past = context.has_input(3);
  const Dim past = has_past ? dim_at(context, 3, 2) : Dim(0);
  const bool evicts = context.attributes().integer("sliding_window_cache", 0) != 0;
  Dim rows;
  if (evicts) {
    rows = past;
  } else if (past.known() && total.known()) {
    rows = std::max(past.value, total.value);
  }
  const Dim cached = has_past ? dim_at(context, 3, 3) : size;
  for (std::size_t i = 1; i < std::min<std::size_t>(context.output_count(), 3); ++i) {
    context.set_output(i, has_past ? context.dtype(3) : dtype, {batch, kv_heads, rows, cached});
  }
  if (context.output_count() > 3) context.set_output(3, dtype, {batch, heads, sequence, total});
}

void infer_contrib_rotary(InferContext& context) {
  infer::require_rank(context, 0, 3, 4);
  infer::same_as_input(context);
}

}  // namespace

std::vector<OpSchema> contrib_attention_schemas() {
  constexpr DTypeSet floats = dtypes::floats;
  constexpr DTypeSet narrow{DType::float32, DType::float16, DType::bfloat16};
  constexpr DTypeSet cache = narrow | dtypes::eight_bit_integers;
  constexpr DTypeSet int32 = DType::int32, int64 = DType::int64, float32 = DType::float32;
  constexpr DTypeSet codes = dtypes::eight_bit_integers;
  constexpr DTypeSet halves{DType::float32, DType::float16};
  const char* microsoft = "com.microsoft";
  return {
      {.domain = microsoft,
       .name = "Attention",
       .min_inputs = 2,
       .max_inputs = 7,
       .max_outputs = 2,
       .infer = infer_contrib_attention,
       .types = {floats, floats, floats, int32, floats, floats, int32}},
      {.domain = microsoft,
       .name = "QAttention",
       .min_inputs = 5,
       .max_inputs = 9,
       .max_outputs = 2,
       .infer = infer_quantized_attention,
       .types = {codes, codes, halves, halves, halves, int32, codes, codes, halves}},
      {.domain = microsoft,
       .name = "MultiHeadAttention",
       .max_inputs = 10,
       .max_outputs = 4,
       .infer = infer_multi_head_attention,
       .types = {floats, floats, floats, floats, int32, floats, floats, floats, int32, int32}},
      {.domain = microsoft,
       .name = "GroupQueryAttention",
       .min_inputs = 7,
       .max_inputs = 17,
       .max_outputs = 4,
       .infer = infer_group_query_attention,
       .types = {narrow, narrow, narrow, cache, cache, int32, int32, narrow, narrow, int64, narrow,
                 narrow, float32, float32, narrow, narrow, int32}},
      {.domain = microsoft,
       .name = "RotaryEmbedding",
       .min_inputs = 4,
       .max_inputs = 4,
       .infer = infer_contrib_rotary,
       .types = {floats, int64, floats, floats}},
  };
}

}  // namespace inlay::inline v0
