// Operators that go along one axis: ArgMax, ArgMin, TopK, CumSum, CumProd.
#include <algorithm>
#include <numeric>

#include "backends/reference/arguments.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/reduction.hpp"
#include "backends/reference/wrap.hpp"

namespace inlay::inline v0::kernels {
namespace {

/// Whether a comes before b when the largest (smallest) come first. A NaN is the largest number,
/// as in numpy's sort.
template <bool largest, class T>
bool before(T a, T b) {
  const auto less = [](T x, T y) { return x < y || (y != y && x == x); };
  return largest ? less(b, a) : less(a, b);
}

template <bool largest>
void run_arg(KernelContext& context) {
  const Tensor& x = context.input(0);
  const int axis = axis_attribute(context, 0, x.rank());
  const bool last = context.attributes().integer("select_last_index", 0) != 0;
  const AxisSplit split = split_axis(x.shape(), axis);
  Shape shape = x.shape();
  shape[axis] = 1;
  if (context.attributes().integer("keepdims", 1) == 0) shape.erase(axis);
  std::int64_t* to = context.output(0, shape).as_mutable<std::int64_t>().data();
  if (split.axis == 0 && split.outer * split.inner > 0) {
    context.fail(ErrorCode::shape_mismatch, "the axis has no element to choose");
  }
  visit_dtype<Numbers>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    // numpy's argmin, too, gives the place of a NaN.
    const auto better = [](T a, T b) { return b == b && (a != a || before<largest>(a, b)); };
    each_line(split, [&](std::int64_t line, std::int64_t start) {
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < split.axis; ++i) {
        const T value = from[start + i * split.inner];
        const T champion = from[start + best * split.inner];
        if (last ? !better(champion, value) : better(value, champion)) best = i;
      }
      to[line] = best;
    });
  });
}

template <bool largest>
void top_k(KernelContext& context, std::int64_t k, const AxisSplit& split, const Shape& shape) {
  const Tensor& x = context.input(0);
  Tensor& values = context.output(0, shape);
  const std::span<std::int64_t> order = context.scratch<std::int64_t>(split.axis);
  std::int64_t* indices =
      context.has_output(1) ? context.output(1, shape).as_mutable<std::int64_t>().data() : nullptr;
  visit_dtype<Numbers>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = values.as_mutable<T>().data();
    each_line(split, [&](std::int64_t line, std::int64_t start) {
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + k, order.end(),
                        [&](std::int64_t a, std::int64_t b) {
                          const T x_a = from[start + a * split.inner];
                          const T x_b = from[start + b * split.inner];
                          if (before<largest>(x_a, x_b)) return true;
                          return !before<largest>(x_b, x_a) && a < b;
                        });
      const std::int64_t out = line / split.inner * k * split.inner + line % split.inner;
      for (std::int64_t i = 0; i < k; ++i) {
        const std::int64_t chosen = order[static_cast<std::size_t>(i)];
        to[out + i * split.inner] = from[start + chosen * split.inner];
        if (indices != nullptr) indices[out + i * split.inner] = chosen;
      }
    });
  });
}

void run_top_k(KernelContext& context) {
  const Tensor& x = context.input(0);
  const int axis = axis_attribute(context, -1, x.rank());
  const AxisSplit split = split_axis(x.shape(), axis);
  const std::int64_t k =
      context.has_input(1) ? integer(context.input(1)) : context.attributes().integer("k", -1);
  if (k < 0 || k > split.axis) {
    context.fail(ErrorCode::invalid_argument, "k is " + std::to_string(k) + ", but the axis has " +
                                                  std::to_string(split.axis) + " elements");
  }
  Shape shape = x.shape();
  shape[axis] = k;
  if (context.attributes().integer("largest", 1) != 0) {
    top_k<true>(context, k, split, shape);
  } else {
    top_k<false>(context, k, split, shape);
  }
}

/// y_i = step(y_(i-1), x_i) along an axis, or x_(i-1) when exclusive; from the end when reverse.
template <class Step>
void accumulate(KernelContext& context, int identity, Step&& step) {
  const Tensor& x = context.input(0);
  const int axis = normalize_axis(integer(context.input(1)), x.rank());
  const bool exclusive = context.attributes().integer("exclusive", 0) != 0;
  const bool reverse = context.attributes().integer("reverse", 0) != 0;
  const AxisSplit split = split_axis(x.shape(), axis);
  Tensor& y = context.output(0, x.shape());
  if (y.size() == 0) return;
  visit_dtype<Numbers>(x.dtype(), [&]<class T>() {
    using A = accumulate_t<T>;
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    each_line(split, [&](std::int64_t, std::int64_t start) {
      A total = static_cast<A>(identity);
      for (std::int64_t i = 0; i < split.axis; ++i) {
        const std::int64_t at = start + (reverse ? split.axis - 1 - i : i) * split.inner;
        const A next = step(total, static_cast<A>(from[at]));
        const A result = exclusive ? total : next;
        if constexpr (is_float<T>) {
          to[at] = from_real<T>(result);
        } else {
          to[at] = result;
        }
        total = next;
      }
    });
  });
}

}  // namespace

void add_axis_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "ArgMax", run_arg<true>});
  table.push_back({"", "ArgMin", run_arg<false>});
  table.push_back({"", "TopK", run_top_k});
  table.push_back({"", "CumSum", [](KernelContext& context) {
                     accumulate(context, 0, [](auto a, auto b) { return wrap_add(a, b); });
                   }});
  table.push_back({"", "CumProd", [](KernelContext& context) {
                     accumulate(context, 1, [](auto a, auto b) { return wrap_mul(a, b); });
                   }});
}

}  // namespace inlay::inline v0::kernels
