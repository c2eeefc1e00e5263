// Matrix products of 8-bit codes: MatMulInteger, QLinearMatMul and com.microsoft's
// MatMulIntegerToFloat and QGemm.
#include "backends/cpu/integer_product.hpp"
#include "backends/reference/matmul.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::CodeView;
using kernels::IntegerOutput;
using kernels::MatMulGeometry;

/// Where an operator has its inputs.
struct Places {
  IntegerOutput output;
  std::size_t b, a_zero, b_zero;
  std::size_t a_scale = 0, b_scale = 0;  ///< 0: there are none
  std::size_t y_scale = 0;               ///< the zero point is behind it
  std::size_t bias = 0;                  ///< f32
  std::size_t integer_bias = 0;
  bool transposes_b = false;
};

Places places_of(const Node& node) {
  if (node.op == "MatMulInteger") {
    return {.output = IntegerOutput::integers, .b = 1, .a_zero = 2, .b_zero = 3};
  }
  if (node.op == "QLinearMatMul") {
    return {.output = IntegerOutput::codes,
            .b = 3,
            .a_zero = 2,
            .b_zero = 5,
            .a_scale = 1,
            .b_scale = 4,
            .y_scale = 6};
  }
  if (node.op == "QGemm") {
    const bool writes_codes = node.has_input(8);
    return {.output = writes_codes ? IntegerOutput::codes : IntegerOutput::floats,
            .b = 3,
            .a_zero = 2,
            .b_zero = 5,
            .a_scale = 1,
            .b_scale = 4,
            .y_scale = writes_codes ? 7u : 0u,
            .integer_bias = 6,
            .transposes_b = node.attributes.integer("transB", 0) != 0};
  }
  return {.output = IntegerOutput::floats,
          .b = 1,
          .a_zero = 4,
          .b_zero = 5,
          .a_scale = 2,
          .b_scale = 3,
          .bias = 6};
}

/// The shape of B as a product has it.
Shape shape_of_b(const Places& places, const Shape& shape) {
  return places.transposes_b && shape.rank() == 2 ? Shape{shape[1], shape[0]} : shape;
}

class IntegerMatMulKernel final : public Kernel {
 public:
  IntegerMatMulKernel(const CompileContext& context, const KernelTable& table)
      : gemm_(table.integer.gemm), places_(places_of(context.node)) {
    const Tensor* b = context.constant(places_.b);
    if (b != nullptr && b->rank() == 2) b_ = {context, gemm_, *b, places_.transposes_b};
  }

  bool consumed(std::size_t i) const noexcept override { return i == places_.b && b_.defined(); }

  void run(KernelContext& context) const override {
    const Tensor& a = context.input(0);
    const bool is_packed = b_.defined();
    const MatMulGeometry g = kernels::matmul_geometry(
        a.shape(), is_packed ? b_.shape() : shape_of_b(places_, context.input(places_.b).shape()));
    Tensor& y = context.output(0, g.output);
    kernels::IntegerGemmProblem problem;
    problem.m = g.m, problem.n = g.n, problem.k = g.k;
    problem.a = code_view(a, g.k);
    problem.b_is_signed =
        is_packed ? b_.is_signed() : context.input(places_.b).dtype() == DType::int8;
    problem.a_zeros = zero_points(context, places_.a_zero);
    problem.b_zeros = zero_points(context, places_.b_zero);
    problem.output = places_.output;
    problem.ldc = g.n;
    set_scales(context, problem);
    set_output(context, y, problem);

    const PackedCodes layout = layout_of(gemm_, g.k, g.n);
    const std::int8_t* packed = is_packed ? b_.data() : pack(context, g, layout);
    std::int64_t count = g.batch.elements();
    const bool shares_b = is_packed && a.size() == count * g.m * g.k;
    if (shares_b) problem.m *= count, count = 1;  // one taller product
    run_products(context, gemm_, problem, count, [&](std::int64_t index, auto& one) {
      const kernels::Offsets<2> at = shares_b ? kernels::Offsets<2>{} : g.offsets(index);
      const std::int64_t matrix = is_packed ? 0 : at[1] / std::max<std::int64_t>(1, g.k * g.n);
      one.a.data += at[0];
      one.packed_b = packed + matrix * layout.bytes();
      one.b_sums = layout.sums(one.packed_b);
      const std::int64_t skipped = index * g.m * g.n;
      one.c = static_cast<std::byte*>(y.mutable_data()) + byte_size(y.dtype(), skipped);
    });
  }

 private:
  void set_scales(KernelContext& context, kernels::IntegerGemmProblem& problem) const {
    if (places_.a_scale == 0) return;
    const float a_scale = context.input(places_.a_scale).item<float>();
    const float y_scale =
        places_.y_scale == 0 ? 1.0f : context.input(places_.y_scale).item<float>();
    problem.col_scales = joint_scales(context, places_.b_scale, a_scale, y_scale);
  }

