// The normalizations and activation functions of com.microsoft.
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

/// The type with one number per row in place of the last axis.
Type row_type(Type type, DType dtype) {
  type = infer::with_dtype(std::move(type), dtype);
  if (type.has_rank && !type.dims.empty()) type.dims.back() = 1;
  return type;
}

/// The normalized sum, its mean, its inverse deviation, and the sum.
void infer_skip_normalization(InferContext& context) {
  infer::require_same_dtype(context, 0, context.input_count());
  infer::same_as_input(context);
  for (const std::size_t i : {1, 2}) {
    context.set_output(i, row_type(context.input(0), DType::float32));
  }
  context.set_output(3, context.input(0));
}

/// Y, of the scale's dtype, and the inverse root of the mean square.
void infer_simplified_layer_normalization(InferContext& context) {
  const Type& x = context.input(0);
  infer::same_shape(context, context.dtype(1));
  Type rows = infer::with_dtype(x, infer::dtype_attribute(context, "stash_type", DType::float32));
  if (rows.has_rank) {
    const int axis = infer::axis(context, context.attributes().integer("axis", -1), x.rank());
    std::fill(rows.dims.begin() + axis, rows.dims.end(), Dim(1));
  }
  context.set_output(1, std::move(rows));
}

/// The normalized sum of embeddings, the words that the mask counts, and the sum.
void infer_embeddings(InferContext& context, DType dtype) {
  infer::require_rank(context, 0, 2, 2);
  infer::require_rank(context, 2, 2, 2);
  const Type& tokens = context.input(0);
  const Type& table = context.input(2);
  std::vector<Dim> dims = tokens.has_rank ? tokens.dims : infer::unknown_dims(2);
  context.set_output(1, DType::int32, {dims[0]});
  dims.push_back(table.has_rank ? table.dims[1] : Dim());
  context.set_output(0, dtype, dims);
  context.set_output(2, dtype, dims);
}

void infer_embed_layer_normalization(InferContext& context) {
  infer_embeddings(context, context.dtype(2));
}

void infer_quantized_embed_layer_normalization(InferContext& context) {
  infer_embeddings(context, DType::float32);
}

void infer_bias_split_gelu(InferContext& context) {
  Type type = context.input(0);
  if (type.has_rank) {
    if (type.dims.empty()) context.fail("the input is a scalar");
    Dim& last = type.dims.back();
    if (last.known() && last.value % 2 != 0) context.fail("the last axis has no halves");
    last = last.known() ? Dim(last.value / 2) : Dim();
  }
  context.set_output(0, std::move(type));
}

}  // namespace

std::vector<OpSchema> contrib_norm_schemas() {
  constexpr DTypeSet floats = dtypes::floats;
  constexpr DTypeSet codes = dtypes::eight_bit_integers;
  constexpr DTypeSet int32 = DType::int32, float32 = DType::float32;
  const char* microsoft = "com.microsoft";
  std::vector<OpSchema> schemas = {
      {.domain = microsoft,
       .name = "SkipLayerNormalization",
       .min_inputs = 3,
       .max_inputs = 5,
       .max_outputs = 4,
       .infer = infer_skip_normalization,
       .types = {floats}},
      {.domain = microsoft,
       .name = "SkipSimplifiedLayerNormalization",
       .min_inputs = 3,
       .max_inputs = 4,
       .max_outputs = 4,
       .infer = infer_skip_normalization,
       .types = {floats}},
      {.domain = microsoft,
       .name = "EmbedLayerNormalization",
       .min_inputs = 7,
       .max_inputs = 9,
       .max_outputs = 3,
       .infer = infer_embed_layer_normalization,
       .types = {int32, int32, floats, floats, floats, floats, floats, int32, int32}},
      {.domain = microsoft,
       .name = "QEmbedLayerNormalization",
       .min_inputs = 18,
       .max_inputs = 18,
       .max_outputs = 2,
       .infer = infer_quantized_embed_layer_normalization,
       .types = {int32, int32, codes, codes, codes, codes, codes, int32, float32, float32, float32,
                 float32, float32, codes}},
  };
  // ONNX Runtime's optimiser and exporters write it in the standard's domain too.
  for (const char* domain : {"", microsoft}) {
    schemas.push_back({.domain = domain,
                       .name = "SimplifiedLayerNormalization",
                       .min_inputs = 2,
                       .max_inputs = 2,
                       .max_outputs = 2,
                       .infer = infer_simplified_layer_normalization,
                       .types = {floats}});
  }
  const auto activation = [&](const char* name, int min_inputs, int max_inputs) {
    schemas.push_back({.domain = microsoft,
                       .name = name,
                       .min_inputs = min_inputs,
                       .max_inputs = max_inputs,
                       .infer = infer::same_as_input,
                       .traits = Trait::in_place,
                       .types = {floats}});
  };
  activation("Gelu", 1, 1);
  activation("BiasGelu", 2, 2);
  activation("FastGelu", 1, 2);
  activation("QuickGelu", 1, 1);
  schemas.push_back({.domain = microsoft,
                     .name = "BiasSplitGelu",
                     .min_inputs = 2,
                     .max_inputs = 2,
                     .infer = infer_bias_split_gelu,
                     .types = {floats}});
  return schemas;
}

}  // namespace inlay::inline v0
