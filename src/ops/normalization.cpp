#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

void infer_batch_normalization(InferContext& context) {
  infer::same_as_input(context);
  // The statistics: as many as there are channels.
  for (std::size_t i = 1; i < context.output_count(); ++i) {
    context.set_output(i, context.input(3 + (i - 1) % 2));
  }
}

void infer_layer_normalization(InferContext& context) {
  infer::same_as_input(context);
  const DType stash = infer::dtype_attribute(context, "stash_type", DType::float32);
  Type statistics = infer::with_dtype(context.input(0), stash);
  if (statistics.has_rank) {
    const int rank = statistics.rank();
    for (int axis = infer::axis(context, context.attributes().integer("axis", -1), rank);
         axis < rank; ++axis) {
      statistics.dims[static_cast<std::size_t>(axis)] = 1;
    }
  }
  for (std::size_t i = 1; i < context.output_count(); ++i) context.set_output(i, statistics);
}

void infer_rms_normalization(InferContext& context) {
  infer::same_shape(context, context.dtype(1));
}

void infer_loss(InferContext& context) {
  const DType dtype = context.dtype(0);
  if (context.attributes().text("reduction", "mean") == "none") {
    context.set_output(0, infer::with_dtype(context.input(1), dtype));
  } else {
    context.set_output(0, dtype, {});
  }
  if (context.output_count() > 1) context.set_output(1, context.input(0));
}

}  // namespace

std::vector<OpSchema> normalization_schemas() {
  std::vector<OpSchema> schemas;
  for (const char* name : {"Softmax", "LogSoftmax", "Hardmax", "LpNormalization"}) {
    schemas.push_back({.name = name,
                       .infer = infer::same_as_input,
                       .traits = Trait::in_place,
                       .types = {dtypes::floats}});
  }
  schemas.push_back({.name = "LRN", .infer = infer::same_as_input, .types = {dtypes::floats}});
  schemas.push_back({.name = "MeanVarianceNormalization",
                     .since = 9,
                     .infer = infer::same_as_input,
                     .traits = Trait::in_place,
                     .types = {dtypes::floats}});
  schemas.push_back({.name = "BatchNormalization",
                     .min_inputs = 5,
                     .max_inputs = 5,
                     .max_outputs = 5,
                     .infer = infer_batch_normalization,
                     .traits = Trait::in_place,
                     .types = {dtypes::floats}});
  schemas.push_back({.name = "InstanceNormalization",
                     .min_inputs = 3,
                     .max_inputs = 3,
                     .infer = infer::same_as_input,
                     .traits = Trait::in_place,
                     .types = {dtypes::floats}});
  schemas.push_back({.name = "GroupNormalization",
                     .since = 18,
                     .min_inputs = 3,
                     .max_inputs = 3,
                     .infer = infer::same_as_input,
                     .traits = Trait::in_place,
                     .types = {dtypes::floats}});
  // Not in the standard before 17, but ONNX Runtime's optimiser writes it into older models.
  schemas.push_back({.name = "LayerNormalization",
                     .min_inputs = 2,
                     .max_inputs = 3,
                     .max_outputs = 3,
                     .infer = infer_layer_normalization,
                     .traits = Trait::in_place,
                     .types = {dtypes::floats}});
  schemas.push_back({.name = "RMSNormalization",
                     .since = 23,
                     .min_inputs = 2,
                     .max_inputs = 2,
                     .infer = infer_rms_normalization,
                     .traits = Trait::in_place,
                     .types = {dtypes::floats}});
  schemas.push_back({.name = "NegativeLogLikelihoodLoss",
                     .since = 12,
                     .min_inputs = 2,
                     .max_inputs = 3,
                     .infer = infer_loss,
                     .types = {dtypes::floats, dtypes::indices, dtypes::floats}});
  schemas.push_back({.name = "SoftmaxCrossEntropyLoss",
                     .since = 12,
                     .min_inputs = 2,
                     .max_inputs = 3,
                     .max_outputs = 2,
                     .infer = infer_loss,
                     .types = {dtypes::floats, dtypes::indices, dtypes::floats}});
  return schemas;
}

}  // namespace inlay::inline v0
