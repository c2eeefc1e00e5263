// N-dimensional transpose, by copies of contiguous runs or in-register transposes of small tiles.
#pragma once

#include <inlay/kernels/arch.hpp>
#include <inlay/kernels/transpose_plan.hpp>

namespace inlay::inline v0::kernels {

namespace detail {

/// Transposes a tile of 16 bytes by as many rows as a row has elements. log2(n) rounds of
/// interleaving row i with row i + n/2 move every element to its place. Interleaving stays within
/// 128 bits on x86, so that wider registers would not do it in fewer steps.
template <class A, class T>
INLAY_INLINE void transpose_tile(const T* source, std::size_t source_stride, T* target,
                                 std::size_t target_stride) {
  using Narrow = std::conditional_t<(lanes<std::uint8_t, A> > 16), xsimd::sse2, A>;
  using V = Vec<T, Narrow>;
  constexpr std::size_t n = V::size;
  V rows[n];
  for (std::size_t i = 0; i < n; ++i) rows[i] = V::load_unaligned(source + i * source_stride);
  for (std::size_t round = 1; round < n; round *= 2) {
    V mixed[n];
    for (std::size_t i = 0; i < n / 2; ++i) {
      mixed[2 * i] = xsimd::zip_lo(rows[i], rows[i + n / 2]);
      mixed[2 * i + 1] = xsimd::zip_hi(rows[i], rows[i + n / 2]);
    }
    for (std::size_t i = 0; i < n; ++i) rows[i] = mixed[i];
  }
  for (std::size_t i = 0; i < n; ++i) rows[i].store_unaligned(target + i * target_stride);
}

/// target[r][c] = source[c][r] for rows x columns.
template <class A, class T>
INLAY_INLINE void transpose_block(const T* source, std::size_t source_stride, T* target,
                                  std::size_t target_stride, std::size_t rows,
                                  std::size_t columns) {
  constexpr std::size_t n = 16 / sizeof(T);
  const std::size_t whole_rows = rows - rows % n, whole_columns = columns - columns % n;
  for (std::size_t r = 0; r < whole_rows; r += n) {
    for (std::size_t c = 0; c < whole_columns; c += n) {
      transpose_tile<A>(source + c * source_stride + r, source_stride,
                        target + r * target_stride + c, target_stride);
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c) {
      target[r * target_stride + c] = source[c * source_stride + r];
    }
  }
}

}  // namespace detail

/// The items [begin, end) of a plan for elements of plan.element_size = sizeof(T) bytes.
template <class A, class T>
INLAY_FLATTEN void transpose(const void* source, void* target, const TransposePlan& plan,
                             std::size_t begin, std::size_t end) {
  // Columns at a time, so that a block's lines of the source and the target stay in the first
  // cache.
  constexpr std::size_t block = 64 / sizeof(T);
  for (std::size_t item = begin; item < end; ++item) {
    const T* from = static_cast<const T*>(source);
    T* to = static_cast<T*>(target);
    const std::size_t first_row = item % plan.strips * plan.strip;
    std::size_t rest = item / plan.strips;
    for (std::size_t i = plan.loop_count; i-- > 0;) {
      const TransposePlan::Axis& axis = plan.loops[i];
      const std::size_t index = rest % axis.size;
      rest /= axis.size;
      from += index * axis.source_stride;
      to += index * axis.target_stride;
    }
    if (plan.copy) {
      std::memcpy(to, from, plan.columns * sizeof(T));
      continue;
    }
    from += first_row;
    to += first_row * plan.row_target_stride;
    const std::size_t rest_rows = plan.rows - first_row;
    const std::size_t rows = rest_rows < plan.strip ? rest_rows : plan.strip;
    for (std::size_t c = 0; c < plan.columns; c += block) {
      const std::size_t columns = plan.columns - c < block ? plan.columns - c : block;
      detail::transpose_block<A>(from + c * plan.column_source_stride, plan.column_source_stride,
                                 to + c, plan.row_target_stride, rows, columns);
    }
  }
}

}  // namespace inlay::inline v0::kernels
