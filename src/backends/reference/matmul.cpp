#include "backends/reference/matmul.hpp"

#include "backends/reference/einsum.hpp"
#include "backends/reference/precision.hpp"
#include "backends/reference/quantization.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

using MatMulTypes = Union<Floats, Types<std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>>;

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

/// scale * value, exact for integers when scale is 1.
template <class T>
T scaled(float scale, T value) {
  if (scale == 1.0f) return value;
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<double>(scale) * static_cast<double>(value));
  } else {
    return static_cast<T>(scale) * value;
  }
}

void run_gemm(KernelContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  if (a.rank() != 2 || b.rank() != 2) {
    context.fail(ErrorCode::shape_mismatch, "A and B must be matrices");
  }
  const bool trans_a = context.attributes().integer("transA", 0) != 0;
  const bool trans_b = context.attributes().integer("transB", 0) != 0;
  const float alpha = context.attributes().real("alpha", 1);
  const float beta = context.attributes().real("beta", 1);
  const std::int64_t m = a.dim(trans_a ? 1 : 0), n = b.dim(trans_b ? 0 : 1);
  if (a.dim(trans_a ? 0 : 1) != b.dim(trans_b ? 1 : 0)) {
    context.fail(ErrorCode::shape_mismatch, "the inner dims of " + to_string(a.shape()) + " and " +
                                                to_string(b.shape()) + " differ");
  }
  Tensor& y = context.output(0, {m, n});
  visit_dtype<MatMulTypes>(a.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    Matrix<const Wide> left{widened<Wide, T>(context, a), a.dim(0), a.dim(1), a.dim(1)};
    Matrix<const Wide> right{widened<Wide, T>(context, b), b.dim(0), b.dim(1), b.dim(1)};
    if (trans_a) left = left.transposed();
    if (trans_b) right = right.transposed();
    const WideOutput<T> out(context, y);
    const auto values = out.values();
    std::fill(values.begin(), values.end(), Wide{});
    multiply_add_all<Wide>(context, 1, [&](std::int64_t) {
      return Product<Wide>{left, right, {out.data(), m, n, n}};
    });
    for (Wide& value : values) value = scaled(alpha, value);
    if (context.has_input(2)) {
      const auto c = context.input(2).as<T>();
      const Strides steps = broadcast_strides(context.input(2).shape(), y.shape());
      walk<1>(y.shape(), {steps}, [&](std::int64_t i, Offsets<1> at) {
        Wide& value = values[static_cast<std::size_t>(i)];
        value = multiply_add(
            value, scaled(beta, static_cast<Wide>(c[static_cast<std::size_t>(at[0])])), Wide{1});
      });
    }
    out.store();
  });
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
