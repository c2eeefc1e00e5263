// com.microsoft:GroupQueryAttention: its inputs, and what becomes of its cache.
#pragma once

#include "backends/reference/contrib/attention.hpp"

namespace inlay::inline v0::kernels {

/// The numbers of the operator's inputs.
namespace gqa {
enum : std::size_t {
  query = 0,
  key = 1,
  value = 2,
  past_key = 3,
  past_value = 4,
  total_lengths = 5,  // minus one
  total = 6,
  cosines = 7,
  sines = 8,
  positions = 9,
  bias = 10,
  sink = 11,
  key_scale = 12,
  value_scale = 13,
  query_norm = 14,
  key_norm = 15,
  query_lengths = 16
};
}  // namespace gqa

/// Sizes, and what each batch adds to its cache.
struct GqaPlan {
  HeadLayout q, kv;  ///< dense
  bool packed = false;
  std::int64_t past = 0;      ///< rows of past_key and past_value
  std::int64_t capacity = 0;  ///< rows of the present
  std::int64_t total = 0;
  std::int64_t window = 0;  ///< keys that a query reaches back to, itself included; 0: all
  bool causal = true;
  bool evicts = false;                  ///< the cache holds the last positions only
  bool is_prompt = false;               ///< nothing is cached yet, for any batch
  std::span<CacheRows> rows;            ///< by batch
  std::span<std::int64_t> lengths;      ///< keys to attend to, by batch
  std::span<std::int64_t> first_query;  ///< position of a batch's first query
  std::span<std::int64_t> first_key;    ///< position of a batch's first key

  /// How many of `length` positions a cache that evicts holds: it drops capacity - window + 1 at
  /// once when it is full.
  std::int64_t resident(std::int64_t length) const {
    if (length <= capacity) return length;
    const std::int64_t step = capacity - window + 1;
    return length - (length - capacity + step - 1) / step * step;
  }
};

/// Errors: whatever is wrong with the node's inputs and attributes, but for the heads' size in the
/// past, whose dtype decides it.
GqaPlan plan_gqa(KernelContext& context);

[[noreturn]] inline void fail_gqa(const KernelContext& context, const std::string& message) {
  context.fail(ErrorCode::shape_mismatch, message);
}

}  // namespace inlay::inline v0::kernels
