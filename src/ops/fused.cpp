#include "ops/conv.hpp"
#include "ops/infer_util.hpp"
#include "ops/matmul.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

void infer_fused_conv(InferContext& context) {
  infer::require_same_dtype(context, 0, 4);
  infer::set_conv_output(context, context.dtype(0), 0, 1);
}

void infer_nhwc_conv(InferContext& context) {
  infer::require_same_dtype(context, 0, 4);
  infer::set_conv_output(context, context.dtype(0), 0, 1, true);
}

void infer_fused_matmul(InferContext& context) {
  const DType a = context.dtype(0), b = context.dtype(1);
  const bool b_is_narrow = a == DType::float32 && (b == DType::bfloat16 || b == DType::float16);
  infer::require_same_dtype(context, 0, b_is_narrow ? 1 : 4);
  if (b_is_narrow) {
    for (const std::size_t i : {2, 3}) {
      if (context.has_input(i) && context.dtype(i) != a && context.dtype(i) != DType::undefined) {
        context.fail("what is added to a product must have its dtype");
      }
    }
  }
  infer::set_matmul_output(context, context.dtype(0), context.input(0), context.input(1));
}

}  // namespace

std::vector<OpSchema> fused_schemas() {
  return {
      {"com.microsoft", "FusedConv", 1, 2, 4, 1, 1, infer_fused_conv},
      {.domain = "com.microsoft",
       .name = "NhwcConv",
       .min_inputs = 2,
       .max_inputs = 3,
       .infer = infer_nhwc_conv,
       .types = {dtypes::floats}},
      {.domain = "com.microsoft",
       .name = "NhwcFusedConv",
       .min_inputs = 2,
       .max_inputs = 4,
       .infer = infer_nhwc_conv,
       .types = {dtypes::floats}},
      {"inlay", "FusedMatMul", 1, 2, 4, 1, 1, infer_fused_matmul},
  };
}

}  // namespace inlay::inline v0
