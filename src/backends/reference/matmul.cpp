#include "backends/reference/matmul.hpp"

#include "backends/reference/einsum.hpp"
#include "backends/reference/gemm.hpp"
#include "backends/reference/quantization.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

void run_matmul(KernelContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  const MatMulGeometry g = matmul_geometry(a.shape(), b.shape());
  Tensor& y = context.output(0, g.output);
  visit_dtype<MatMulTypes>(a.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const WideOutput<T> out(context, y);
    matmul<Wide>(context, g, widened<Wide, T>(context, a), widened<Wide, T>(context, b),
                 out.data());
    out.store();
  });
}

void run_matmul_integer(KernelContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  const MatMulGeometry g = matmul_geometry(a.shape(), b.shape());
  Tensor& y = context.output(0, g.output);
  matmul<std::int32_t>(context, g, centered_rows<std::int32_t>(context, a, 2),
                       centered<std::int32_t>(context, b, 3), y.as_mutable<std::int32_t>().data());
}

void run_gemm(KernelContext& context) {
  gemm<MatMulTypes>(context, [](auto) {});
}

void run_det(KernelContext& context) {
  const Tensor& x = context.input(0);
  const int rank = x.rank();
  if (rank < 2 || x.dim(rank - 1) != x.dim(rank - 2)) {
    context.fail(ErrorCode::shape_mismatch, "the last two axes must form square matrices");
  }
  const std::int64_t n = x.dim(rank - 1);
  Tensor& y = context.output(0, Shape(x.shape().dims().first(x.shape().size() - 2)));
  const auto matrix = context.scratch<double>(n * n);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    for (T& determinant : y.as_mutable<T>()) {
      std::copy_n(from, n * n, matrix.begin());
      from += n * n;
      // Gaussian elimination with row pivoting: the product of the pivots, with the swaps' sign.
      double product = 1;
      for (std::int64_t col = 0; col < n; ++col) {
        double* rows = matrix.data();
        std::int64_t pivot = col;
        for (std::int64_t r = col + 1; r < n; ++r) {
          if (std::abs(rows[r * n + col]) > std::abs(rows[pivot * n + col])) pivot = r;
        }
        if (pivot != col) {
          std::swap_ranges(rows + pivot * n, rows + (pivot + 1) * n, rows + col * n);
          product = -product;
        }
        const double head = rows[col * n + col];
        product *= head;
        if (head == 0) break;
        for (std::int64_t r = col + 1; r < n; ++r) {
          const double factor = rows[r * n + col] / head;
          for (std::int64_t c = col; c < n; ++c) rows[r * n + c] -= factor * rows[col * n + c];
        }
      }
      determinant = static_cast<T>(static_cast<compute_t<T>>(product));
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> matmul_kernels() {
  return {
      {"", "MatMul", kernels::run_matmul}, {"", "MatMulInteger", kernels::run_matmul_integer},
      {"", "Gemm", kernels::run_gemm},     {"", "Einsum", kernels::run_einsum},
      {"", "Det", kernels::run_det},
  };
}

}  // namespace inlay::inline v0
