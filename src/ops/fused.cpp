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

void infer_fused_matmul(InferContext& context) {
  infer::require_same_dtype(context, 0, 4);
  infer::set_matmul_output(context, context.dtype(0), context.input(0), context.input(1));
}

}  // namespace

std::vector<OpSchema> fused_schemas() {
  return {
      {"com.microsoft", "FusedConv", 1, 2, 4, 1, 1, infer_fused_conv},
      {"inlay", "FusedMatMul", 1, 2, 4, 1, 1, infer_fused_matmul},
  };
}

}  // namespace inlay::inline v0
