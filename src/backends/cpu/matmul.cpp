// MatMul, Gemm and inlay:FusedMatMul.
#include "backends/reference/matmul.hpp"

#include "backends/cpu/batched_gemm.hpp"
#include "backends/cpu/broadcast_term.hpp"
#include "backends/cpu/fused_activation.hpp"
#include "backends/cpu/glue.hpp"
#include "backends/cpu/sparse_matmul.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::MatMulGeometry;
using kernels::MatrixView;

/// Shapes with Gemm's transpositions undone.
struct Transposes {
  bool a = false, b = false;

  static Shape applied(Shape shape, bool transpose) {
    if (transpose && shape.rank() == 2) std::swap(shape[0], shape[1]);
    return shape;
  }
  MatMulGeometry geometry(const Shape& a_shape, const Shape& b_shape) const {
    return kernels::matmul_geometry(applied(a_shape, a), applied(b_shape, b));
  }
  static MatrixView view(const float* data, std::int64_t rows, std::int64_t cols, bool transpose) {
    return transpose ? MatrixView{data, 1, rows} : MatrixView{data, cols, 1};
  }
};

/// A constant operand, packed: its matrices one behind the other.
struct PackedOperand {
  Tensor numbers;  ///< f32; a second operand may have 16 bits
  Shape shape;     ///< of the operand as given
  std::int64_t matrices = 0;

  template <class T>
  const T* data() const {
    return matrices > 0 && numbers.dtype() == dtype_of<T> ? numbers.as<T>().data() : nullptr;
  }
};

/// Packs dense matrices [k, n], `packed_size` numbers each, into panels of nr columns.
template <class T>
void pack_panels_b(const T* from, std::int64_t matrices, std::int64_t k, std::int64_t n,
                   std::int64_t nr, std::int64_t packed_size, T* packed) {
  for (; matrices > 0; --matrices, from += k * n, packed += packed_size) {
    for (std::int64_t j = 0; j < n; j += nr) {
      for (std::int64_t p = 0; p < k; ++p) {
        std::copy_n(from + p * n + j, std::min(nr, n - j), packed + j * k + p * nr);
      }
    }
  }
}

class MatMulKernel final : public Kernel {
 public:
  INLAY_COLD MatMulKernel(const CompileContext& context, const KernelTable& table)
      : table_(table), gemm_(table.gemm) {
    const Attributes& attributes = context.node.attributes;
    if (context.node.op == "Gemm") {
      transposes_ = {attributes.integer("transA", 0) != 0, attributes.integer("transB", 0) != 0};
      alpha_ = attributes.real("alpha", 1);
      beta_ = attributes.real("beta", 1);
    }
    activation_ = fused_activation(attributes).value_or(kernels::Activation{});
    const Tensor* const b = context.constant(1);
    if (b != nullptr && b->dtype() != DType::float32) {
      if constexpr (has_half_weights) {
        b->dtype() == DType::bfloat16 ? pack_half<bfloat16>(context, *b)
                                      : pack_half<float16>(context, *b);
      }
    } else if (b != nullptr) {
      if (b->rank() == 2 && !transposes_.a) {
        sparse_ = SparseOperand(context, *b, transposes_.b);
        b_.shape = b->shape();
        if (sparse_.is_used()) return;
      }
      pack(
          context, *b, transposes_.b, b_,
          [&](MatrixView view, std::int64_t count, std::int64_t k, std::int64_t n, float* packed) {
            pack_matrices_b(gemm_, view, count, k, n, packed);
          },
          gemm_.packed_b_size);
    } else if (const Tensor* a = context.constant(0)) {
      pack(
          context, *a, transposes_.a, a_,
          [&](MatrixView view, std::int64_t count, std::int64_t m, std::int64_t k, float* packed) {
            pack_matrices_a(gemm_, view, count, m, k, packed);
          },
          gemm_.packed_a_size);
    }
  }

  bool consumed(std::size_t i) const noexcept override {
    return (i == 0 && a_.matrices > 0) || (i == 1 && (b_.matrices > 0 || sparse_.is_used()));
  }

