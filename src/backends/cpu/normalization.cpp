// Layer, RMS, batch, instance and group normalization.
#include "backends/cpu/glue.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::cpu {
namespace {

float epsilon_of(const Node& node) { return node.attributes.real("epsilon", 1e-5f); }

/// Input i broadcast to `shape`, in scratch where it has not that many elements already.
const float* expanded(KernelContext& context, std::size_t i, const Shape& shape) {
  const Tensor& tensor = context.input(i);
  const float* from = tensor.as<float>().data();
  if (tensor.size() == shape.elements()) return from;
  const kernels::Strides strides = kernels::broadcast_strides(tensor.shape(), shape);
  const auto to = context.scratch<float>(shape.elements());
  kernels::walk<1>(shape, {strides}, [&](std::int64_t at, const kernels::Offsets<1>& offsets) {
    to[to_size(at)] = from[offsets[0]];
  });
  return to.data();
}

/// LayerNormalization and RMSNormalization: rows are what lies behind `axis`.
class RowNormKernel final : public Kernel {
 public:
  RowNormKernel(const CompileContext& context, const KernelTable& table)
      : reduce_(table.reduce),
        by_mean_(context.node.op == "LayerNormalization"),
        epsilon_(epsilon_of(context.node)),
        axis_(context.node.attributes.integer("axis", -1)) {}

  void run(KernelContext& context) const override {
    const Shape shape = context.input(0).shape();
    const int axis = normalize_axis(axis_, shape.rank());
    const std::size_t n = to_size(shape.product(axis, shape.rank()));
    const std::int64_t rows = shape.product(0, axis);
    Shape row, statistics = shape;
    for (int i = axis; i < shape.rank(); ++i) {
      row.push_back(shape[i]);
      statistics[i] = 1;
    }
    const float* x = floats(context, 0);
    const float* scale = expanded(context, 1, row);
    const float* bias = context.has_input(2) ? expanded(context, 2, row) : nullptr;
    float* y = context.output(0, shape).as_mutable<float>().data();
    const auto statistic = [&](std::size_t i) {
      return context.has_output(i) ? context.output(i, statistics).as_mutable<float>().data()
                                   : nullptr;
    };
    float* mean = by_mean_ ? statistic(1) : nullptr;
    float* deviation = by_mean_ ? statistic(2) : nullptr;
    const std::int64_t grain = items_per_task(2 * static_cast<std::int64_t>(n));
    for_ranges(context, rows, grain, [&](std::size_t begin, std::size_t end, int) {
      const std::size_t at = begin * n;
      if (by_mean_) {
        reduce_.layer_norm(x + at, scale, bias, y + at, end - begin, n, epsilon_,
                           mean != nullptr ? mean + begin : nullptr,
                           deviation != nullptr ? deviation + begin : nullptr);
      } else {
        reduce_.rms_norm(x + at, scale, y + at, end - begin, n, epsilon_);
      }
    });
  }

 private:
  const ReduceKernels& reduce_;
  bool by_mean_;
  float epsilon_;
  std::int64_t axis_;
};

Support supports_row_norm(const CompileContext& context) {
  const Type& x = context.input_type(0);
  if (!x.has_rank) return unsupported("unknown rank");
  if (context.node.attributes.integer("stash_type", 1) != 1) {
    return unsupported("statistics are kept in f32");
  }
  const std::int64_t axis = context.node.attributes.integer("axis", -1);
  const std::int64_t normalized = axis < 0 ? -axis : x.rank() - axis;
  for (const std::size_t i : {1, 2}) {
    if (context.node.has_input(i) &&
        (!context.input_type(i).has_rank || context.input_type(i).rank() > normalized)) {
      return unsupported("scale or bias differ from row to row");
    }
  }
  return float_inputs(context, 3);
}

/// The shape as batch x channels x spatial. Errors: shape_mismatch unless inputs [1, last] have one
/// value for each channel.
kernels::AxisSplit channels_of(const KernelContext& context, std::size_t last,
                               std::int64_t per_channel = -1) {
  const Shape& shape = context.input(0).shape();
  const kernels::AxisSplit split =
      shape.rank() < 2 ? kernels::AxisSplit{shape.elements(), 1, 1} : kernels::split_axis(shape, 1);
  for (std::size_t i = 1; i <= last; ++i) {
    if (context.input(i).size() != (per_channel < 0 ? split.axis : per_channel)) {
      context.fail(ErrorCode::shape_mismatch,
                   "input " + std::to_string(i) + " does not have one number for each channel");
    }
  }
  return split;
}

class BatchNormKernel final : public Kernel {
 public:
  BatchNormKernel(const CompileContext& context, const KernelTable& table)
      : reduce_(table.reduce), epsilon_(epsilon_of(context.node)) {}

