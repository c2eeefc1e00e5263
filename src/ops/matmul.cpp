#include "ops/matmul.hpp"

#include "ops/einsum.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace infer {

std::optional<std::vector<Dim>> matmul_dims(const InferContext& context, const Type& a,
                                            const Type& b) {
  if (!a.has_rank || !b.has_rank) return std::nullopt;
  if (a.dims.empty() || b.dims.empty()) context.fail("a matrix product takes no scalars");
  std::vector<Dim> left = a.dims, right = b.dims;
  const bool a_is_vector = left.size() == 1;
  const bool b_is_vector = right.size() == 1;
  if (a_is_vector) left.insert(left.begin(), Dim(1));
  if (b_is_vector) right.push_back(Dim(1));
  const Dim& inner_a = left.back();
  const Dim& inner_b = right[right.size() - 2];
  if (inner_a.known() && inner_b.known() && inner_a.value != inner_b.value) {
    context.fail("the inner dims of " + to_string(a) + " and " + to_string(b) + " differ");
  }
  const std::size_t batch_rank = std::max(left.size(), right.size()) - 2;
  std::vector<Dim> dims;
  for (std::size_t i = 0; i < batch_rank; ++i) {
    const auto dim_of = [&](const std::vector<Dim>& from) {
      const std::size_t missing = batch_rank - (from.size() - 2);
      return i < missing ? Dim(1) : from[i - missing];
    };
    dims.push_back(broadcast(context, dim_of(left), dim_of(right)));
  }
  if (!a_is_vector) dims.push_back(left[left.size() - 2]);
  if (!b_is_vector) dims.push_back(right.back());
  return dims;
}

void set_matmul_output(InferContext& context, DType dtype, const Type& a, const Type& b) {
  auto dims = matmul_dims(context, a, b);
  if (dims) {
    context.set_output(0, dtype, std::move(*dims));
  } else {
    context.set_output(0, dtype);
  }
}

}  // namespace infer

namespace {

constexpr DTypeSet multiplied{dtypes::floats, dtypes::indices, DType::uint32, DType::uint64};

void infer_matmul(InferContext& context) {
  infer::require_same_dtype(context, 0, 2);
  infer::set_matmul_output(context, context.dtype(0), context.input(0), context.input(1));
}

void infer_matmul_integer(InferContext& context) {
  infer::set_matmul_output(context, DType::int32, context.input(0), context.input(1));
}

void infer_gemm(InferContext& context) {
  infer::require_same_dtype(context, 0, 3);
  infer::require_rank(context, 0, 2, 2);
  infer::require_rank(context, 1, 2, 2);
  const auto dim = [&](std::size_t input, std::string_view transposed, std::size_t axis) {
    const Type& type = context.input(input);
    if (!type.has_rank) return Dim();
    return type.dims[context.attributes().integer(transposed, 0) != 0 ? 1 - axis : axis];
  };
  const Dim inner_a = dim(0, "transA", 1), inner_b = dim(1, "transB", 0);
  if (inner_a.known() && inner_b.known() && inner_a.value != inner_b.value) {
    context.fail("the inner dims of " + to_string(context.input(0)) + " and " +
                 to_string(context.input(1)) + " differ");
  }
  context.set_output(0, context.dtype(0), {dim(0, "transA", 0), dim(1, "transB", 1)});
}

void infer_einsum(InferContext& context) {
  infer::require_same_dtype(context, 0, context.input_count());
  const EinsumEquation equation(context.attributes().text("equation", ""));
  if (equation.operands() != static_cast<int>(context.input_count())) {
    context.fail("the equation has " + std::to_string(equation.operands()) + " terms for " +
                 std::to_string(context.input_count()) + " operands");
  }
  std::array<Dim, EinsumLabels::limit> dims;
  dims.fill(Dim(1));
  int ellipsis = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const Type& type = context.input(i);
    if (!type.has_rank) return context.set_output(0, context.dtype(0));
    const EinsumLabels labels = equation.operand(static_cast<int>(i), type.rank());
    for (int axis = 0; axis < labels.count; ++axis) {
      Dim& dim = dims[labels[axis]];
      dim = infer::broadcast(context, dim, type.dims[static_cast<std::size_t>(axis)]);
      ellipsis = std::max(ellipsis, static_cast<int>(labels[axis]) - 51);
    }
  }
  const EinsumLabels labels = equation.output(ellipsis);
  std::vector<Dim> output;
  for (int axis = 0; axis < labels.count; ++axis) output.push_back(dims[labels[axis]]);
  context.set_output(0, context.dtype(0), std::move(output));
}

void infer_det(InferContext& context) {
  const Type& type = context.input(0);
  if (!type.has_rank) return context.set_output(0, type.dtype);
  if (type.rank() < 2) context.fail("a determinant needs at least two axes");
  context.set_output(0, type.dtype, std::vector<Dim>(type.dims.begin(), type.dims.end() - 2));
}

}  // namespace

std::vector<OpSchema> matmul_schemas() {
  return {
      {"", "MatMul", 1, 2, 2, 1, 1, infer_matmul, Trait::none, {multiplied}},
      {"",
       "MatMulInteger",
       10,
       2,
       4,
       1,
       1,
       infer_matmul_integer,
       Trait::none,
       {dtypes::eight_bit_integers}},
      {"", "Gemm", 1, 2, 3, 1, 1, infer_gemm, Trait::none, {multiplied}},
      {"", "Einsum", 12, 1, any_number, 1, 1, infer_einsum, Trait::none, {dtypes::numbers}},
      {"", "Det", 11, 1, 1, 1, 1, infer_det, Trait::none, {dtypes::floats}},
  };
}

}  // namespace inlay::inline v0
