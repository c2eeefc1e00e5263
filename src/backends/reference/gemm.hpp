// Gemm and its fused form.
#pragma once

#include "backends/reference/convert.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/precision.hpp"
#include "backends/reference/product.hpp"

namespace inlay::inline v0::kernels {

using MatMulTypes = Union<Floats, Types<std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>>;

/// scale * value, exact for integers when scale is 1.
template <class T>
T scaled(float scale, T value) {
  if (scale == 1.0f) return value;
  if constexpr (std::is_integral_v<T>) {
    return truncate<T>(static_cast<double>(scale) * static_cast<double>(value));
  } else {
    return static_cast<T>(scale) * value;
  }
}

/// Gemm by the node's attributes; finish(values) is called with the span of compute_t before they
/// are rounded.
template <class Group, class Finish>
void gemm(KernelContext& context, Finish&& finish) {
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
  visit_dtype<Group>(a.dtype(), [&]<class T>() {
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
    finish(values);
    out.store();
  });
}

}  // namespace inlay::inline v0::kernels