  void run(KernelContext& context) const override {
    const kernels::AxisSplit split = channels_of(context, 4);
    const std::size_t channels = to_size(split.axis), spatial = to_size(split.inner);
    float* const factor = context.scratch<float>(split.axis).data();
    float* const shift = context.scratch<float>(split.axis).data();
    reduce_.batch_norm_coefficients(floats(context, 1), floats(context, 2), floats(context, 3),
                                    floats(context, 4), epsilon_, channels, factor, shift);
    const float* x = floats(context, 0);
    const Shape shape = context.input(0).shape();
    float* y = context.output(0, shape).as_mutable<float>().data();
    for_ranges(context, split.outer * split.axis, items_per_task(split.inner),
               [&](std::size_t begin, std::size_t end, int) {
                 reduce_.scale_shift(x, factor, shift, y, channels, spatial, begin, end);
               });
  }

 private:
  const ReduceKernels& reduce_;
  float epsilon_;
};

Support supports_batch_norm(const CompileContext& context) {
  const Node& node = context.node;
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.output(i) != no_id) return unsupported("training");
  }
  if (node.attributes.integer("training_mode", 0) != 0) return unsupported("training");
  if (node.version < 9 && node.attributes.integer("spatial", 1) == 0) {
    return unsupported("statistics for each feature");
  }
  return float_inputs(context, 5);
}

/// InstanceNormalization and GroupNormalization.
class GroupNormKernel final : public Kernel {
 public:
  GroupNormKernel(const CompileContext& context, const KernelTable& table)
      : reduce_(table.reduce),
        epsilon_(epsilon_of(context.node)),
        groups_(context.node.attributes.integer("num_groups", 0)),
        by_instance_(context.node.op == "InstanceNormalization"),
        scale_per_group_(!by_instance_ && context.node.version < 21) {}

  void run(KernelContext& context) const override {
    const Shape shape = context.input(0).shape();
    const std::int64_t channels = shape.rank() < 2 ? 0 : shape[1];
    const std::int64_t groups = by_instance_ ? channels : groups_;
    if (shape.rank() < 2 || groups <= 0 || channels % groups != 0) {
      context.fail(ErrorCode::shape_mismatch, "the channels cannot be parted into groups");
    }
    const kernels::AxisSplit split = channels_of(context, 2, scale_per_group_ ? groups : channels);
    const std::int64_t per_group = channels / groups;
    const auto per_channel = [&](std::size_t i) {
      const float* from = floats(context, i);
      if (!scale_per_group_) return from;
      const auto to = context.scratch<float>(channels);
      for (std::int64_t c = 0; c < channels; ++c) to[to_size(c)] = from[c / per_group];
      return static_cast<const float*>(to.data());
    };
    const float* scale = per_channel(1);
    const float* bias = per_channel(2);
    const float* x = floats(context, 0);
    float* y = context.output(0, shape).as_mutable<float>().data();
    const kernels::GroupShape parts{to_size(groups), to_size(per_group), to_size(split.inner)};
    for_ranges(context, split.outer * groups, items_per_task(2 * per_group * split.inner),
               [&](std::size_t begin, std::size_t end, int) {
                 reduce_.group_norm(x, scale, bias, y, parts, begin, end, epsilon_);
               });
  }

 private:
  const ReduceKernels& reduce_;
  float epsilon_;
  std::int64_t groups_;
  bool by_instance_;
  bool scale_per_group_;
};

Support supports_group_norm(const CompileContext& context) {
  if (context.node.attributes.integer("stash_type", 1) != 1) {
    return unsupported("statistics are kept in f32");
  }
  return float_inputs(context, 3);
}

}  // namespace

std::vector<CpuOp> normalization_ops() {
  return {cpu_op("", "LayerNormalization", supports_row_norm, compile_as<RowNormKernel>),
          cpu_op("", "RMSNormalization", supports_row_norm, compile_as<RowNormKernel>),
          cpu_op("", "BatchNormalization", supports_batch_norm, compile_as<BatchNormKernel>),
          cpu_op("", "InstanceNormalization", supports_group_norm, compile_as<GroupNormKernel>),
          cpu_op("", "GroupNormalization", supports_group_norm, compile_as<GroupNormKernel>)};
}

}  // namespace inlay::inline v0::cpu
