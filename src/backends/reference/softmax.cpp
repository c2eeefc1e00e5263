// Softmax, LogSoftmax, Hardmax.
#include "backends/reference/softmax.hpp"

#include "backends/reference/convert.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/normalization.hpp"

namespace inlay::inline v0::kernels {
namespace {

/// Before opset 13 the operators saw a matrix: the axes before `axis`, and all the others.
AxisSplit softmax_lines(const KernelContext& context) {
  const Shape& shape = context.input(0).shape();
  if (context.version() >= 13) {
    const std::int64_t axis = context.attributes().integer("axis", -1);
    return split_axis(shape, normalize_axis(axis, shape.rank()));
  }
  const std::int64_t axis = context.attributes().integer("axis", 1);
  const int first = axis == shape.rank() ? shape.rank() : normalize_axis(axis, shape.rank());
  return {shape.product(0, first), shape.product(first, shape.rank()), 1};
}

/// Calls line(x, y, count, step) for each line to normalize.
template <class Line>
void map_lines(KernelContext& context, Line&& line) {
  const Tensor& x = context.input(0);
  const AxisSplit split = softmax_lines(context);
  Tensor& y = context.output(0, x.shape());
  if (y.size() == 0) return;
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    each_line(split, [&](std::int64_t, std::int64_t start) {
      line(from + start, to + start, split.axis, split.inner);
    });
  });
}

void run_softmax(KernelContext& context) {
  map_lines(context, []<class T>(const T* x, T* y, std::int64_t count, std::int64_t step) {
    const ExpSum all(x, count, step);
    for (std::int64_t i = 0; i < count; ++i) {
      y[i * step] = from_real<T>(all.softmax(static_cast<double>(x[i * step])));
    }
  });
}

void run_log_softmax(KernelContext& context) {
  map_lines(context, []<class T>(const T* x, T* y, std::int64_t count, std::int64_t step) {
    const ExpSum all(x, count, step);
    for (std::int64_t i = 0; i < count; ++i) {
      y[i * step] = from_real<T>(all.log_softmax(static_cast<double>(x[i * step])));
    }
  });
}

void run_hardmax(KernelContext& context) {
  map_lines(context, []<class T>(const T* x, T* y, std::int64_t count, std::int64_t step) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < count; ++i) {
      if (x[i * step] > x[best * step]) best = i;
    }
    for (std::int64_t i = 0; i < count; ++i) y[i * step] = T(i == best ? 1.0f : 0.0f);
  });
}

}  // namespace

void add_softmax_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "Softmax", run_softmax});
  table.push_back({"", "LogSoftmax", run_log_softmax});
  table.push_back({"", "Hardmax", run_hardmax});
}

}  // namespace inlay::inline v0::kernels