  void run(KernelContext& context) const override {
    const Shape a = a_.matrices > 0 ? a_.shape : context.input(0).shape();
    const bool has_b = b_.matrices > 0 || sparse_.is_used();
    const Shape b = has_b ? b_.shape : context.input(1).shape();
    const MatMulGeometry g = transposes_.geometry(a, b);
    float* const y = context.output(0, g.output).as_mutable<float>().data();
    BatchedGemm batched;
    batched.count = g.batch.elements();
    batched.batch = g.batch;
    batched.a_steps = g.a_steps;
    batched.b_steps = g.b_steps;
    batched.c_steps = kernels::dense_strides(g.batch);
    for (std::int64_t& step : batched.c_steps) step *= g.m * g.n;
    batched.a_matrices = a.elements() / std::max<std::int64_t>(1, g.m * g.k);
    batched.b_matrices = b.elements() / std::max<std::int64_t>(1, g.k * g.n);
    kernels::GemmProblem& p = batched.first;
    p.m = g.m, p.n = g.n, p.k = g.k;
    p.a = Transposes::view(a_.matrices > 0 ? nullptr : floats(context, 0), g.m, g.k, transposes_.a);
    p.b = Transposes::view(has_b ? nullptr : floats(context, 1), g.k, g.n, transposes_.b);
    p.packed_a = a_.data<float>();
    p.packed_b = b_.data<float>();
    p.packed_b_bf16 = b_.data<bfloat16>();
    p.packed_b_f16 = b_.data<float16>();
    p.c = y;
    p.ldc = g.n;
    p.epilogue.alpha = alpha_;
    p.epilogue.beta = beta_;
    p.epilogue.activation = activation_;
    // Products that share one B are one taller product.
    if (batched.count > 1 && b.elements() == g.k * g.n &&
        a.elements() == batched.count * g.m * g.k && !transposes_.a && a_.matrices == 0) {
      p.m *= batched.count;
      batched.count = batched.a_matrices = 1;
      batched.batch = {};
    }
    for (const std::size_t i : {std::size_t{2}, std::size_t{3}}) {
      if (context.has_input(i)) add(context, i, g.output, p);
    }
    if (sparse_.is_used()) {
      if (batched.count > 0) sparse_.multiply(context, table_, p);
      return;
    }
    run_batched_gemm(context, gemm_, batched);
  }

 private:
  template <class Pack, class Size>
  static void pack(const CompileContext& context, const Tensor& tensor, bool transpose,
                   PackedOperand& to, const Pack& pack_all, const Size& packed_size) {
    const Shape shape = Transposes::applied(tensor.shape(), transpose);
    if (shape.rank() < 2 || tensor.size() == 0) return;
    const std::int64_t rows = shape[shape.rank() - 2], cols = shape.back();
    // A single row or column is read as it is: a panel of it would be mostly zeros.
    if (rows == 1 || cols == 1) return;
    const std::int64_t matrices = tensor.size() / (rows * cols);
    to.numbers = context.pack<float>(matrices * packed_size(rows, cols), [&](float* packed) {
      pack_all(Transposes::view(tensor.as<float>().data(), rows, cols, transpose), matrices, rows,
               cols, packed);
    });
    to.shape = tensor.shape();
    to.matrices = matrices;
  }

  template <class T>
  void pack_half(const CompileContext& context, const Tensor& tensor) {
    const Shape& shape = tensor.shape();
    const std::int64_t k = shape[shape.rank() - 2], n = shape.back();
    b_.shape = shape;
    b_.matrices = shape.elements() / (k * n);
    const std::int64_t size = gemm_.packed_b_size(k, n);
    b_.numbers = context.pack<T>(b_.matrices * size, [&](T* packed) {
      pack_panels_b(tensor.as<T>().data(), b_.matrices, k, n, gemm_.nr, size, packed);
    });
  }

  /// Puts input i into the epilogue.
  static void add(KernelContext& context, std::size_t i, const Shape& output,
                  kernels::GemmProblem& problem) {
    const Tensor& term = context.input(i);
    const std::int64_t n = problem.n;
    kernels::GemmEpilogue& e = problem.epilogue;
    const bool is_row = term.rank() > 0 && term.size() == n && term.shape().back() == n &&
                        output.rank() > 0 && output.back() == n;
    if (is_row && e.col_bias == nullptr) {
      e.col_bias = term.as<float>().data();
    } else {
      e.residual = broadcast_term(context, i, output, e.residual);
      e.residual_stride = n;
    }
  }

  const KernelTable& table_;
  const GemmKernels& gemm_;
  Transposes transposes_;
  float alpha_ = 1, beta_ = 1;
  kernels::Activation activation_;
  PackedOperand a_, b_;
  SparseOperand sparse_;  ///< B, where that is faster
};

Support supports_matmul(const CompileContext& context) {
  if (!fused_activation(context.node.attributes)) return unsupported("an activation not fused");
  const DType b = context.dtype(1);
  if (b != DType::bfloat16 && b != DType::float16) return float_inputs(context, 4);
  const Tensor* weights = context.constant(1);
  if (!has_half_weights || weights == nullptr || weights->rank() < 2 || weights->size() == 0) {
    return unsupported("only f32 has a kernel");
  }
  const Support others = float_inputs(context, 4, 2);
  return others.supported ? float_inputs(context, 1) : others;
}

}  // namespace

std::vector<CpuOp> matmul_ops() {
  return {
      cpu_op("", "MatMul", supports_matmul, compile_as<MatMulKernel>),
      cpu_op("", "Gemm", supports_matmul, compile_as<MatMulKernel>),
      cpu_op("inlay", "FusedMatMul", supports_matmul, compile_as<MatMulKernel>),
  };
}

}  // namespace inlay::inline v0::cpu
