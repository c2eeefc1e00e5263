// The blocked channel layout: [batch, blocks, pixels, block], where channel c is lane c % block of
// block c / block, and block is the number of f32 lanes of a register (NCHWc, after Liu et al.,
// "Optimizing CNN Model Inference on CPUs", 2019). Lanes past the last channel hold anything.
#pragma once

#include <inlay/kernels/gemm_blocking.hpp>
#include <inlay/kernels/lane_moves.hpp>

namespace inlay::inline v0::kernels {

/// Channels of one block.
template <class A>
inline constexpr std::int64_t channel_block = lanes<float, A>;

/// The register tile is that of the GEMM: pixels take the place of its rows, filters of its
/// columns.
template <class A>
inline constexpr int blocked_pixels = GemmBlocking<A>::mr;
template <class A>
inline constexpr int blocked_vecs = GemmBlocking<A>::vecs;

namespace detail {

/// dst[j * dst_stride + i] = src[i * src_stride + j] for i < rows, j < cols.
template <class A>
INLAY_NOINLINE INLAY_FLATTEN void transpose_tile(const float* src, std::int64_t src_stride,
                                                 std::int64_t rows, std::int64_t cols, float* dst,
                                                 std::int64_t dst_stride) {
  std::int64_t j = 0;
  if (rows % 4 == 0) {
    for (; j + 4 <= cols; j += 4) {
      for (std::int64_t i = 0; i < rows; i += 4) {
        transpose4x4<A>(src + i * src_stride + j, src_stride, dst + j * dst_stride + i, dst_stride);
      }
    }
  }
  for (; j < cols; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) dst[j * dst_stride + i] = src[i * src_stride + j];
  }
}

}  // namespace detail

/// Writes pixels [begin, end) of a block: src holds `channels` <= block planes of `plane` floats.
/// The lanes past them become zero.
template <class A>
void block_channels(const float* src, std::int64_t channels, std::int64_t plane, std::int64_t begin,
                    std::int64_t end, float* dst) {
  constexpr std::int64_t block = channel_block<A>;
  if (channels == block) {
    return detail::transpose_tile<A>(src + begin, plane, block, end - begin, dst + begin * block,
                                     block);
  }
  for (std::int64_t i = begin; i < end; ++i) store<float, A>(dst + i * block, Vec<float, A>(0.0f));
  detail::transpose_tile<A>(src + begin, plane, channels, end - begin, dst + begin * block, block);
}

/// The way back: writes pixels [begin, end) of `channels` <= block planes.
template <class A>
void unblock_channels(const float* src, std::int64_t channels, std::int64_t plane,
                      std::int64_t begin, std::int64_t end, float* dst) {
  constexpr std::int64_t block = channel_block<A>;
  std::int64_t i = begin;
  for (; i + 4 <= end; i += 4) {
    detail::transpose_tile<A>(src + i * block, block, 4, channels, dst + i, plane);
  }
  detail::transpose_tile<A>(src + i * block, block, end - i, channels, dst + i, plane);
}

}  // namespace inlay::inline v0::kernels
