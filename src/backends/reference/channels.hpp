// Images whose channels are the last axis instead of the second.
#pragma once

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// [batch, d1 ..., channels] as [batch, channels, d1 ...].
inline Shape channels_first(const Shape& shape) {
  Shape first = shape;
  for (int axis = 1; axis < shape.rank(); ++axis) {
    first[axis] = shape[axis == 1 ? shape.rank() - 1 : axis - 1];
  }
  return first;
}
/// The inverse of channels_first.
inline Shape channels_last(const Shape& shape) {
  Shape last = shape;
  for (int axis = 1; axis < shape.rank(); ++axis) {
    last[axis] = shape[axis == shape.rank() - 1 ? 1 : axis + 1];
  }
  return last;
}

/// Where the elements of one plane lie: place i is number start + i * step.
struct PlanePlaces {
  std::int64_t start, step;
  std::int64_t operator()(std::int64_t i) const { return start + i * step; }
};
/// Of a plane, a channel of an image, with `size` elements.
inline PlanePlaces plane_places(std::int64_t plane, std::int64_t size, std::int64_t channels,
                                bool channels_are_last) {
  if (!channels_are_last) return {plane * size, 1};
  return {plane / channels * channels * size + plane % channels, channels};
}

/// The elements of an image with the channels last, in scratch, as `shape` has them: the channels
/// second.
template <class T>
const T* with_channels_first(KernelContext& context, const T* from, const Shape& shape) {
  const auto values = context.scratch<T>(shape.elements());
  const std::int64_t size = shape.product(2, shape.rank());
  T* to = values.data();
  for (std::int64_t plane = 0; plane < shape.product(0, 2); ++plane) {
    const PlanePlaces places = plane_places(plane, size, shape[1], true);
    for (std::int64_t i = 0; i < size; ++i) *to++ = from[places(i)];
  }
  return values.data();
}
/// The inverse: writes elements with the channels second, as in `shape`, with them last.
template <class T>
void put_channels_last(const T* from, const Shape& shape, T* to) {
  const std::int64_t size = shape.product(2, shape.rank());
  for (std::int64_t plane = 0; plane < shape.product(0, 2); ++plane) {
    const PlanePlaces places = plane_places(plane, size, shape[1], true);
    for (std::int64_t i = 0; i < size; ++i) to[places(i)] = *from++;
  }
}

}  // namespace inlay::inline v0::kernels
