#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

/// Heads, sequence and head size of [batch, heads, sequence, size] or [batch, sequence, hidden].
struct Heads {
  Dim batch, heads, sequence, size;
};

Heads heads_of(const InferContext& context, std::size_t i, std::string_view attribute) {
  const Type& type = context.input(i);
  if (!type.has_rank) return {};
  infer::require_rank(context, i, 3, 4);
  if (type.rank() == 4) return {type.dims[0], type.dims[1], type.dims[2], type.dims[3]};
  const std::int64_t heads = context.attributes().integer(attribute, 0);
  if (heads < 1) {
    context.fail("attribute '" + std::string(attribute) + "' is needed with inputs of three axes");
  }
  const Dim& hidden = type.dims[2];
  if (hidden.known() && hidden.value % heads != 0) {
    context.fail("the heads do not divide " + std::to_string(hidden.value));
  }
  return {type.dims[0], heads, type.dims[1], hidden.known() ? Dim(hidden.value / heads) : Dim()};
}

void infer_attention(InferContext& context) {
  const Type& q_type = context.input(0);
  const Heads q = heads_of(context, 0, "q_num_heads");
  const Heads k = heads_of(context, 1, "kv_num_heads");
  const Heads v = heads_of(context, 2, "kv_num_heads");
  const DType dtype = context.dtype(0);
  if (!q_type.has_rank) {
    context.set_output(0, dtype);
  } else if (q_type.rank() == 4) {
    context.set_output(0, dtype, {q.batch, q.heads, q.sequence, v.size});
  } else {
    context.set_output(0, dtype, {q.batch, q.sequence, infer::times(q.heads, v.size)});
  }
  Dim total = k.sequence;
  if (context.has_input(4)) {
    const Type& past = context.input(4);
    infer::require_rank(context, 4, 4, 4);
    total = past.has_rank ? infer::plus(past.dims[2], total) : Dim();
  }
  if (context.output_count() > 1) {
    context.set_output(1, context.dtype(1), {k.batch, k.heads, total, k.size});
  }
  if (context.output_count() > 2) {
    context.set_output(2, context.dtype(2), {v.batch, v.heads, total, v.size});
  }
  if (context.output_count() > 3) {
    context.set_output(3, dtype, {q.batch, q.heads, q.sequence, total});
  }
}

void infer_linear_attention(InferContext& context) {
  for (const std::size_t i : {0, 1, 2}) infer::require_rank(context, i, 3, 3);
  const Heads q = heads_of(context, 0, "q_num_heads");
  const Heads v = heads_of(context, 2, "kv_num_heads");
  context.set_output(0, context.dtype(0), {q.batch, q.sequence, infer::times(q.heads, v.size)});
  context.set_output(1, context.has_input(3) ? context.dtype(3) : context.dtype(0),
                     {q.batch, v.heads, q.size, v.size});
}

void infer_flex_attention(InferContext& context) {
  for (const std::size_t i : {0, 1, 2}) infer::require_rank(context, i, 4, 4);
  const Type& q = context.input(0);
  const Type& v = context.input(2);
  if (!q.has_rank) return context.set_output(0, q.dtype);
  context.set_output(0, q.dtype, {q.dims[0], q.dims[1], q.dims[2], v.has_rank ? v.dims[3] : Dim()});
}

