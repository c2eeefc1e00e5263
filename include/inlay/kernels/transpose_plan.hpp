// What an N-dimensional transpose comes down to: loops around a copy or around a matrix transpose.
#pragma once

#include <cstddef>

namespace inlay::inline v0::kernels {

inline constexpr std::size_t transpose_max_rank = 16;

/// Strides and sizes count elements of `element_size` bytes, which may be several of the tensor's.
/// The work is `items` independent pieces; loops[0] is the outermost.
struct TransposePlan {
  struct Axis {
    std::size_t size;
    std::size_t source_stride;
    std::size_t target_stride;
  };
  std::size_t element_size;  ///< 1, 2, 4 or 8
  bool copy;                 ///< each item copies `columns` neighbours
  std::size_t columns;       ///< contiguous in the target
  std::size_t rows;          ///< contiguous in the source
  std::size_t column_source_stride;
  std::size_t row_target_stride;
  std::size_t strip;   ///< rows that one item transposes
  std::size_t strips;  ///< items that one matrix is cut into
  std::size_t loop_count;
  std::size_t items;
  Axis loops[transpose_max_rank];
};

namespace detail {

/// The result's axes without those of size 1, and with those merged that stay neighbours.
inline std::size_t collapse_axes(std::size_t rank, const std::size_t* dims, const std::size_t* perm,
                                 TransposePlan::Axis* axes) {
  std::size_t source_strides[transpose_max_rank];
  std::size_t stride = 1;
  for (std::size_t i = rank; i-- > 0;) {
    source_strides[i] = stride;
    stride *= dims[i];
  }
  std::size_t count = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t size = dims[perm[i]], source = source_strides[perm[i]];
    if (size == 1) continue;
    if (count > 0 && axes[count - 1].source_stride == source * size) {
      axes[count - 1].size *= size;
      axes[count - 1].source_stride = source;
    } else {
      axes[count++] = {size, source, 0};
    }
  }
  return count;
}

}  // namespace detail

/// Plans target = source with axis i of the target being axis perm[i] of the source, which has
/// `rank` <= 16 dimensions and elements of 1, 2, 4 or 8 bytes. No dimension may be 0.
inline TransposePlan make_transpose_plan(std::size_t rank, const std::size_t* dims,
                                         const std::size_t* perm, std::size_t element_size) {
  TransposePlan plan = {};
  TransposePlan::Axis axes[transpose_max_rank] = {};
  std::size_t count = detail::collapse_axes(rank, dims, perm, axes);
  plan.element_size = element_size;
  plan.columns = plan.rows = plan.strips = 1;
  plan.copy = count == 0 || axes[count - 1].source_stride == 1;
  const std::size_t run = plan.copy && count > 0 ? axes[--count].size : 1;
  if (plan.copy && count > 0 && run * element_size <= 8 && 8 % (run * element_size) == 0) {
    // Runs that small are better moved as elements of a matrix.
    plan.copy = false;
    plan.element_size = run * element_size;
    for (std::size_t i = 0; i < count; ++i) axes[i].source_stride /= run;
  } else {
    plan.columns = run;
  }
  std::size_t target_stride = plan.columns;
  for (std::size_t i = count; i-- > 0;) {
    axes[i].target_stride = target_stride;
    target_stride *= axes[i].size;
  }
  std::size_t row_axis = count;
  if (!plan.copy) {
    --count;
    plan.columns = axes[count].size;
    plan.column_source_stride = axes[count].source_stride;
    for (row_axis = 0; axes[row_axis].source_stride != 1;) ++row_axis;
    plan.rows = axes[row_axis].size;
    plan.row_target_stride = axes[row_axis].target_stride;
    plan.strip = 64 / plan.element_size;  // a cache line of the source
    plan.strips = (plan.rows + plan.strip - 1) / plan.strip;
  }
  plan.items = plan.strips;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == row_axis) continue;
    plan.loops[plan.loop_count++] = axes[i];
    plan.items *= axes[i].size;
  }
  return plan;
}

}  // namespace inlay::inline v0::kernels