  void set_output(KernelContext& context, const Tensor& y,
                  kernels::IntegerGemmProblem& problem) const {
    if (places_.y_scale != 0) {
      problem.zero = Codes(context, places_.y_scale).zero_point;
      problem.c_is_signed = y.dtype() == DType::int8;
    }
    if (places_.bias != 0) problem.epilogue.col_bias = floats_or_null(context, places_.bias);
    if (places_.integer_bias != 0 && context.has_input(places_.integer_bias)) {
      problem.bias = context.input(places_.integer_bias).as<std::int32_t>().data();
    }
  }

  /// Packs all matrices of B.
  const std::int8_t* pack(KernelContext& context, const MatMulGeometry& g,
                          const PackedCodes& layout) const {
    const Tensor& b = context.input(places_.b);
    const std::int64_t matrix = g.k * g.n, matrices = matrix == 0 ? 1 : b.size() / matrix;
    const auto packed = context.scratch<std::int8_t>(matrices * layout.bytes());
    context.parallel_for(matrices, [&](std::int64_t i, int) {
      CodeView view = places_.transposes_b ? code_view(b, g.k).transposed() : code_view(b, g.n);
      view.data += i * matrix;
      std::int8_t* const to = packed.data() + i * layout.bytes();
      gemm_.pack_b(view, g.k, g.n, to, layout.sums(to));
    });
    return packed.data();
  }

  const IntegerGemmKernels& gemm_;
  Places places_;
  PackedMatrix b_;  ///< a constant B; undefined for another
};

/// Whether input i is known to be one number for each column of B.
bool is_per_column(const CompileContext& context, std::size_t i, const Places& places) {
  const auto shape = context.input_type(i).static_shape();
  const auto b_shape = context.input_type(places.b).static_shape();
  return shape && b_shape && shape->rank() == 1 && b_shape->rank() == 2 &&
         (*shape)[0] == shape_of_b(places, *b_shape)[1];
}
/// The same, or absent or one number.
bool suits_columns(const CompileContext& context, std::size_t i, const Places& places) {
  return is_single(context, i) || is_per_column(context, i, places);
}

const char* unsuited_gemm(const CompileContext& context, const Places& at) {
  const Attributes& attributes = context.node.attributes;
  if (context.input_type(0).rank() != 2 || context.input_type(at.b).rank() != 2) {
    return "operands that are no matrices";
  }
  if (attributes.integer("transA", 0) != 0) return "a transposed A";
  if (attributes.real("alpha", 1) != 1) return "an alpha that is not 1";
  if (context.node.has_input(at.integer_bias) && !is_per_column(context, at.integer_bias, at)) {
    return "a bias that is not one number per column";
  }
  return nullptr;
}

Support supports_integer_matmul(const CompileContext& context) {
  const Places at = places_of(context.node);
  if (!is_code(context.dtype(0)) || !is_code(context.dtype(at.b))) {
    return unsupported("codes that are not of 8 bits");
  }
  if (at.integer_bias != 0) {
    if (const char* reason = unsuited_gemm(context, at)) return unsupported(reason);
  }
  const auto has_zeros = [&](std::size_t i, std::size_t of) {
    return !context.node.has_input(i) || context.dtype(i) == context.dtype(of);
  };
  if (!has_zeros(at.a_zero, 0) || !has_zeros(at.b_zero, at.b)) {
    return unsupported("another zero point");
  }
  if (!is_single(context, at.a_zero) || !suits_columns(context, at.b_zero, at)) {
    return unsupported("several zero points");
  }
  if (at.a_scale != 0) {
    if (context.dtype(at.a_scale) != DType::float32 ||
        context.dtype(at.b_scale) != DType::float32) {
      return unsupported("a scale that is not f32");
    }
    if (!is_single(context, at.a_scale) || !suits_columns(context, at.b_scale, at)) {
      return unsupported("several scales");
    }
  }
  if (at.y_scale != 0) {
    if (const char* reason = unsuited(context, at.y_scale, output_dtype(context))) {
      return unsupported(reason);
    }
  }
  if (at.bias != 0 && context.node.has_input(at.bias) && context.dtype(at.bias) != DType::float32) {
    return unsupported("a bias that is not f32");
  }
  return supported();
}

}  // namespace

std::vector<CpuOp> integer_matmul_ops() {
  return {
      cpu_op("", "MatMulInteger", supports_integer_matmul, compile_as<IntegerMatMulKernel>),
      cpu_op("", "QLinearMatMul", supports_integer_matmul, compile_as<IntegerMatMulKernel>),
      cpu_op("com.microsoft", "MatMulIntegerToFloat", supports_integer_matmul,
             compile_as<IntegerMatMulKernel>),
      cpu_op("com.microsoft", "QGemm", supports_integer_matmul, compile_as<IntegerMatMulKernel>),
  };
}

}  // namespace inlay::inline v0::cpu
