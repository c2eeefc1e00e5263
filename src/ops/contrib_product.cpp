// The matrix products of com.microsoft, and inlay:DynamicQuantizeMatMul: com.microsoft's with codes
// of A that are chosen for each of its rows.
#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/matmul.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

/// The type of an operand under the attributes of FusedMatMul.
Type transposed_operand(const InferContext& context, std::size_t i, std::string_view batch,
                        std::string_view last) {
  Type type = context.input(i);
  const auto rank = static_cast<std::ptrdiff_t>(type.dims.size());
  if (rank > 2 && context.attributes().integer(batch, 0) != 0) {
    std::rotate(type.dims.begin(), type.dims.begin() + 1, type.dims.begin() + rank - 1);
  }
  if (rank > 1 && context.attributes().integer(last, 0) != 0) {
    std::swap(type.dims[type.dims.size() - 2], type.dims[type.dims.size() - 1]);
  }
  return type;
}

void infer_transposed_matmul(InferContext& context) {
  infer::require_same_dtype(context, 0, 2);
  infer::set_matmul_output(context, context.dtype(0),
                           transposed_operand(context, 0, "transBatchA", "transA"),
                           transposed_operand(context, 1, "transBatchB", "transB"));
}

/// Output 0 = a matrix product of inputs a and b under transA and transB.
void infer_transposed_gemm(InferContext& context, DType dtype, std::size_t a, std::size_t b) {
  infer::require_rank(context, a, 2, 2);
  infer::require_rank(context, b, 2, 2);
  const auto operand = [&](std::size_t i, std::string_view flag) {
    Type type = context.input(i);
    if (!type.has_rank) type = Type::tensor(type.dtype, infer::unknown_dims(2));
    if (context.attributes().integer(flag, 0) != 0) std::swap(type.dims[0], type.dims[1]);
    return type;
  };
  infer::set_matmul_output(context, dtype, operand(a, "transA"), operand(b, "transB"));
}

void infer_fused_gemm(InferContext& context) {
  infer::require_same_dtype(context, 0, 3);
  infer_transposed_gemm(context, context.dtype(0), 0, 1);
}

void infer_qgemm(InferContext& context) {
  infer_transposed_gemm(context, context.has_input(8) ? context.dtype(8) : DType::float32, 0, 3);
}

void infer_integer_to_float(InferContext& context) {
  infer::set_matmul_output(context, context.dtype(2), context.input(0), context.input(1));
}

void infer_dynamic_matmul(InferContext& context) {
  infer::set_matmul_output(context, DType::float32, context.input(0), context.input(1));
}

/// Weights whose size attributes N and K give.
void infer_blocked_matmul(InferContext& context) {
  Type type = context.input(0);
  const std::int64_t columns = context.attributes().integer("N", 0);
  const std::int64_t depth = context.attributes().integer("K", 0);
  if (columns < 1 || depth < 1) context.fail("attributes N and K must be positive");
  if (!type.has_rank) return context.set_output(0, type.dtype);
  if (type.dims.empty()) context.fail("a matrix product takes no scalars");
  infer::merged(context, type.dims.back(), depth);
  type.dims.back() = columns;
  context.set_output(0, std::move(type));
}

void infer_gather_block_quantized(InferContext& context) {
  const Attributes& attributes = context.attributes();
  const Type& data = context.input(0);
  const Type& indices = context.input(1);
  const DType dtype = context.dtype(2);
  if (!data.has_rank || !indices.has_rank) return context.set_output(0, dtype);
  std::vector<Dim> dims = data.dims;
  const int axis = infer::axis(context, attributes.integer("gather_axis", 0), data.rank());
  const std::int64_t bits = attributes.integer("bits", 4);
  if (data.dtype == DType::uint8) {
    if (bits != 2 && bits != 4 && bits != 8) context.fail("attribute 'bits' must be 2, 4 or 8");
    dims.back() = infer::times(dims.back(), 8 / bits);
  }
  dims.erase(dims.begin() + axis);
  dims.insert(dims.begin() + axis, indices.dims.begin(), indices.dims.end());
  context.set_output(0, dtype, std::move(dims));
}

}  // namespace

std::vector<OpSchema> contrib_product_schemas() {
  constexpr DTypeSet floats = dtypes::floats;
  constexpr DTypeSet narrow{DType::float32, DType::float16, DType::bfloat16};
  constexpr DTypeSet halves{DType::float32, DType::float16};
  constexpr DTypeSet codes = dtypes::eight_bit_integers;
  constexpr DTypeSet float32 = DType::float32, int32 = DType::int32, bytes = DType::uint8;
  constexpr DTypeSet blocked =
      dtypes::float8 | DTypeSet{DType::int4, DType::uint4, DType::uint8, DType::float4e2m1};
  const char* microsoft = "com.microsoft";
  const auto transposed = [&](const char* name) {
    return OpSchema{.domain = microsoft,
                    .name = name,
                    .min_inputs = 2,
                    .max_inputs = 2,
                    .infer = infer_transposed_matmul,
                    .types = {floats}};
  };
  const auto dynamic = [&](const char* domain) {
    return OpSchema{.domain = domain,
                    .name = "DynamicQuantizeMatMul",
                    .min_inputs = 3,
                    .max_inputs = 5,
                    .infer = infer_dynamic_matmul,
                    .types = {float32, codes, float32, codes, float32}};
  };
  return {
      transposed("FusedMatMul"),
      transposed("TransposeMatMul"),
      {.domain = microsoft,
       .name = "FusedGemm",
       .min_inputs = 2,
       .max_inputs = 3,
       .infer = infer_fused_gemm,
       .types = {floats}},
      {.domain = microsoft,
       .name = "MatMulIntegerToFloat",
       .min_inputs = 4,
       .max_inputs = 7,
       .infer = infer_integer_to_float,
       .types = {codes, codes, halves, halves, codes, codes, halves}},
      dynamic(microsoft),
      dynamic("inlay"),
      {.domain = microsoft,
       .name = "QGemm",
       .min_inputs = 6,
       .max_inputs = 9,
       .infer = infer_qgemm,
       .types = {codes, float32, codes, codes, float32, codes, int32, float32, codes}},
      {.domain = microsoft,
       .name = "MatMulNBits",
       .min_inputs = 3,
       .max_inputs = 6,
       .infer = infer_blocked_matmul,
       .types = {narrow, bytes, narrow, bytes | narrow, int32, narrow}},
      {.domain = microsoft,
       .name = "MatMulBnb4",
       .min_inputs = 3,
       .max_inputs = 3,
       .infer = infer_blocked_matmul,
       .types = {narrow, bytes, narrow}},
      {.domain = microsoft,
       .name = "GatherBlockQuantized",
       .min_inputs = 3,
       .max_inputs = 4,
       .infer = infer_gather_block_quantized,
       .types = {blocked, dtypes::indices, narrow, blocked}},
  };
}

}  // namespace inlay::inline v0
