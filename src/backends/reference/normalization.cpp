// Normalization by mean and variance.
#include "backends/reference/normalization.hpp"

#include <cmath>

#include "backends/reference/arguments.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/moments.hpp"

namespace inlay::inline v0 {
namespace {

using namespace kernels;

float epsilon_of(const KernelContext& context) {
  return context.attributes().real("epsilon", 1e-5f);
}

/// One number per channel. Errors: shape_mismatch.
std::span<const double> per_channel(KernelContext& context, std::size_t i, std::int64_t channels) {
  if (context.input(i).size() != channels) {
    context.fail(ErrorCode::shape_mismatch, "input " + std::to_string(i) + " has shape " +
                                                to_string(context.input(i).shape()) +
                                                ", not one number for each of " +
                                                std::to_string(channels) + " channels");
  }
  return reals(context, context.input(i));
}

/// A vector is a batch of one channel. Before opset 9, spatial = 0 made each feature a channel.
AxisSplit channels_of(const KernelContext& context, const Shape& shape) {
  if (shape.rank() < 2) return {shape.elements(), 1, 1};
  if (context.version() < 9 && context.attributes().integer("spatial", 1) == 0) {
    return {shape[0], shape.product(1, shape.rank()), 1};
  }
  return split_axis(shape, 1);
}

/// Opset 14 has an attribute for it; before, asking for the statistics meant training.
bool is_training(const KernelContext& context) {
  if (context.version() >= 14) return context.attributes().integer("training_mode", 0) != 0;
  return context.has_output(1) || context.has_output(2) || context.has_output(3) ||
         context.has_output(4);
}

/// Output i, a number per channel, is f(channel).
template <class F>
void put_statistics(KernelContext& context, std::size_t i, F&& f) {
  if (!context.has_output(i)) return;
  Tensor& y = context.output(i, context.input(3).shape());
  visit_dtype<Floats>(y.dtype(), [&]<class T>() {
    std::size_t channel = 0;
    for (T& value : y.as_mutable<T>()) value = from_real<T>(f(channel++));
  });
}

void run_batch_normalization(KernelContext& context) {
  const Tensor& x = context.input(0);
  const AxisSplit split = channels_of(context, x.shape());
  const auto scale = per_channel(context, 1, split.axis);
  const auto shift = per_channel(context, 2, split.axis);
  const auto mean = per_channel(context, 3, split.axis);
  const auto variance = per_channel(context, 4, split.axis);
  const bool training = is_training(context);
  const auto current = context.scratch<Moments>(split.axis);
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    for (std::int64_t channel = 0; channel < split.axis; ++channel) {
      const auto c = static_cast<std::size_t>(channel);
      const auto each = [&](auto&& f) {
        for (std::int64_t outer = 0; outer < split.outer; ++outer) {
          const std::int64_t start = (outer * split.axis + channel) * split.inner;
          for (std::int64_t i = 0; i < split.inner; ++i) f(start + i);
        }
      };
      current[c] = {mean[c], variance[c]};
      if (training) {
        current[c] = moments_of(split.outer * split.inner, [&](auto&& take) {
          each([&](std::int64_t i) { take(static_cast<double>(from[i])); });
        });
      }
      const double factor = scale[c] * current[c].inverse_deviation(epsilon_of(context));
      each([&](std::int64_t i) {
        to[i] = from_real<T>((static_cast<double>(from[i]) - current[c].mean) * factor + shift[c]);
      });
    }
  });
  if (!training) return;
  const double momentum = context.attributes().real("momentum", 0.9f);
  const auto blend = [=](double old, double now) { return old * momentum + now * (1 - momentum); };
  put_statistics(context, 1, [&](std::size_t c) { return blend(mean[c], current[c].mean); });
  put_statistics(context, 2,
                 [&](std::size_t c) { return blend(variance[c], current[c].variance); });
  put_statistics(context, 3, [&](std::size_t c) { return current[c].mean; });
  put_statistics(context, 4, [&](std::size_t c) { return current[c].variance; });
}

