#include "backends/reference/contrib/attention.hpp"

namespace inlay::inline v0::kernels {

/// com.microsoft:RotaryEmbedding: the standard operator with positions before the caches, or the
/// first position alone.
void run_contrib_rotary_embedding(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const Tensor& x = context.input(0);
  const Tensor& ids = context.input(1);
  const Tensor& cosines = context.input(2);
  const Tensor& sines = context.input(3);
  if (cosines.rank() != 2 || cosines.shape() != sines.shape() || cosines.dim(1) < 1) {
    context.fail(ErrorCode::shape_mismatch,
                 "cos_cache and sin_cache must be matrices of one shape");
  }
  const std::int64_t pairs = cosines.dim(1);
  std::int64_t count = attributes.integer("num_heads", 0);
  if (count == 0 && x.rank() == 3) count = x.dim(2) / 2 / pairs;
  const HeadLayout heads = head_layout(x.shape(), count);
  const std::int64_t part = attributes.integer("rotary_embedding_dim", 0);
  if (pairs > heads.size / 2 || (part == 0 ? heads.size : part) / 2 != pairs) {
    context.fail(ErrorCode::shape_mismatch, "caches of " + std::to_string(pairs) +
                                                " angles do not fit a head of " +
                                                std::to_string(heads.size));
  }
  const bool single = ids.size() == 1 && ids.rank() < 2;
  if (!single && ids.shape() != Shape{heads.batch, heads.sequence}) {
    context.fail(ErrorCode::shape_mismatch, "position_ids must be [1] or [batch, sequence]");
  }
  const auto positions = ids.as<std::int64_t>();
  const bool interleaved = attributes.integer("interleaved", 0) != 0;
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    T* to = y.as_mutable<T>().data();
    std::copy_n(x.as<T>().data(), x.size(), to);
    const T* cos = cosines.as<T>().data();
    const T* sin = sines.as<T>().data();
    for (std::int64_t token = 0; token < heads.batch * heads.sequence; ++token) {
      const std::int64_t s = token % heads.sequence;
      const std::int64_t first = positions[single ? 0 : static_cast<std::size_t>(token)];
      if (first < 0 || first >= cosines.dim(0) - (single ? s : 0)) {
        context.fail(ErrorCode::execution, "a position lies outside the caches");
      }
      const std::int64_t row = (first + (single ? s : 0)) * pairs;
      for (std::int64_t h = 0; h < heads.heads; ++h) {
        rotate(heads.matrix(to, token / heads.sequence, h).at(s, 0), cos + row, sin + row, pairs,
               interleaved);
      }
    }
  });
}

}  // namespace inlay::inline v0::kernels
