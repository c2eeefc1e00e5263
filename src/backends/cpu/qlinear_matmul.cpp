// QLinearMatMul on 8-bit codes as an f32 product, where its sums are integers that f32 holds
// exactly.
#include "backends/cpu/batched_gemm.hpp"
#include "backends/cpu/quantized_codes.hpp"
#include "backends/reference/matmul.hpp"

namespace inlay::inline v0::cpu {
namespace {

/// Codes are at most this far from their zero point, and f32 holds all integers up to exact_limit.
constexpr std::int64_t largest_code = 255, exact_limit = std::int64_t{1} << 24;

/// QLinearMatMul's B less its zero points, of which there may be one per column. Empty when it is
/// no constant matrix.
std::vector<float> constant_codes(const CompileContext& context) {
  const Tensor *b = context.constant(3), *zero = context.constant(5);
  if (b == nullptr || !is_code(b->dtype()) || b->rank() != 2 || b->dim(1) < 2) return {};
  if (zero == nullptr
          ? context.node.has_input(5)
          : zero->dtype() != b->dtype() || (zero->size() != 1 && zero->size() != b->dim(1))) {
    return {};
  }
  std::vector<float> codes(to_size(b->size()));
  const auto center = [&]<class T>(std::span<const T> from) {
    const auto zeros = zero != nullptr ? zero->as<T>() : std::span<const T>();
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const std::int32_t less = zeros.empty() ? 0 : zeros[i % zeros.size()];
      codes[i] = static_cast<float>(from[i] - less);
    }
  };
  b->dtype() == DType::int8 ? center(b->as<std::int8_t>()) : center(b->as<std::uint8_t>());
  return codes;
}

/// One scale for all columns of B, or one per column of a constant B.
class QLinearMatMulKernel final : public Kernel {
 public:
  QLinearMatMulKernel(const CompileContext& context, const KernelTable& table)
      : kernels_(table.quantize), gemm_(table.gemm) {
    const std::vector<float> codes = constant_codes(context);
    if (codes.empty()) return;
    const std::int64_t k = context.constant(3)->dim(0), n = context.constant(3)->dim(1);
    packed_ = Tensor::zeros(DType::float32, {gemm_.packed_b_size(k, n)});
    gemm_.pack_b({codes.data(), n, 1}, k, n, packed_.as_mutable<float>().data());
  }

  std::size_t packed_bytes() const noexcept override {
    return packed_.defined() ? packed_.bytes() : 0;
  }

  void run(KernelContext& context) const override {
    const Tensor &a = context.input(0), &b = context.input(3);
    const Codes of_a(context, 1), of_y(context, 6);
    const kernels::MatMulGeometry g = kernels::matmul_geometry(a.shape(), b.shape());
    Tensor& y = context.output(0, g.output);
    float* const sums = context.scratch<float>(y.size()).data();
    float* const a_codes = context.scratch<float>(a.size()).data();
    dequantize(context, kernels_, a, 1.0f, of_a.zero_point, a_codes);
    const float* b_codes = nullptr;
    if (!packed_.defined()) {
      float* const codes = context.scratch<float>(b.size()).data();
      dequantize(context, kernels_, b, 1.0f, Codes(context, 4).zero_point, codes);
      b_codes = codes;
    }
    multiply(context, g, a_codes, b_codes, sums);

    const auto scales = context.input(4).as<float>();
    if (scales.size() == 1) {
      const float factor = of_a.scale * scales[0] / of_y.scale;
      return quantize(context, kernels_, sums, factor, true, of_y.zero_point, y);
    }
    const auto factors = context.scratch<float>(std::ssize(scales));
    for (std::size_t i = 0; i < factors.size(); ++i) {
      factors[i] = of_a.scale * scales[i] / of_y.scale;
    }
    if (y.dtype() == DType::int8) {
      write_columns(context, kernels_.int8, sums, factors, of_y.zero_point,
                    y.as_mutable<std::int8_t>());
    } else {
      write_columns(context, kernels_.uint8, sums, factors, of_y.zero_point,
                    y.as_mutable<std::uint8_t>());
    }
  }

