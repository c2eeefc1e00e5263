// The batched product behind MatMul and its quantized and fused forms.
#pragma once

#include "backends/reference/iterate.hpp"
#include "backends/reference/product.hpp"

namespace inlay::inline v0::kernels {

/// How numpy.matmul lays two operands out: [m, k] x [k, n] over a broadcast batch.
struct MatMulGeometry {
  std::int64_t m, k, n;
  Shape batch;
  Strides a_steps, b_steps;  ///< in elements, per batch axis
  Shape output;              ///< without the axes that vectors lack

  /// Where the matrices of batch number `index` start in a and b.
  Offsets<2> offsets(std::int64_t index) const {
    Offsets<2> result{};
    for (int axis = batch.rank() - 1; axis >= 0; --axis) {
      const auto i = static_cast<std::size_t>(axis);
      result[0] += index % batch[axis] * a_steps[i];
      result[1] += index % batch[axis] * b_steps[i];
      index /= batch[axis];
    }
    return result;
  }
};

/// Errors: shape_mismatch.
inline MatMulGeometry matmul_geometry(Shape a, Shape b) {
  if (a.empty() || b.empty()) {
    throw Error(ErrorCode::shape_mismatch, "a matrix product takes no scalars");
  }
  const bool a_is_vector = a.rank() == 1;
  const bool b_is_vector = b.rank() == 1;
  if (a_is_vector) a.insert(0, 1);
  if (b_is_vector) b.push_back(1);
  MatMulGeometry g;
  g.m = a[a.rank() - 2];
  g.k = a.back();
  g.n = b.back();
  if (b[b.rank() - 2] != g.k) {
    throw Error(ErrorCode::shape_mismatch,
                "the inner dims of " + to_string(a) + " and " + to_string(b) + " differ");
  }
  const Shape a_batch(a.dims().first(a.size() - 2));
  const Shape b_batch(b.dims().first(b.size() - 2));
  g.batch = broadcast(a_batch, b_batch);
  g.a_steps = broadcast_strides(a_batch, g.batch);
  g.b_steps = broadcast_strides(b_batch, g.batch);
  for (std::int64_t& step : g.a_steps) step *= g.m * g.k;
  for (std::int64_t& step : g.b_steps) step *= g.k * g.n;
  g.output = g.batch;
  if (!a_is_vector) g.output.push_back(g.m);
  if (!b_is_vector) g.output.push_back(g.n);
  return g;
}

/// y = a * b, batch by batch.
template <class T>
void matmul(KernelContext& context, const MatMulGeometry& g, const T* a, const T* b, T* y) {
  const std::int64_t count = g.batch.elements();
  std::fill_n(y, count * g.m * g.n, T{});
  multiply_add_all<T>(context, count, [&](std::int64_t index) {
    const Offsets<2> at = g.offsets(index);
    return Product<T>{{a + at[0], g.m, g.k, g.k},
                      {b + at[1], g.k, g.n, g.n},
                      {y + index * g.m * g.n, g.m, g.n, g.n}};
  });
}

}  // namespace inlay::inline v0::kernels
