// Walking tensors: strides, broadcasting, and the outer x axis x inner view. Nothing here
// allocates.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "inlay/executor.hpp"
#include "inlay/shape.hpp"

namespace inlay::inline v0::kernels {

/// One element stride per axis of some shape.
using Strides = std::array<std::int64_t, Shape::max_rank>;
/// Positions in N tensors.
template <std::size_t N>
using Offsets = std::array<std::int64_t, N>;

/// Strides of a dense row-major tensor.
inline Strides dense_strides(const Shape& shape) {
  Strides strides{};
  if (shape.elements() == 0) return strides;
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  }
  return strides;
}

/// Strides, on the axes of `to`, of a dense tensor of shape `from` that is broadcast to `to`:
/// axes are aligned at the end, repeated ones have stride 0. Errors: shape_mismatch.
inline Strides broadcast_strides(const Shape& from, const Shape& to) {
  const Strides dense = dense_strides(from);
  const int lead = to.rank() - from.rank();
  if (lead < 0) throw Error(ErrorCode::shape_mismatch, "an input has more axes than the output");
  Strides strides{};
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (from[axis] == 1) continue;
    if (from[axis] != to[lead + axis]) {
      throw Error(ErrorCode::shape_mismatch,
                  to_string(from) + " does not broadcast to " + to_string(to));
    }
    strides[static_cast<std::size_t>(lead + axis)] = dense[static_cast<std::size_t>(axis)];
  }
  return strides;
}

/// What walk_rows calls. By reference, so that walking is compiled once and not per kernel and
/// type.
template <std::size_t N>
using RowFunction = FunctionRef<void(std::int64_t index, const Offsets<N>& offsets,
                                     const Offsets<N>& steps, std::int64_t count)>;

/// Walks `shape` in row-major order a row at a time, following N tensors by their strides. Calls
/// row(index, offsets, steps, count): the row's elements i in [0, count) are number index + i and
/// lie at offsets[n] + i * steps[n] of tensor n. Axes that lie behind each other in every tensor
/// are walked as one, so that dense tensors give a single row.
template <std::size_t N>
void walk_rows(const Shape& shape, const std::array<Strides, N>& strides,
               std::type_identity_t<RowFunction<N>> row) {
  std::array<std::int64_t, Shape::max_rank> dims{};
  std::array<Offsets<N>, Shape::max_rank> steps{};
  std::size_t rank = 0;  // of the merged axes, innermost first
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t dim = shape[axis];
    if (dim == 0) return;
    if (dim == 1) continue;
    Offsets<N> step;
    bool merges = rank > 0;
    for (std::size_t n = 0; n < N; ++n) {
      step[n] = strides[n][static_cast<std::size_t>(axis)];
      merges = merges && step[n] == steps[rank - 1][n] * dims[rank - 1];
    }
    if (merges) {
      dims[rank - 1] *= dim;
    } else {
      dims[rank] = dim;
      steps[rank++] = step;
    }
  }
  Offsets<N> offsets{};
  if (rank == 0) {
    row(std::int64_t{0}, offsets, steps[0], std::int64_t{1});
    return;
  }
  std::array<std::int64_t, Shape::max_rank> at{};
  for (std::int64_t index = 0;; index += dims[0]) {
    row(index, offsets, steps[0], dims[0]);
    std::size_t axis = 1;
    for (; axis < rank; ++axis) {
      for (std::size_t n = 0; n < N; ++n) offsets[n] += steps[axis][n];
      if (++at[axis] < dims[axis]) break;
      for (std::size_t n = 0; n < N; ++n) offsets[n] -= steps[axis][n] * dims[axis];
      at[axis] = 0;
    }
    if (axis == rank) return;
  }
}

/// The same, an element at a time: f(index, offsets).
template <std::size_t N, class F>
void walk(const Shape& shape, const std::array<Strides, N>& strides, F&& f) {
  walk_rows(
      shape, strides,
      [&](std::int64_t index, Offsets<N> offsets, const Offsets<N>& steps, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
          f(index + i, offsets);
          for (std::size_t n = 0; n < N; ++n) offsets[n] += steps[n];
        }
      });
}

/// A shape seen as [outer, axis, inner]: element (o, a, i) is at (o * axis + a) * inner + i.
struct AxisSplit {
  std::int64_t outer;
  std::int64_t axis;
  std::int64_t inner;
};
/// Axes before, of, and after `axis` (0..rank-1).
inline AxisSplit split_axis(const Shape& shape, int axis) {
  return {shape.product(0, axis), shape[axis], shape.product(axis + 1, shape.rank())};
}

/// Calls f(line, start) for each line along the split's axis; element i of it lies at
/// start + i * split.inner.
template <class F>
void each_line(const AxisSplit& split, F&& f) {
  for (std::int64_t outer = 0; outer < split.outer; ++outer) {
    for (std::int64_t inner = 0; inner < split.inner; ++inner) {
      f(outer * split.inner + inner, outer * split.axis * split.inner + inner);
    }
  }
}

/// Which axes of a shape an operator works on, and the rest.
struct AxisSet {
  std::array<bool, Shape::max_rank> chosen{};

  bool operator[](int axis) const { return chosen[static_cast<std::size_t>(axis)]; }
  /// Errors: invalid_argument when `axis` is outside the rank.
  void add(std::int64_t axis, int rank) {
    chosen[static_cast<std::size_t>(normalize_axis(axis, rank))] = true;
  }
};

/// A dense tensor's axes parted in two: those an operator works within, and those it repeats over.
struct Partition {
  Shape kept;
  Shape within;
  Strides kept_strides{};
  Strides within_strides{};
};
inline Partition partition(const Shape& shape, const AxisSet& set) {
  const Strides dense = dense_strides(shape);
  Partition parts;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    Shape& part = set[axis] ? parts.within : parts.kept;
    Strides& strides = set[axis] ? parts.within_strides : parts.kept_strides;
    strides[part.size()] = dense[static_cast<std::size_t>(axis)];
    part.push_back(shape[axis]);
  }
  return parts;
}

}  // namespace inlay::inline v0::kernels