void infer_fused_attention(InferContext& context) {
  infer::require_same_dtype(context, 0, 4);
  for (const std::size_t i : {0, 1, 2}) infer::require_rank(context, i, 4, 4);
  const auto heads_in = [&](std::size_t i, std::string_view layout) {
    const std::string_view name = context.attributes().text(layout, "BNSH");
    if (name != "BNSH" && name != "BSNH") {
      context.fail("attribute '" + std::string(layout) + "' must be BNSH or BSNH");
    }
    const Type& type = context.input(i);
    if (!type.has_rank) return Heads{};
    const bool by_row = name == "BSNH";
    return Heads{type.dims[0], type.dims[by_row ? 2 : 1], type.dims[by_row ? 1 : 2], type.dims[3]};
  };
  const Heads q = heads_in(0, "q_layout"), k = heads_in(1, "k_layout"), v = heads_in(2, "v_layout");
  Heads y = heads_in(0, "y_layout");  // for the attribute's check
  y = {infer::broadcast(context, infer::broadcast(context, q.batch, k.batch), v.batch), q.heads,
       q.sequence, v.size};
  const bool groups = k.heads.value > 0 && q.heads.known() && q.heads.value % k.heads.value == 0;
  if (!groups) y.heads = infer::broadcast(context, q.heads, k.heads);
  if (context.has_input(3)) {
    const Type& mask = context.input(3);
    infer::require_rank(context, 3, 0, 4);
    const auto spread = [&](Dim& dim, int from_last) {
      if (!mask.has_rank) dim = dim.known() && dim.value != 1 ? dim : Dim();
      if (mask.rank() < from_last) return;
      const Dim& other = mask.dims[static_cast<std::size_t>(mask.rank() - from_last)];
      dim = infer::broadcast(context, dim, other);
    };
    spread(y.batch, 4);
    spread(y.heads, 3);
    spread(y.sequence, 2);
  }
  const bool by_row = context.attributes().text("y_layout", "BNSH") == "BSNH";
  context.set_output(
      0, context.dtype(0),
      {y.batch, by_row ? y.sequence : y.heads, by_row ? y.heads : y.sequence, y.size});
}

void infer_rotary(InferContext& context) { infer::same_as_input(context); }

/// X with its axes but the last broadcast against those of the cosines and sines.
void infer_fused_rotary(InferContext& context) {
  infer::require_same_dtype(context, 0, 3);
  Type y = context.input(0);
  for (const std::size_t i : {0, 1, 2}) {
    const Type& type = context.input(i);
    if (!type.has_rank || !y.has_rank) return context.set_output(0, context.dtype(0));
    if (type.dims.empty()) context.fail("an input has no axes");
    const std::size_t missing = std::max(type.dims.size(), y.dims.size()) - y.dims.size();
    y.dims.insert(y.dims.begin(), missing, Dim(1));
    const std::size_t lead = y.dims.size() - type.dims.size();
    for (std::size_t axis = 0; axis + 1 < type.dims.size(); ++axis) {
      y.dims[lead + axis] = infer::broadcast(context, y.dims[lead + axis], type.dims[axis]);
    }
  }
  context.set_output(0, std::move(y));
}

}  // namespace

std::vector<OpSchema> attention_schemas() {
  return {
      {"",
       "Attention",
       23,
       3,
       7,
       1,
       4,
       infer_attention,
       Trait::none,
       {dtypes::floats, dtypes::floats, dtypes::floats, dtypes::numbers | dtypes::boolean,
        dtypes::floats, dtypes::floats, DType::int64}},
      {"",
       "RotaryEmbedding",
       23,
       3,
       4,
       1,
       1,
       infer_rotary,
       Trait::none,
       {dtypes::floats, dtypes::floats, dtypes::floats, DType::int64}},
      {"",
       "LinearAttention",
       27,
       3,
       6,
       1,
       2,
       infer_linear_attention,
       Trait::none,
       {DTypeSet{DType::float16, DType::bfloat16, DType::float32}}},
      {"inlay",
       "FusedAttention",
       1,
       3,
       4,
       1,
       1,
       infer_fused_attention,
       Trait::none,
       {dtypes::floats}},
      {"inlay",
       "FusedRotaryEmbedding",
       1,
       3,
       3,
       1,
       1,
       infer_fused_rotary,
       Trait::none,
       {dtypes::floats}},
      {"ai.onnx.preview",
       "FlexAttention",
       1,
       3,
       3,
       1,
       1,
       infer_flex_attention,
       Trait::none,
       {dtypes::floats}},
  };
}

}  // namespace inlay::inline v0
