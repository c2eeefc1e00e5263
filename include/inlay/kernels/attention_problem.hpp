// What scaled dot-product attention computes and how it is cut into tasks: plain data, no vector
// code.
#pragma once

#include <cstdint>

#include <inlay/kernels/matrix.hpp>

namespace inlay::inline v0::kernels {

/// Heads in memory: row i of head h of batch b starts at data + b * batch + h * head + i * row, its
/// elements side by side. Both [batch, heads, rows, size] and [batch, rows, heads, size] are such.
template <class T>
struct HeadView {
  T* data = nullptr;
  std::int64_t batch = 0, head = 0, row = 0;  ///< strides in elements; 0 repeats

  INLAY_INLINE constexpr T* at(std::int64_t b, std::int64_t h, std::int64_t i) const {
    return data + b * batch + h * head + i * row;
  }
};

/// out = softmax(scale * Q * K^T + mask) * V for each head (Vaswani et al., 2017). A query that no
/// key is left for gives zeros. Any count may be 0 but those of heads.
struct AttentionProblem {
  std::int64_t batch = 0, heads = 0, queries = 0, keys = 0;
  std::int64_t kv_heads = 0;              ///< each serves heads / kv_heads heads of Q
  std::int64_t size = 0, value_size = 0;  ///< elements of a row of Q and K, of V and out
  HeadView<const float> q, k, v;
  HeadView<float> out;
  float scale = 1.0f;
  HeadView<const float> mask;  ///< rows of `keys` addends, for heads of Q; null data: none
  bool causal = false;         ///< query i is kept from keys behind number i
};

}  // namespace inlay::inline v0::kernels
