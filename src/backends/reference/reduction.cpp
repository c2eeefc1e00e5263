// ReduceSum and its kin: each output element folds the elements that differ in the reduced axes.
#include "backends/reference/reduction.hpp"

#include <cmath>
#include <limits>

#include "backends/reference/arguments.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/wrap.hpp"

namespace inlay::inline v0 {
namespace {

using namespace kernels;

// A reduction has a state that begins as of no elements, takes each one, and gives the result.
// A is the type of the arithmetic: double for floats; for integers it is their own, or double
// where `real` says that the result is not an integer before it is rounded.

template <class A>
struct Sum {
  static constexpr bool real = false;
  A sum = 0;
  void take(A x) { sum = wrap_add(sum, x); }
  A result(std::int64_t) const { return sum; }
};
template <class A>
struct Mean : Sum<A> {
  static constexpr bool real = true;
  A result(std::int64_t count) const { return this->sum / static_cast<A>(count); }
};
template <class A>
struct LogSum : Sum<A> {
  static constexpr bool real = true;
  A result(std::int64_t) const { return std::log(this->sum); }
};
template <class A>
struct Prod {
  static constexpr bool real = false;
  A product = 1;
  void take(A x) { product = wrap_mul(product, x); }
  A result(std::int64_t) const { return product; }
};
template <class A>
struct SumSquare : Sum<A> {
  void take(A x) { this->sum = wrap_add(this->sum, wrap_mul(x, x)); }
};
template <class A>
struct L1 : Sum<A> {
  void take(A x) { this->sum = x < A(0) ? wrap_sub(this->sum, x) : wrap_add(this->sum, x); }
};
template <class A>
struct L2 : SumSquare<A> {
  static constexpr bool real = true;
  A result(std::int64_t) const { return std::sqrt(this->sum); }
};

template <class A>
struct Max {
  static constexpr bool real = false;
  using Limits = std::numeric_limits<A>;
  A best = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  void take(A x) {
    if (x > best || x != x) best = x;  // once NaN, it stays
  }
  A result(std::int64_t) const { return best; }
};
template <class A>
struct Min {
  static constexpr bool real = false;
  using Limits = std::numeric_limits<A>;
  A best = Limits::has_infinity ? Limits::infinity() : Limits::max();
  void take(A x) {
    if (x < best || x != x) best = x;
  }
  A result(std::int64_t) const { return best; }
};

/// Keeps the sum relative to the largest element so far, so that nothing overflows.
template <class A>
struct LogSumExp {
  static constexpr bool real = true;
  static constexpr A infinity = std::numeric_limits<A>::infinity();
  A peak = -infinity;
  A sum = 0;
  void take(A x) {
    if (x > peak) {
      sum = sum * std::exp(peak - x) + 1;
      peak = x;
    } else if (x == peak) {
      sum += x == -infinity ? 0 : 1;
    } else {
      sum += std::exp(x - peak);
    }
  }
  A result(std::int64_t) const { return peak + std::log(sum); }
};

AxisSet reduced_axes(KernelContext& context, int rank) {
  AxisSet set;
  const auto axes = integers(context, "axes", 1);
  for (const std::int64_t axis : axes) set.add(axis, rank);
  if (axes.empty() && context.attributes().integer("noop_with_empty_axes", 0) == 0) {
    set.chosen.fill(true);
  }
  return set;
}

template <template <class> class Reduction, class Group>
void reduce(KernelContext& context) {
  const Tensor& x = context.input(0);
  const AxisSet set = reduced_axes(context, x.rank());
  const Partition parts = partition(x.shape(), set);
  Shape shape = parts.kept;
  if (context.attributes().integer("keepdims", 1) != 0) {
    shape = x.shape();
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (set[axis]) shape[axis] = 1;
    }
  }
  Tensor& y = context.output(0, shape);
  const std::int64_t count = parts.within.elements();
  visit_dtype<Group>(x.dtype(), [&]<class T>() {
    using Exact = accumulate_t<T>;
    using A = std::conditional_t<Reduction<Exact>::real, double, Exact>;
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    walk<1>(parts.kept, {parts.kept_strides}, [&](std::int64_t i, const Offsets<1>& base) {
      Reduction<A> state;
      walk<1>(parts.within, {parts.within_strides}, [&](std::int64_t, const Offsets<1>& at) {
        state.take(static_cast<A>(from[base[0] + at[0]]));
      });
      if constexpr (std::is_same_v<A, double>) {
        to[i] = from_real<T>(state.result(count));
      } else {
        to[i] = state.result(count);
      }
    });
  });
}

}  // namespace

std::vector<ReferenceKernel> reduction_kernels() {
  using Ordered = Union<Numbers, Types<bool>>;
  std::vector<ReferenceKernel> table = {
      {"", "ReduceSum", reduce<Sum, Numbers>},
      {"", "ReduceMean", reduce<Mean, Numbers>},
      {"", "ReduceProd", reduce<Prod, Numbers>},
      {"", "ReduceSumSquare", reduce<SumSquare, Numbers>},
      {"", "ReduceL1", reduce<L1, Numbers>},
      {"", "ReduceL2", reduce<L2, Numbers>},
      {"", "ReduceLogSum", reduce<LogSum, Numbers>},
      {"", "ReduceLogSumExp", reduce<LogSumExp, Numbers>},
      {"", "ReduceMax", reduce<Max, Ordered>},
      {"", "ReduceMin", reduce<Min, Ordered>},
  };
  add_axis_kernels(table);
  return table;
}

}  // namespace inlay::inline v0