 private:
  /// The products of all codes; `b` is not read where B is packed.
  void multiply(KernelContext& context, const kernels::MatMulGeometry& g, const float* a,
                const float* b, float* sums) const {
    BatchedGemm batched;
    batched.count = g.batch.elements();
    batched.batch = g.batch;
    batched.a_steps = g.a_steps, batched.b_steps = g.b_steps;
    batched.c_steps = kernels::dense_strides(g.batch);
    for (std::int64_t& step : batched.c_steps) step *= g.m * g.n;
    batched.a_matrices = batched.b_matrices = 0;
    kernels::GemmProblem& p = batched.first;
    p.m = g.m, p.n = g.n, p.k = g.k;
    p.a = {a, g.k, 1};
    p.b = {b, g.n, 1};
    p.c = sums;
    p.ldc = g.n;
    if (packed_.defined()) {  // one B: one taller product
      p.packed_b = packed_.as<float>().data();
      p.m *= batched.count;
      batched.count = batched.a_matrices = batched.b_matrices = 1;
      batched.batch = {};
    }
    run_batched_gemm(context, gemm_, batched);
  }

  template <class T>
  static void write_columns(KernelContext& context, const CodeKernels<T>& code, const float* sums,
                            std::span<const float> factors, std::int32_t zero_point,
                            std::span<T> y) {
    const std::size_t n = factors.size();
    const auto rows = static_cast<std::int64_t>(y.size() / std::max<std::size_t>(1, n));
    for_ranges(context, rows, items_per_task(static_cast<std::int64_t>(n)),
               [&](std::size_t begin, std::size_t end, int) {
                 for (std::size_t row = begin; row < end; ++row) {
                   code.requantize_columns(sums + row * n, factors.data(), y.data() + row * n, n,
                                           zero_point);
                 }
               });
  }

  const QuantizeKernels& kernels_;
  const GemmKernels& gemm_;
  Tensor packed_;  ///< a constant B's codes as f32; undefined for another
};

/// Whether no sum over k, with any codes in A, can leave what f32 holds exactly.
bool sums_are_exact(const CompileContext& context, const std::vector<float>& codes) {
  const Type& type = context.input_type(3);
  if (!type.has_rank || type.rank() < 1) return false;
  const Dim& k = type.dims[to_size(std::max(0, type.rank() - 2))];
  if (k.known() && k.value * largest_code * largest_code < exact_limit) return true;
  if (codes.empty()) return false;
  std::vector<std::int64_t> sums(to_size(context.constant(3)->dim(1)));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    sums[i % sums.size()] += std::abs(static_cast<std::int64_t>(codes[i]));
  }
  return std::all_of(sums.begin(), sums.end(),
                     [](std::int64_t sum) { return sum * largest_code < exact_limit; });
}

Support supports_qlinear_matmul(const CompileContext& context) {
  const std::vector<float> codes = constant_codes(context);
  if (codes.empty()) {
    const Support support = supports_qlinear(context);
    if (!support.supported) return support;
  } else {
    for (const std::size_t i : {1, 6}) {
      const DType code = i == 1 ? context.dtype(0) : output_dtype(context);
      if (const char* reason = unsuited(context, i, code)) return unsupported(reason);
    }
    const auto scales = context.input_type(4).static_shape();
    const std::int64_t n = context.constant(3)->dim(1);
    if (context.dtype(4) != DType::float32 || !scales || scales->rank() > 1 ||
        (scales->elements() != 1 && scales->elements() != n)) {
      return unsupported("scales that are not those of the columns");
    }
  }
  return sums_are_exact(context, codes) ? supported() : unsupported("sums too large for f32");
}

}  // namespace

std::vector<CpuOp> qlinear_matmul_ops() {
  return {cpu_op("", "QLinearMatMul", supports_qlinear_matmul, compile_as<QLinearMatMulKernel>)};
}

}  // namespace inlay::inline v0::cpu
