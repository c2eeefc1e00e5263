// Normalization by norms: of a row, of a line, of neighbouring channels.
#include <cmath>

#include "backends/reference/arguments.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/moments.hpp"
#include "backends/reference/normalization.hpp"

namespace inlay::inline v0::kernels {
namespace {

void run_rms_normalization(KernelContext& context) {
  const Tensor& x = context.input(0);
  const double epsilon = context.attributes().real("epsilon", 1e-5f);
  const int axis = axis_attribute(context, -1, x.rank());
  const std::int64_t width = x.shape().product(axis, x.rank());
  const auto scale = reals(context, context.input(1));
  const Strides scale_strides = broadcast_strides(context.input(1).shape(), x.shape());
  Shape row_shape = x.shape();
  for (int i = axis; i < x.rank(); ++i) row_shape[i] = 1;
  Tensor& y = context.output(0, x.shape());
  RowOutput inverse_root(context, 1, row_shape);  // of SimplifiedLayerNormalization
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    visit_dtype<Floats>(y.dtype(), [&]<class V>() {
      const T* from = x.as<T>().data();
      V* to = y.as_mutable<V>().data();
      double root = 1;
      walk<1>(x.shape(), {scale_strides}, [&](std::int64_t i, const Offsets<1>& at) {
        if (i % width == 0) {
          double squares = 0;
          for (std::int64_t j = i; j < i + width; ++j) {
            squares += static_cast<double>(from[j]) * static_cast<double>(from[j]);
          }
          root = std::sqrt(squares / static_cast<double>(width) + epsilon);
          inverse_root.put(i / width, 1 / root);
        }
        const T normalized = from_real<T>(static_cast<double>(from[i]) / root);
        to[i] =
            from_real<V>(static_cast<double>(normalized) * scale[static_cast<std::size_t>(at[0])]);
      });
    });
  });
}

void run_lp_normalization(KernelContext& context) {
  const Tensor& x = context.input(0);
  const std::int64_t p = context.attributes().integer("p", 2);
  if (p != 1 && p != 2) context.fail(ErrorCode::invalid_graph, "p must be 1 or 2");
  const AxisSplit split = split_axis(x.shape(), axis_attribute(context, -1, x.rank()));
  Tensor& y = context.output(0, x.shape());
  if (y.size() == 0) return;
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    each_line(split, [&](std::int64_t, std::int64_t start) {
      const std::int64_t end = start + split.axis * split.inner;
      double sum = 0;
      for (std::int64_t i = start; i < end; i += split.inner) {
        const auto value = static_cast<double>(from[i]);
        sum += p == 1 ? std::abs(value) : value * value;
      }
      const double norm = p == 1 ? sum : std::sqrt(sum);
      for (std::int64_t i = start; i < end; i += split.inner) {
        to[i] = from_real<T>(norm == 0 ? 0 : static_cast<double>(from[i]) / norm);
      }
    });
  });
}

void run_lrn(KernelContext& context) {
  const Tensor& x = context.input(0);
  const std::int64_t size = context.attributes().integer("size", 0);
  if (x.rank() < 2 || size <= 0) {
    context.fail(ErrorCode::invalid_argument, "needs channels and a positive size");
  }
  const double alpha = context.attributes().real("alpha", 1e-4f);
  const double beta = context.attributes().real("beta", 0.75f);
  const double bias = context.attributes().real("bias", 1.0f);
  const AxisSplit split = split_axis(x.shape(), 1);
  Tensor& y = context.output(0, x.shape());
  if (y.size() == 0) return;
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    each_line(split, [&](std::int64_t, std::int64_t start) {
      for (std::int64_t c = 0; c < split.axis; ++c) {
        const std::int64_t first = std::max<std::int64_t>(0, c - (size - 1) / 2);
        const std::int64_t last = std::min(split.axis - 1, c + size / 2);
        double squares = 0;
        for (std::int64_t i = first; i <= last; ++i) {
          const auto value = static_cast<double>(from[start + i * split.inner]);
          squares += value * value;
        }
        const double region = bias + alpha / static_cast<double>(size) * squares;
        const std::int64_t at = start + c * split.inner;
        to[at] = from_real<T>(static_cast<double>(from[at]) / std::pow(region, beta));
      }
    });
  });
}

}  // namespace

void add_norm_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "RMSNormalization", run_rms_normalization});
  table.push_back({"", "SimplifiedLayerNormalization", run_rms_normalization});
  table.push_back({"com.microsoft", "SimplifiedLayerNormalization", run_rms_normalization});
  table.push_back({"", "LpNormalization", run_lp_normalization});
  table.push_back({"", "LRN", run_lrn});
}

}  // namespace inlay::inline v0::kernels
