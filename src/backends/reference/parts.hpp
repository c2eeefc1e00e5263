// Joining tensors along an axis and cutting them apart: Concat and Split, and what the sequence and
// control operators collect and hand out.
#pragma once

#include "backends/reference/storage.hpp"

namespace inlay::inline v0::kernels {

/// The shape of part(0) ... part(count - 1) joined along `axis`; count is at least 1.
/// Errors: shape_mismatch.
template <class Part>
Shape joined_shape(const KernelContext& context, std::size_t count, int axis, Part&& part) {
  Shape shape = part(0).shape();
  for (std::size_t i = 1; i < count; ++i) {
    Shape other = part(i).shape();
    const std::int64_t more = other.rank() == shape.rank() ? other[axis] : 0;
    if (other.rank() == shape.rank()) other[axis] = shape[axis];
    if (other != shape || more > INT64_MAX - shape[axis]) {
      context.fail(ErrorCode::shape_mismatch, "tensors of shapes " + to_string(part(0).shape()) +
                                                  " and " + to_string(part(i).shape()) +
                                                  " cannot be joined");
    }
    shape[axis] += more;
  }
  return shape;
}

/// Writes the parts, joined along `axis`, to `output`, which has their dtype and joined_shape.
template <class Part>
void join(KernelContext& context, Tensor& output, std::size_t count, int axis, Part&& part) {
  const AxisSplit whole = split_axis(output.shape(), axis);
  write_stored(context, output, [&](auto* to) {
    for (std::size_t i = 0; i < count; ++i) {
      const Tensor& input = part(i);
      const std::int64_t run = input.dim(axis) * whole.inner;
      const auto* from = stored<element_t<decltype(to)>>(context, input);
      for (std::int64_t outer = 0; outer < whole.outer; ++outer) {
        auto* const there = to + outer * whole.axis * whole.inner;
        // The part may have been computed where it is to be.
        if (from + outer * run != there) std::copy_n(from + outer * run, run, there);
      }
      to += run;
    }
  });
}

/// Fills `output` with the elements of `data` from `start` of `axis` on.
inline void cut(KernelContext& context, Tensor& output, const Tensor& data, int axis,
                std::int64_t start) {
  const AxisSplit whole = split_axis(data.shape(), axis);
  const std::int64_t run = output.dim(axis) * whole.inner;
  write_stored(context, output, [&](auto* to) {
    const auto* from = stored<element_t<decltype(to)>>(context, data) + start * whole.inner;
    for (std::int64_t outer = 0; outer < whole.outer; ++outer) {
      to = std::copy_n(from + outer * whole.axis * whole.inner, run, to);
    }
  });
}
/// The elements [start, start + size) of `axis` as a tensor of its own.
inline Tensor cut_out(KernelContext& context, const Tensor& data, int axis, std::int64_t start,
                      std::int64_t size) {
  Shape shape = data.shape();
  shape[axis] = size;
  Tensor part(data.dtype(), shape);
  cut(context, part, data, axis, start);
  return part;
}

}  // namespace inlay::inline v0::kernels
