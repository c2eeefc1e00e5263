// Size rules that inference and kernels share: slices, equal splits, crops, resizing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "inlay/error.hpp"

namespace inlay::inline v0 {

/// The elements start, start + step, ... of an axis; `count` of them.
struct SliceRange {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

/// ONNX Slice along an axis of `dim` elements: negative bounds count from the end, bounds outside
/// are clamped. `step` must not be 0; where no second element is left it is given as 1.
inline SliceRange slice_range(std::int64_t start, std::int64_t end, std::int64_t step,
                              std::int64_t dim) {
  if (dim == 0) return {};
  step = std::max(step, -INT64_MAX);
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? dim : dim - 1;
  start = std::clamp(start < 0 ? start + dim : start, std::max<std::int64_t>(low, 0), high);
  end = std::clamp(end < 0 ? end + dim : end, low, high);
  const std::int64_t distance = step > 0 ? end - start : start - end;
  const std::int64_t stride = step > 0 ? step : -step;
  const std::int64_t count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
  return {start, count > 1 ? step : 1, count};
}

/// Size of part `i` when an axis is split in `parts` equal ones, the last being what is left.
inline std::int64_t equal_part(std::int64_t dim, std::int64_t parts, std::int64_t i) {
  const std::int64_t size = dim / parts + (dim % parts != 0 ? 1 : 0);
  return std::clamp<std::int64_t>(dim - i * size, 0, size);
}

/// How many elements to take away from an axis's start to crop (negative: add to pad) `dim`
/// elements to `target` around the center; what is odd goes to the end.
inline std::int64_t center_offset(std::int64_t dim, std::int64_t target) {
  return dim >= target ? (dim - target) / 2 : -((target - dim) / 2);
}

/// What Resize and Upsample make of `dim` elements: floor(dim * extent * scale) in single
/// precision, where `extent` is the part of the axis that is resized. Errors: invalid_argument.
inline std::int64_t scaled_size(std::int64_t dim, float scale, float extent = 1) {
  const float size = std::floor(static_cast<float>(dim) * extent * scale);
  if (!(scale > 0) || !(size >= 0 && size < 0x1p62f)) {
    throw Error(ErrorCode::invalid_argument, "a scale is not a positive number of a sane size");
  }
  return static_cast<std::int64_t>(size);
}

/// `dim * scale` rounded to the nearest integer, halves up: Resize with an aspect ratio to keep.
inline std::int64_t fitted_size(std::int64_t dim, double scale) {
  return static_cast<std::int64_t>(std::floor(static_cast<double>(dim) * scale + 0.5));
}

}  // namespace inlay::inline v0
