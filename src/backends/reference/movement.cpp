// Concat, Split, Slice, Tile, ReverseSequence, DepthToSpace, SpaceToDepth, Trilu.
#include "backends/reference/arguments.hpp"
#include "backends/reference/block_move.hpp"
#include "backends/reference/parts.hpp"
#include "backends/reference/reference.hpp"
#include "ops/shape_rules.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

void concat(KernelContext& context) {
  const int axis = axis_attribute(context, 1, context.input(0).rank());
  const auto part = [&](std::size_t i) -> const Tensor& { return context.input(i); };
  const Shape shape = joined_shape(context, context.input_count(), axis, part);
  join(context, context.output(0, shape), context.input_count(), axis, part);
}

void split(KernelContext& context) {
  const Tensor& data = context.input(0);
  const int axis = axis_attribute(context, 0, data.rank());
  const auto sizes = integers(context, "split", 1);
  const auto outputs = static_cast<std::int64_t>(context.output_count());
  const std::int64_t parts = context.attributes().integer("num_outputs", outputs);
  const bool listed = context.attributes().has("split") || context.has_input(1);
  if (listed ? std::ssize(sizes) != outputs : parts < outputs) {
    context.fail(ErrorCode::invalid_argument, "there is not one size per output");
  }
  const std::int64_t length = data.dim(axis);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < context.output_count(); ++i) {
    const std::int64_t size =
        listed ? sizes[i] : equal_part(length, parts, static_cast<std::int64_t>(i));
    if (size < 0 || size > length - start) {
      context.fail(ErrorCode::shape_mismatch, "the sizes do not add up to the axis");
    }
    if (context.has_output(i)) {
      Shape shape = data.shape();
      shape[axis] = size;
      cut(context, context.output(i, shape), data, axis, start);
    }
    start += size;
  }
  if (listed && start != length) {
    context.fail(ErrorCode::shape_mismatch, "the sizes do not add up to the axis");
  }
}

void slice(KernelContext& context) {
  const Tensor& data = context.input(0);
  const auto starts = integers(context, "starts", 1);
  const auto ends = integers(context, "ends", 2);
  const auto axes = integers(context, "axes", 3);
  const auto steps = integers(context, "steps", 4);
  if (starts.size() != ends.size() || (!axes.empty() && axes.size() != starts.size()) ||
      (!steps.empty() && steps.size() != starts.size()) ||
      (axes.empty() && starts.size() > data.shape().size())) {
    context.fail(ErrorCode::shape_mismatch, "starts, ends, axes and steps differ in length");
  }
  Shape shape = data.shape();
  Strides strides = dense_strides(shape);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const int axis = normalize_axis(axes.empty() ? static_cast<int>(i) : axes[i], data.rank());
    const std::int64_t step = steps.empty() ? 1 : steps[i];
    if (step == 0) context.fail(ErrorCode::invalid_argument, "a step is 0");
    const SliceRange range = slice_range(starts[i], ends[i], step, data.dim(axis));
    std::int64_t& stride = strides[static_cast<std::size_t>(axis)];
    offset += range.start * stride;
    stride *= range.step;
    shape[axis] = range.count;
  }
  write_stored(context, context.output(0, shape), [&](auto* to) {
    const auto* from = stored<element_t<decltype(to)>>(context, data);
    copy_strided(shape, to, dense_strides(shape), from + offset, strides);
  });
}

void tile(KernelContext& context) {
  const Tensor& data = context.input(0);
  const Shape repeats(integers(context, context.input(1)));
  if (repeats.rank() != data.rank()) {
    context.fail(ErrorCode::shape_mismatch, "repeats does not have one entry per axis");
  }
  Shape shape;
  for (int axis = 0; axis < data.rank(); ++axis) {
    shape.push_back(Shape{data.dim(axis), repeats[axis]}.elements());
  }
  const Strides strides = dense_strides(shape);
  Strides copy_steps{};  // from one copy of the data to the next
  for (int axis = 0; axis < data.rank(); ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    copy_steps[at] = strides[at] * data.dim(axis);
  }
  write_stored(context, context.output(0, shape), [&](auto* to) {
    const auto* from = stored<element_t<decltype(to)>>(context, data);
    walk(repeats, std::array<Strides, 1>{copy_steps}, [&](std::int64_t, const Offsets<1>& at) {
      copy_strided(data.shape(), to + at[0], strides, from, dense_strides(data.shape()));
    });
  });
}

