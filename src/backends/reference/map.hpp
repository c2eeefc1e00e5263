// Elementwise maps over one or two tensors: what is left of an elementwise kernel is its formula.
#pragma once

#include "backends/reference/convert.hpp"
#include "backends/reference/iterate.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// What a formula gave, as an element.
template <class T, class V>
T as_element(V value) {
  constexpr bool real = std::is_floating_point_v<V>;
  if constexpr ((real && std::is_integral_v<T>) || std::is_same_v<V, double>) {
    return from_real<T>(value);
  } else {
    return static_cast<T>(value);
  }
}

/// Output 0 = f(input 0) for each element, as an Out (void: input 0's type). `f` takes and gives
/// compute_t of the element.
template <class Group, class Out = void, class F>
void map_unary(KernelContext& context, F&& f) {
  const Tensor& x = context.input(0);
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Group>(x.dtype(), [&]<class T>() {
    using Result = std::conditional_t<std::is_void_v<Out>, T, Out>;
    const auto from = x.as<T>();
    const auto to = y.as_mutable<Result>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      to[i] = as_element<Result>(f(static_cast<compute_t<T>>(from[i])));
    }
  });
}

/// The shape under which input 1 broadcasts to input 0 by the numpy rule. That is its own, except
/// that before opset 7 the attribute `axis` says where its first axis lies (PRelu: 1, the
/// channels).
inline Shape second_shape(const KernelContext& context) {
  Shape shape = context.input(1).shape();
  const Shape& first = context.input(0).shape();
  if (context.version() >= 7 || shape.empty() || first.rank() <= shape.rank()) return shape;
  const int suffix = first.rank() - shape.rank();
  const int axis = normalize_axis(
      context.attributes().integer("axis", context.node().op == "PRelu" ? 1 : suffix),
      first.rank());
  while (axis + shape.rank() < first.rank()) shape.push_back(1);
  return shape;
}

/// Elements of cheap work that repay a task.
inline constexpr std::int64_t map_grain = 1 << 15;

/// walk_rows on all workers, which share the outermost axis.
template <std::size_t N>
void walk_rows_in_parallel(KernelContext& context, const Shape& shape,
                           const std::array<Strides, N>& strides,
                           std::type_identity_t<RowFunction<N>> row) {
  int axis = 0;
  while (axis < shape.rank() && shape[axis] == 1) ++axis;
  if (shape.elements() < 2 * map_grain) return walk_rows<N>(shape, strides, row);
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  const std::int64_t step = std::max<std::int64_t>(1, map_grain / inner);
  context.parallel_for((shape[axis] - 1) / step + 1, [&](std::int64_t task, int) {
    const std::int64_t first = task * step;
    Shape part = shape;
    part[axis] = std::min(step, shape[axis] - first);
    walk_rows<N>(part, strides,
                 [&](std::int64_t index, const Offsets<N>& offsets, const Offsets<N>& steps,
                     std::int64_t count) {
                   Offsets<N> at = offsets;
                   for (std::size_t n = 0; n < N; ++n) {
                     at[n] += first * strides[n][static_cast<std::size_t>(axis)];
                   }
                   row(first * inner + index, at, steps, count);
                 });
  });
}

/// y = f(a, b) for each element of the shape that both broadcast to.
template <class A, class B, class Y, class F>
void map_elements(KernelContext& context, const Tensor& a, const Tensor& b, const Shape& b_shape,
                  Tensor& y, F&& f) {
  const A* first = a.as<A>().data();
  const B* second = b.as<B>().data();
  Y* out = y.as_mutable<Y>().data();
  walk_rows_in_parallel<2>(
      context, y.shape(),
      {broadcast_strides(a.shape(), y.shape()), broadcast_strides(b_shape, y.shape())},
      [&](std::int64_t index, const Offsets<2>& at, const Offsets<2>& step, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
          out[index + i] =
              as_element<Y>(f(static_cast<const compute_t<A>&>(first[at[0] + i * step[0]]),
                              static_cast<const compute_t<B>&>(second[at[1] + i * step[1]])));
        }
      });
}

/// Output 0 = f(input 0, input 1), broadcast, as an Out (void: the inputs' type).
template <class Group, class Out = void, class F>
void map_binary(KernelContext& context, F&& f) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  const Shape b_shape = second_shape(context);
  Tensor& y = context.output(0, broadcast(a.shape(), b_shape));
  visit_dtype<Group>(a.dtype(), [&]<class T>() {
    map_elements<T, T, std::conditional_t<std::is_void_v<Out>, T, Out>>(context, a, b, b_shape, y,
                                                                        f);
  });
}

/// The kernel function of a formula without captures.
using KernelPointer = void (*)(KernelContext&);
template <class Group, class Out = void, class F>
constexpr KernelPointer unary_kernel(F) {
  return [](KernelContext& context) { map_unary<Group, Out>(context, F{}); };
}
template <class Group, class Out = void, class F>
constexpr KernelPointer binary_kernel(F) {
  return [](KernelContext& context) { map_binary<Group, Out>(context, F{}); };
}

}  // namespace inlay::inline v0::kernels
