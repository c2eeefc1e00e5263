// com.microsoft's matrix products of floats: with transposed operands, with activations.
#include <numeric>

#include "backends/reference/activation_function.hpp"
#include "backends/reference/contrib/contrib.hpp"
#include "backends/reference/gemm.hpp"
#include "backends/reference/matmul.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// An operand of FusedMatMul as MatMul sees it: sizes and steps of its axes.
struct TransposedOperand {
  Shape shape;
  Strides steps{};

  /// `batch`: the last axis but one comes first, before the batch; `last`: the last two are
  /// swapped. Vectors stay as they are.
  TransposedOperand(const Shape& from, bool batch, bool last) {
    const int rank = from.rank();
    std::array<int, Shape::max_rank> order{};
    std::iota(order.begin(), order.end(), 0);
    if (batch && rank > 2) std::rotate(order.begin(), order.begin() + 1, order.begin() + rank - 1);
    if (last && rank > 1) std::swap(order[from.size() - 2], order[from.size() - 1]);
    const Strides dense = dense_strides(from);
    for (std::size_t axis = 0; axis < from.size(); ++axis) {
      shape.push_back(from[order[axis]]);
      steps[axis] = dense[static_cast<std::size_t>(order[axis])];
    }
  }

  /// Steps of the axes before the last two along those of `batch`, aligned at the end.
  Strides batch_steps(const Shape& batch) const {
    Strides result{};
    const int axes = std::max(shape.rank() - 2, 0);
    for (int axis = 0; axis < axes; ++axis) {
      if (shape[axis] == 1) continue;
      result[static_cast<std::size_t>(batch.rank() - axes + axis)] =
          steps[static_cast<std::size_t>(axis)];
    }
    return result;
  }

  /// One matrix of the batch; a vector becomes a row or a column.
  template <class T>
  Matrix<const T> matrix(const T* data, std::int64_t rows, std::int64_t cols,
                         bool vector_is_row) const {
    const std::int64_t last = steps[shape.size() - 1];
    if (shape.rank() > 1) return {data, rows, cols, steps[shape.size() - 2], last};
    return vector_is_row ? Matrix<const T>{data, rows, cols, 0, last}
                         : Matrix<const T>{data, rows, cols, last, 0};
  }
};

/// alpha * A * B of operands under transA, transBatchA and the like.
void run_transposed_matmul(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const auto flag = [&](std::string_view name) { return attributes.integer(name, 0) != 0; };
  const TransposedOperand a(context.input(0).shape(), flag("transBatchA"), flag("transA"));
  const TransposedOperand b(context.input(1).shape(), flag("transBatchB"), flag("transB"));
  MatMulGeometry g = matmul_geometry(a.shape, b.shape);
  g.a_steps = a.batch_steps(g.batch);
  g.b_steps = b.batch_steps(g.batch);
  const float alpha = attributes.real("alpha", 1);
  Tensor& y = context.output(0, g.output);
  visit_dtype<Floats>(y.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const Wide* left = widened_input<Wide, T>(context, 0);
    const Wide* right = widened_input<Wide, T>(context, 1);
    const WideOutput<T> out(context, y);
    std::fill(out.values().begin(), out.values().end(), Wide{});
    multiply_add_all<Wide>(context, g.batch.elements(), [&](std::int64_t index) {
      const Offsets<2> at = g.offsets(index);
      return Product<Wide>{a.matrix(left + at[0], g.m, g.k, true),
                           b.matrix(right + at[1], g.k, g.n, false),
                           {out.data() + index * g.m * g.n, g.m, g.n, g.n}};
    });
    for (Wide& value : out.values()) value = scaled(alpha, value);
    out.store();
  });
}

/// Gemm with an activation behind it.
void run_fused_gemm(KernelContext& context) {
  gemm<Floats>(context, [&]<class Wide, std::size_t extent>(std::span<Wide, extent> values) {
    const Attributes& attributes = context.attributes();
    ActivationFunction<Wide> f = find_activation<Wide>(attributes.text("activation", ""));
    if (const float* alpha = attributes.get<float>("activation_alpha")) {
      f.alpha = static_cast<Wide>(*alpha);
    }
    if (const float* beta = attributes.get<float>("activation_beta")) {
      f.beta = static_cast<Wide>(*beta);
    }
    std::transform(values.begin(), values.end(), values.begin(), f);
  });
}

}  // namespace

void add_contrib_product_kernels(std::vector<ReferenceKernel>& table) {
  constexpr std::string_view microsoft = "com.microsoft";
  table.push_back({microsoft, "FusedMatMul", run_transposed_matmul});
  table.push_back({microsoft, "TransposeMatMul", run_transposed_matmul});
  table.push_back({microsoft, "FusedGemm", run_fused_gemm});
}

}  // namespace inlay::inline v0::kernels