void reverse_sequence(KernelContext& context) {
  const Tensor& data = context.input(0);
  const auto lengths = integers(context, context.input(1));
  const std::int64_t time_axis = context.attributes().integer("time_axis", 0);
  const std::int64_t batch_axis = context.attributes().integer("batch_axis", 1);
  if (data.rank() < 2 || std::min(time_axis, batch_axis) != 0 ||
      std::max(time_axis, batch_axis) != 1) {
    context.fail(ErrorCode::invalid_argument, "time_axis and batch_axis must be 0 and 1");
  }
  const std::int64_t times = data.dim(static_cast<int>(time_axis));
  const std::int64_t batches = data.dim(static_cast<int>(batch_axis));
  const std::int64_t inner = data.shape().product(2, data.rank());
  if (std::ssize(lengths) != batches) {
    context.fail(ErrorCode::shape_mismatch, "sequence_lens does not have one entry per sequence");
  }
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > times) {
      context.fail(ErrorCode::invalid_argument, "a sequence is longer than the time axis");
    }
  }
  const std::int64_t time_step = (time_axis == 0 ? batches : 1) * inner;
  const std::int64_t batch_step = (batch_axis == 0 ? times : 1) * inner;
  write_stored(context, context.output(0, data.shape()), [&](auto* to) {
    const auto* from = stored<element_t<decltype(to)>>(context, data);
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      const std::int64_t length = lengths[static_cast<std::size_t>(batch)];
      for (std::int64_t time = 0; time < times; ++time) {
        const std::int64_t source = time < length ? length - 1 - time : time;
        std::copy_n(from + batch * batch_step + source * time_step, inner,
                    to + batch * batch_step + time * time_step);
      }
    }
  });
}

void move_blocks(KernelContext& context, bool to_space) {
  const Tensor& data = context.input(0);
  const BlockMove move = block_move(context, to_space);
  const Strides from = dense_strides(move.axes);
  Shape moved;
  Strides source{};
  for (std::size_t i = 0; i < move.perm.size(); ++i) {
    moved.push_back(move.axes[static_cast<int>(move.perm[i])]);
    source[i] = from[move.perm[i]];
  }
  write_stored(context, context.output(0, move.result), [&](auto* to) {
    copy_strided(moved, to, dense_strides(moved), stored<element_t<decltype(to)>>(context, data),
                 source);
  });
}

void trilu(KernelContext& context) {
  const Tensor& data = context.input(0);
  if (data.rank() < 2) context.fail(ErrorCode::shape_mismatch, "the input is no matrix");
  const bool upper = context.attributes().integer("upper", 1) != 0;
  const std::int64_t rows = data.dim(data.rank() - 2);
  const std::int64_t columns = data.shape().back();
  const std::int64_t k =
      std::clamp(context.has_input(1) ? integer(context.input(1)) : 0, -rows, columns);
  const std::int64_t all_rows = data.shape().product(0, data.rank() - 1);
  write_stored(context, context.output(0, data.shape()), [&](auto* to) {
    using T = element_t<decltype(to)>;
    const T* from = stored<T>(context, data);
    for (std::int64_t row = 0; row < all_rows; ++row, from += columns) {
      // The upper triangle keeps columns from `cut` on, the lower one those before it.
      const std::int64_t cut =
          std::clamp<std::int64_t>(row % rows + k + (upper ? 0 : 1), 0, columns);
      if (upper) {
        to = std::fill_n(to, cut, T{});
        to = std::copy_n(from + cut, columns - cut, to);
      } else {
        to = std::copy_n(from, cut, to);
        to = std::fill_n(to, columns - cut, T{});
      }
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> movement_kernels() {
  using namespace kernels;
  return {
      {"", "Concat", concat},
      {"", "DepthToSpace", [](KernelContext& context) { move_blocks(context, true); }},
      {"", "ReverseSequence", reverse_sequence},
      {"", "Slice", slice},
      {"", "SpaceToDepth", [](KernelContext& context) { move_blocks(context, false); }},
      {"", "Split", split},
      {"", "Tile", tile},
      {"", "Trilu", trilu},
      {"com.microsoft", "Trilu", trilu},
  };
}

}  // namespace inlay::inline v0
