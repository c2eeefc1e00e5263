#include "backends/reference/einsum.hpp"

#include "backends/reference/dispatch.hpp"
#include "backends/reference/iterate.hpp"
#include "ops/einsum.hpp"

namespace inlay::inline v0::kernels {

namespace {

using LabelSizes = std::array<std::int64_t, EinsumLabels::limit>;

/// Nested loops over some labels, which move a position in every operand.
struct Loops {
  EinsumLabels labels;
  const LabelSizes& sizes;
  std::span<const std::int64_t> steps;  ///< [label][operand]
  std::size_t operands;

  std::int64_t size(int level) const { return sizes[labels[level]]; }
  bool empty() const {
    for (int level = 0; level < labels.count; ++level) {
      if (size(level) == 0) return true;
    }
    return false;
  }
  void move(std::span<std::int64_t> at, int level, std::int64_t times) const {
    for (std::size_t n = 0; n < operands; ++n) {
      at[n] += steps[labels[level] * operands + n] * times;
    }
  }

  /// Calls f() with `at` moved to each combination of the labels in turn. Only when not empty().
  template <class F>
  void run(const KernelContext& context, std::span<std::int64_t> at, F&& f, int level = 0) const {
    if (level == labels.count) return f();
    context.check_cancelled();
    for (std::int64_t i = 0; i < size(level); ++i) {
      run(context, at, f, level + 1);
      move(at, level, 1);
    }
    move(at, level, -size(level));
  }
};

}  // namespace

void run_einsum(KernelContext& context) {
  const EinsumEquation equation(context.attributes().text("equation", ""));
  const std::size_t operands = context.input_count();
  LabelSizes sizes;
  sizes.fill(1);
  std::array<bool, EinsumLabels::limit> used{};
  const auto steps =
      context.scratch<std::int64_t>(static_cast<std::int64_t>(operands * EinsumLabels::limit));
  std::fill(steps.begin(), steps.end(), 0);
  int ellipsis = 0;
  for (std::size_t n = 0; n < operands; ++n) {
    const Shape& shape = context.input(n).shape();
    const Strides strides = dense_strides(shape);
    const EinsumLabels labels = equation.operand(static_cast<int>(n), shape.rank());
    for (int axis = 0; axis < labels.count; ++axis) {
      const std::size_t label = labels[axis];
      used[label] = true;
      ellipsis = std::max(ellipsis, static_cast<int>(label) - 51);
      if (shape[axis] == 1) continue;
      if (sizes[label] != 1 && sizes[label] != shape[axis]) {
        context.fail(ErrorCode::shape_mismatch, "one label stands for axes of different sizes");
      }
      sizes[label] = shape[axis];
      steps[label * operands + n] += strides[static_cast<std::size_t>(axis)];
    }
  }

  const Loops outer{equation.output(ellipsis), sizes, steps, operands};
  Shape shape;
  for (int axis = 0; axis < outer.labels.count; ++axis) {
    shape.push_back(outer.size(axis));
    used[outer.labels[axis]] = false;
  }
  Loops inner{{}, sizes, steps, operands};  // the labels that are summed over
  for (std::size_t label = 0; label < used.size(); ++label) {
    if (used[label]) inner.labels.add(label);
  }

  Tensor& y = context.output(0, shape);
  if (outer.empty()) return;
  visit_dtype<Numbers>(y.dtype(), [&]<class T>() {
    using Sum = std::conditional_t<is_float<T>, double, std::uint64_t>;  // integers wrap around
    const auto data = context.scratch<const T*>(static_cast<std::int64_t>(operands));
    for (std::size_t n = 0; n < operands; ++n) data[n] = context.input(n).as<T>().data();
    const auto at = context.scratch<std::int64_t>(static_cast<std::int64_t>(operands));
    std::fill(at.begin(), at.end(), 0);
    T* out = y.as_mutable<T>().data();
    outer.run(context, at, [&] {
      Sum sum{};
      const auto add = [&] {
        Sum product{1};
        for (std::size_t n = 0; n < operands; ++n) product *= static_cast<Sum>(data[n][at[n]]);
        sum += product;
      };
      if (!inner.empty()) inner.run(context, at, add);
      if constexpr (is_half<T>) {
        *out++ = static_cast<T>(static_cast<float>(sum));
      } else {
        *out++ = static_cast<T>(sum);
      }
    });
  });
}

}  // namespace inlay::inline v0::kernels
