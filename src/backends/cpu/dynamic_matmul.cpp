// DynamicQuantizeMatMul: products of numbers that become codes with a constant matrix of codes.
#include "backends/cpu/dynamic_codes.hpp"
#include "backends/cpu/integer_product.hpp"
#include "backends/reference/matmul.hpp"

namespace inlay::inline v0::cpu {
namespace {

constexpr std::size_t dynamic_b = 1, dynamic_scale = 2, dynamic_zero = 3, dynamic_bias = 4;

/// com.microsoft's has one scale and zero point for all of A, inlay's one of each row.
class DynamicMatMulKernel final : public Kernel {
 public:
  DynamicMatMulKernel(const CompileContext& context, const KernelTable& table)
      : gemm_(table.integer.gemm),
        quantize_(table.quantize),
        by_row_(context.node.domain == "inlay"),
        b_(context, gemm_, *context.constant(dynamic_b), false) {}

  bool consumed(std::size_t i) const noexcept override { return i == dynamic_b; }

  void run(KernelContext& context) const override {
    const Tensor& a = context.input(0);
    const kernels::MatMulGeometry g = kernels::matmul_geometry(a.shape(), b_.shape());
    Tensor& y = context.output(0, g.output);
    if (context.has_input(dynamic_bias) && context.input(dynamic_bias).size() != g.n) {
      context.fail(ErrorCode::shape_mismatch, "the bias needs one number per column");
    }
    kernels::IntegerGemmProblem problem;
    problem.m = g.batch.elements() * g.m, problem.n = g.n, problem.k = g.k;
    set_a(context, a.as<float>().data(), problem);
    problem.packed_b = b_.data();
    problem.b_sums = b_.sums();
    problem.b_is_signed = b_.is_signed();
    problem.b_zeros = zero_points(context, dynamic_zero);
    const Tensor& scales = context.input(dynamic_scale);
    problem.col_scales = {scales.as<float>().data(), scales.size() == 1 ? 0 : 1};
    problem.epilogue.col_bias = floats_or_null(context, dynamic_bias);
    problem.output = kernels::IntegerOutput::floats;
    problem.c = y.mutable_data();
    problem.ldc = g.n;
    run_products(context, gemm_, problem, 1, [](std::int64_t, auto&) {});
  }

 private:
  void set_a(KernelContext& context, const float* x, kernels::IntegerGemmProblem& problem) const {
    const std::int64_t m = problem.m, k = problem.k, groups = by_row_ ? m : 1;
    std::uint8_t* const to = context.scratch<std::uint8_t>(m * k).data();
    float* const scales = context.scratch<float>(groups).data();
    std::int32_t* const zeros = context.scratch<std::int32_t>(groups).data();
    const auto put = [&](std::size_t group, const DynamicCodes& codes) {
      scales[group] = codes.scale;
      zeros[group] = codes.zero_point;
    };
    if (by_row_) {
      const std::size_t row_size = to_size(k);
      for_ranges(context, m, items_per_task(k), [&](std::size_t begin, std::size_t end, int) {
        for (std::size_t row = begin; row < end; ++row) {
          const float* const from = x + row * row_size;
          const kernels::NumberRange range = quantize_.range(from, row_size);
          const DynamicCodes codes(range.low, range.high);
          quantize_.uint8.quantize(from, to + row * row_size, row_size, codes.scale,
                                   codes.zero_point);
          put(row, codes);
        }
      });
    } else {
      const DynamicCodes codes = codes_for(context, quantize_, x, m * k);
      write_codes(context, quantize_, codes, x, m * k, to);
      put(0, codes);
    }
    const std::int64_t step = by_row_ ? 1 : 0;
    problem.a = {to, k, 1, false};
    problem.row_scales = {scales, step};
    problem.a_zeros = {zeros, step};
  }

  const IntegerGemmKernels& gemm_;
  const QuantizeKernels& quantize_;
  bool by_row_;
  PackedMatrix b_;
};

Support supports_dynamic_matmul(const CompileContext& context) {
  const Tensor* b = context.constant(dynamic_b);
  if (b == nullptr || b->rank() != 2) return unsupported("a B that is no constant matrix");
  const auto is_per_column = [&](std::size_t i) {
    const auto shape = context.input_type(i).static_shape();
    return is_single(context, i) || (shape && shape->rank() == 1 && (*shape)[0] == b->dim(1));
  };
  if (!is_per_column(dynamic_scale) || !is_per_column(dynamic_zero)) {
    return unsupported("several scales");
  }
  if (context.node.has_input(dynamic_zero) && context.dtype(dynamic_zero) != b->dtype()) {
    return unsupported("another zero point");
  }
  return supported();
}

}  // namespace

std::vector<CpuOp> dynamic_matmul_ops() {
  return {cpu_op("com.microsoft", "DynamicQuantizeMatMul", supports_dynamic_matmul,
                 compile_as<DynamicMatMulKernel>),
          cpu_op("inlay", "DynamicQuantizeMatMul", supports_dynamic_matmul,
                 compile_as<DynamicMatMulKernel>)};
}

}  // namespace inlay::inline v0::cpu
