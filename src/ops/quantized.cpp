#include "ops/conv.hpp"
#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/matmul.hpp"
#include "ops/pool.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

constexpr DTypeSet quantized = dtypes::float8 | dtypes::packed | dtypes::eight_bit_integers |
                               DTypeSet(DType::int16) | DTypeSet(DType::uint16);
constexpr DTypeSet real{DType::float16, DType::bfloat16, DType::float32};
constexpr DTypeSet scale_types = real | DType::float8e8m0;

void infer_quantize(InferContext& context) {
  const DType zero_point = context.dtype(2);
  const DType given = infer::dtype_attribute(context, "output_dtype", DType::undefined);
  if (given != DType::undefined && context.has_input(2) && given != zero_point) {
    context.fail("attribute 'output_dtype' differs from the type of the zero point");
  }
  infer::same_shape(context, context.has_input(2)        ? zero_point
                             : given != DType::undefined ? given
                                                         : DType::uint8);
}

void infer_dequantize(InferContext& context) {
  DType dtype = infer::dtype_attribute(context, "output_dtype", DType::undefined);
  if (dtype == DType::undefined) dtype = context.dtype(1);
  infer::same_shape(context, dtype);
}

void infer_dynamic_quantize(InferContext& context) {
  infer::same_shape(context, DType::uint8);
  context.set_output(1, DType::float32, std::vector<Dim>());
  context.set_output(2, DType::uint8, std::vector<Dim>());
}

bool channels_are_last(const InferContext& context) {
  return context.attributes().integer("channels_last", 0) != 0;
}

/// The standard's operator, and com.microsoft's that knows channels_last.
void infer_qlinear_conv(InferContext& context) {
  infer::set_conv_output(context, context.dtype(7), 0, 3, channels_are_last(context));
}

void infer_qlinear_matmul(InferContext& context) {
  infer::set_matmul_output(context, context.dtype(7), context.input(0), context.input(3));
}

/// com.microsoft: A and B with their scales and zero points, then those of C.
void infer_qlinear_binary(InferContext& context) {
  const DType dtype = context.dtype(0);
  const Type &a = context.input(0), &b = context.input(3);
  if (!a.has_rank || !b.has_rank) return context.set_output(0, dtype);
  std::vector<Dim> dims(std::max(a.dims.size(), b.dims.size()), Dim(1));
  for (const Type* type : {&a, &b}) {
    const std::size_t lead = dims.size() - type->dims.size();
    for (std::size_t i = 0; i < type->dims.size(); ++i) {
      dims[lead + i] = infer::broadcast(context, dims[lead + i], type->dims[i]);
    }
  }
  context.set_output(0, dtype, std::move(dims));
}

void infer_qlinear_unary(InferContext& context) { infer::same_as_input(context); }

/// inlay: codes looked up in a table of 256 others.
void infer_code_table(InferContext& context) {
  context.set_output(0, infer::with_dtype(context.input(0), context.dtype(1)));
}

void infer_qlinear_pool(InferContext& context) {
  infer::set_pool_output(context, 0, context.dtype(0), channels_are_last(context));
}

void infer_qlinear_global_pool(InferContext& context) {
  infer::set_global_pool_output(context, channels_are_last(context));
}

/// com.microsoft: the output's scale and zero point, then each part with its own.
void infer_qlinear_concat(InferContext& context) {
  const DType dtype = context.dtype(1);
  if ((context.input_count() - 2) % 3 != 0) {
    context.fail("every part needs a scale and a zero point");
  }
  Type type = infer::with_dtype(context.input(2), dtype);
  if (!type.has_rank) return context.set_output(0, dtype);
  const int axis = infer::axis(context, context.attributes().integer("axis", 0), type.rank());
  Dim& total = type.dims[static_cast<std::size_t>(axis)];
  for (std::size_t i = 5; i < context.input_count(); i += 3) {
    const Type& part = context.input(i);
    if (!part.has_rank) return context.set_output(0, dtype);
    if (part.rank() != type.rank()) context.fail("the parts have different ranks");
    const Dim& more = part.dims[static_cast<std::size_t>(axis)];
    total = infer::plus(total, more);
  }
  context.set_output(0, std::move(type));
}

}  // namespace

std::vector<OpSchema> quantized_schemas() {
  using Types = std::vector<DTypeSet>;
  constexpr DTypeSet bytes = dtypes::eight_bit_integers, scale = DType::float32;
  const Types quantize = {real | DType::int32, scale_types | DType::int32, quantized};
  const Types dequantize = {quantized | DType::int32, scale_types, quantized | DType::int32};
  const Types unary = {bytes, scale, bytes, scale, bytes};
  const Types binary = {bytes, scale, bytes, bytes, scale, bytes, scale, bytes};
  const Types conv = {bytes, scale, bytes, bytes, scale, bytes, scale, bytes, DType::int32};
  return {
      {"", "QuantizeLinear", 10, 2, 3, 1, 1, infer_quantize, Trait::none, quantize},
      {"", "DequantizeLinear", 10, 2, 3, 1, 1, infer_dequantize, Trait::none, dequantize},
      {"",
       "DynamicQuantizeLinear",
       11,
       1,
       1,
       3,
       3,
       infer_dynamic_quantize,
       Trait::none,
       {DType::float32}},
      {"", "QLinearConv", 10, 8, 9, 1, 1, infer_qlinear_conv, Trait::none, conv},
      {"com.microsoft", "QLinearConv", 1, 8, 9, 1, 1, infer_qlinear_conv, Trait::none, conv},
      {"",
       "QLinearMatMul",
       10,
       8,
       8,
       1,
       1,
       infer_qlinear_matmul,
       Trait::none,
       {dtypes::float8 | dtypes::eight_bit_integers, dtypes::floats,
        dtypes::float8 | dtypes::eight_bit_integers, dtypes::float8 | dtypes::eight_bit_integers,
        dtypes::floats, dtypes::float8 | dtypes::eight_bit_integers, dtypes::floats,
        dtypes::float8 | dtypes::eight_bit_integers}},
      {"com.microsoft", "QuantizeLinear", 1, 2, 3, 1, 1, infer_quantize, Trait::none, quantize},
      {"com.microsoft", "DequantizeLinear", 1, 2, 3, 1, 1, infer_dequantize, Trait::none,
       dequantize},
      {"com.microsoft", "QLinearAdd", 1, 7, 8, 1, 1, infer_qlinear_binary, Trait::none, binary},
      {"com.microsoft", "QLinearMul", 1, 7, 8, 1, 1, infer_qlinear_binary, Trait::none, binary},
      {"com.microsoft", "QLinearLeakyRelu", 1, 4, 5, 1, 1, infer_qlinear_unary, Trait::none, unary},
      {"com.microsoft", "QLinearSigmoid", 1, 4, 5, 1, 1, infer_qlinear_unary, Trait::none, unary},
      {"com.microsoft", "QLinearAveragePool", 1, 4, 5, 1, 1, infer_qlinear_pool, Trait::none,
       unary},
      {"com.microsoft", "QLinearGlobalAveragePool", 1, 5, 5, 1, 1, infer_qlinear_global_pool,
       Trait::none, unary},
      {"com.microsoft", "QLinearConcat", 1, 5, any_number, 1, 1, infer_qlinear_concat},
      {"inlay", "CodeTable", 1, 2, 2, 1, 1, infer_code_table, Trait::none, {bytes, bytes}},
  };
}

}  // namespace inlay::inline v0