/// Statistics over each of `groups` groups of the channels of x [N, C, d1 …].
void normalize_groups(KernelContext& context, std::int64_t groups, bool scale_per_group) {
  const Tensor& x = context.input(0);
  if (x.rank() < 2 || groups <= 0 || x.dim(1) % groups != 0) {
    context.fail(ErrorCode::shape_mismatch,
                 "the channels cannot be parted into " + std::to_string(groups) + " groups");
  }
  const std::int64_t channels = x.dim(1);
  const std::int64_t inner = x.shape().product(2, x.rank());
  const std::int64_t group_size = channels / groups * inner;
  const auto scale = per_channel(context, 1, scale_per_group ? groups : channels);
  const auto shift = per_channel(context, 2, scale_per_group ? groups : channels);
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    for (std::int64_t start = 0; start < x.size(); start += group_size) {
      const Moments moments = moments_of(from + start, group_size);
      const double inverse = moments.inverse_deviation(epsilon_of(context));
      for (std::int64_t i = start; i < start + group_size; ++i) {
        const auto c = static_cast<std::size_t>(scale_per_group ? start / group_size % groups
                                                                : i / inner % channels);
        to[i] = scale_and_shift<T>((static_cast<double>(from[i]) - moments.mean) * inverse,
                                   scale[c], shift[c]);
      }
    }
  });
}

void run_instance_normalization(KernelContext& context) {
  const Tensor& x = context.input(0);
  normalize_groups(context, x.rank() < 2 ? 0 : x.dim(1), false);
}

void run_group_normalization(KernelContext& context) {
  normalize_groups(context, context.attributes().integer("num_groups", 0), context.version() < 21);
}

void run_layer_normalization(KernelContext& context) {
  const Tensor& x = context.input(0);
  const int axis = axis_attribute(context, -1, x.rank());
  const std::int64_t width = x.shape().product(axis, x.rank());
  const auto scale = reals(context, context.input(1));
  const bool shifted = context.has_input(2);
  const auto shift = shifted ? reals(context, context.input(2)) : std::span<const double>();
  const Shape shift_shape = shifted ? context.input(2).shape() : Shape{};
  const Strides scale_strides = broadcast_strides(context.input(1).shape(), x.shape());
  const Strides shift_strides = broadcast_strides(shift_shape, x.shape());
  Shape row_shape = x.shape();
  for (int i = axis; i < x.rank(); ++i) row_shape[i] = 1;
  Tensor& y = context.output(0, x.shape());
  RowOutput mean(context, 1, row_shape);
  RowOutput inverse_deviation(context, 2, row_shape);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    Moments moments;
    double inverse = 0;
    walk<2>(x.shape(), {scale_strides, shift_strides}, [&](std::int64_t i, const Offsets<2>& at) {
      if (i % width == 0) {
        moments = moments_of(from + i, width);
        inverse = moments.inverse_deviation(epsilon_of(context));
        mean.put(i / width, moments.mean);
        inverse_deviation.put(i / width, inverse);
      }
      to[i] = scale_and_shift<T>((static_cast<double>(from[i]) - moments.mean) * inverse,
                                 scale[static_cast<std::size_t>(at[0])],
                                 shifted ? shift[static_cast<std::size_t>(at[1])] : 0);
    });
  });
}

void run_mean_variance_normalization(KernelContext& context) {
  constexpr double epsilon = 1e-9;  // added to the deviation, in the operator's definition
  constexpr std::int64_t all_but_channels[] = {0, 2, 3};
  const Tensor& x = context.input(0);
  std::span<const std::int64_t> axes = context.attributes().integers("axes");
  if (!context.attributes().has("axes")) axes = all_but_channels;
  AxisSet set;
  for (const std::int64_t axis : axes) set.add(axis, x.rank());
  const Partition parts = partition(x.shape(), set);
  const std::int64_t count = parts.within.elements();
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    walk<1>(parts.kept, {parts.kept_strides}, [&](std::int64_t, const Offsets<1>& base) {
      const auto each = [&](auto&& f) {
        walk<1>(parts.within, {parts.within_strides},
                [&](std::int64_t, const Offsets<1>& at) { f(base[0] + at[0]); });
      };
      const Moments moments = moments_of(count, [&](auto&& take) {
        each([&](std::int64_t i) { take(static_cast<double>(from[i])); });
      });
      const double deviation = std::sqrt(moments.variance) + epsilon;
      each([&](std::int64_t i) {
        to[i] = from_real<T>((static_cast<double>(from[i]) - moments.mean) / deviation);
      });
    });
  });
}

}  // namespace

std::vector<ReferenceKernel> normalization_kernels() {
  std::vector<ReferenceKernel> table = {
      {"", "BatchNormalization", run_batch_normalization},
      {"", "InstanceNormalization", run_instance_normalization},
      {"", "GroupNormalization", run_group_normalization},
      {"", "LayerNormalization", run_layer_normalization},
      {"", "MeanVarianceNormalization", run_mean_variance_normalization},
  };
  add_norm_kernels(table);
  add_softmax_kernels(table);
  add_loss_kernels(table);
  return table;
}

}  // namespace inlay::inline v0
