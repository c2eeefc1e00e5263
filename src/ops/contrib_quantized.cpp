// Quantized operators of com.microsoft: QLinearSoftmax and the like, DynamicQuantizeLSTM.
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

void infer_reduce_mean(InferContext& context) {
  const Type& x = context.input(0);
  if (!x.has_rank) return context.set_output(0, x.dtype);
  const auto given = context.attributes().integers("axes");
  std::vector<bool> reduced(x.dims.size(), given.empty());
  for (const std::int64_t value : given) {
    reduced[static_cast<std::size_t>(infer::axis(context, value, x.rank()))] = true;
  }
  const bool keep = context.attributes().integer("keepdims", 1) != 0;
  std::vector<Dim> dims;
  for (std::size_t i = 0; i < x.dims.size(); ++i) {
    if (!reduced[i]) dims.push_back(x.dims[i]);
    if (reduced[i] && keep) dims.emplace_back(1);
  }
  context.set_output(0, x.dtype, std::move(dims));
}

/// Condition, X with its scale and zero point, Y with its own, those of Z.
void infer_qlinear_where(InferContext& context) {
  const DType dtype = context.dtype(1);
  std::vector<Dim> dims;
  for (const std::size_t i : {0, 1, 4}) {
    const Type& type = context.input(i);
    if (!type.has_rank) return context.set_output(0, dtype);
    if (type.dims.size() > dims.size()) {
      dims.insert(dims.begin(), type.dims.size() - dims.size(), Dim(1));
    }
    const std::size_t lead = dims.size() - type.dims.size();
    for (std::size_t n = 0; n < type.dims.size(); ++n) {
      dims[lead + n] = infer::broadcast(context, dims[lead + n], type.dims[n]);
    }
  }
  context.set_output(0, dtype, std::move(dims));
}

/// Y, Y_h, Y_c of weights [directions, hidden, 4 * hidden].
void infer_dynamic_lstm(InferContext& context) {
  for (const std::size_t i : {0, 1, 2}) infer::require_rank(context, i, 3, 3);
  const auto dim = [&](std::size_t input, std::size_t axis) {
    const Type& type = context.input(input);
    return type.has_rank ? type.dims[axis] : Dim();
  };
  const std::string_view direction = context.attributes().text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    context.fail("attribute 'direction' must be forward, reverse or bidirectional");
  }
  const Dim directions = direction == "bidirectional" ? 2 : 1;
  const Dim batch = dim(0, 1), hidden = dim(2, 1);
  context.set_output(0, DType::float32, {dim(0, 0), directions, batch, hidden});
  for (const std::size_t i : {1, 2}) {
    context.set_output(i, DType::float32, {directions, batch, hidden});
  }
}

}  // namespace

std::vector<OpSchema> contrib_quantized_schemas() {
  constexpr DTypeSet codes = dtypes::eight_bit_integers;
  constexpr DTypeSet float32 = DType::float32, int32 = DType::int32;
  const char* microsoft = "com.microsoft";
  return {
      {.domain = microsoft,
       .name = "QLinearSoftmax",
       .min_inputs = 5,
       .max_inputs = 5,
       .infer = infer::same_as_input,
       .types = {codes, float32, codes, float32, codes}},
      {.domain = microsoft,
       .name = "QLinearReduceMean",
       .min_inputs = 4,
       .max_inputs = 5,
       .infer = infer_reduce_mean,
       .types = {codes, float32, codes, float32, codes}},
      {.domain = microsoft,
       .name = "QLinearWhere",
       .min_inputs = 9,
       .max_inputs = 9,
       .infer = infer_qlinear_where,
       .types = {dtypes::boolean, codes, float32, codes, codes, float32, codes, float32, codes}},
      {.domain = microsoft,
       .name = "DynamicQuantizeLSTM",
       .min_inputs = 12,
       .max_inputs = 12,
       .min_outputs = 0,
       .max_outputs = 3,
       .infer = infer_dynamic_lstm,
       .types = {float32, codes, codes, float32, int32, float32, float32, float32, float32, codes,
                 float32, codes}},
  };
}

}  // namespace inlay::inline v0
