// Broadcasting two operands: axes merged as far as both allow, and the result cut into tasks.
#pragma once

#include "backends/cpu/glue.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::cpu {

class BroadcastPlan {
 public:
  /// Errors: shape_mismatch when a or b does not broadcast to `out`.
  BroadcastPlan(const Shape& a, const Shape& b, const Shape& out) {
    axes_[0] = {1, 1, 1};
    if (a == out && b == out) {
      axes_[rank_++] = {out.elements(), 1, 1};
    } else {
      merge(kernels::broadcast_strides(a, out), kernels::broadcast_strides(b, out), out);
    }
    for (std::size_t i = 1; i < rank_; ++i) rows_ *= axes_[i].size;
    if (axes_[0].size == 0) rows_ = 0;
    column_tasks_ = std::max<std::int64_t>(1, (axes_[0].size - 1) / task_elements + 1);
    rows_per_task_ = column_tasks_ > 1 ? 1 : items_per_task(axes_[0].size);
  }

  std::int64_t tasks() const {
    return rows_ == 0 ? 0 : ((rows_ - 1) / rows_per_task_ + 1) * column_tasks_;
  }

  /// Calls f(a offset, b offset, result offset, rows) for the blocks of a task.
  template <class F>
  void run(std::int64_t task, F&& f) const {
    const Axis& inner = axes_[0];
    const std::int64_t first = task % column_tasks_ * task_elements;
    const std::int64_t columns =
        column_tasks_ > 1 ? std::min(task_elements, inner.size - first) : inner.size;
    std::int64_t row = task / column_tasks_ * rows_per_task_;
    const std::int64_t end = std::min(row + rows_per_task_, rows_);
    const std::int64_t block = rank_ > 1 ? axes_[1].size : 1;
    while (row < end) {
      std::int64_t rest = row, a = first * inner.a_stride, b = first * inner.b_stride;
      for (std::size_t i = 1; i < rank_; ++i) {
        const std::int64_t at = rest % axes_[i].size;
        rest /= axes_[i].size;
        a += at * axes_[i].a_stride;
        b += at * axes_[i].b_stride;
      }
      const std::int64_t count = std::min(end - row, block - row % block);
      f(a, b, row * inner.size + first,
        kernels::BroadcastRows{to_size(count), to_size(columns), row_stride(&Axis::a_stride),
                               row_stride(&Axis::b_stride), inner.a_stride == 0,
                               inner.b_stride == 0});
      row += count;
    }
  }

 private:
  struct Axis {
    std::int64_t size, a_stride, b_stride;
  };

  /// Axes that lie behind each other in both become one.
  void merge(const kernels::Strides& a_strides, const kernels::Strides& b_strides,
             const Shape& out) {
    for (int axis = out.rank() - 1; axis >= 0; --axis) {
      const auto i = static_cast<std::size_t>(axis);
      if (out[axis] == 1) continue;
      Axis& last = axes_[rank_ == 0 ? 0 : rank_ - 1];
      if (rank_ > 0 && a_strides[i] == last.a_stride * last.size &&
          b_strides[i] == last.b_stride * last.size) {
        last.size *= out[axis];
      } else {
        axes_[rank_++] = {out[axis], a_strides[i], b_strides[i]};
      }
    }
  }

  std::size_t row_stride(std::int64_t Axis::*stride) const {
    return rank_ > 1 ? to_size(axes_[1].*stride) : 0;
  }

  std::array<Axis, Shape::max_rank + 1> axes_;  // innermost first; the first `rank_` of them
  std::size_t rank_ = 0;
  std::int64_t rows_ = 1;
  std::int64_t column_tasks_ = 1;
  std::int64_t rows_per_task_ = 1;
};

}  // namespace inlay::inline v0::cpu
