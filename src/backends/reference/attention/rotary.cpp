#include "backends/reference/attention/attention.hpp"

namespace inlay::inline v0::kernels {

/// Rotary position embedding (Su et al. 2021): pairs of each head's elements are rotated by an
/// angle that the position gives.
void run_rotary_embedding(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const Tensor& x = context.input(0);
  const Tensor& cosines = context.input(1);
  const Tensor& sines = context.input(2);
  const HeadLayout heads = head_layout(x.shape(), attributes.integer("num_heads", 0));
  const bool interleaved = attributes.integer("interleaved", 0) != 0;
  std::int64_t rotated = attributes.integer("rotary_embedding_dim", 0);
  if (rotated == 0) rotated = heads.size;
  const std::int64_t pairs = rotated / 2;
  std::span<const std::int64_t> positions;
  Shape cache{heads.batch, heads.sequence, pairs};
  if (context.has_input(3)) {
    const Tensor& ids = context.input(3);
    if (!(ids.shape() == Shape{heads.batch, heads.sequence})) {
      context.fail(ErrorCode::shape_mismatch, "position_ids must be [batch, sequence]");
    }
    positions = ids.as<std::int64_t>();
    cache = {cosines.rank() > 0 ? cosines.dim(0) : 0, pairs};
  }
  const bool fits = rotated >= 0 && rotated <= heads.size && rotated % 2 == 0 &&
                    cosines.shape() == cache && sines.shape() == cache;
  if (!fits) {
    context.fail(ErrorCode::shape_mismatch, "the cosine and sine caches must be " +
                                                to_string(cache) + " and the rotated part even");
  }
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    std::copy_n(from, x.size(), to);
    for (std::int64_t token = 0; token < heads.batch * heads.sequence; ++token) {
      const std::int64_t row =
          positions.empty() ? token : positions[static_cast<std::size_t>(token)];
      if (row < 0 || row >= cosines.shape().product(0, cosines.rank() - 1)) {
        context.fail(ErrorCode::execution, "a position lies outside the caches");
      }
      const T* cos = cosines.as<T>().data() + row * pairs;
      const T* sin = sines.as<T>().data() + row * pairs;
      for (std::int64_t h = 0; h < heads.heads; ++h) {
        const std::int64_t start =
            heads.offset(token / heads.sequence, h) + token % heads.sequence * heads.row_step();
        rotate(to + start, cos, sin, pairs, interleaved);
      }
    }
  });
}

}  // namespace inlay::inline v0::kernels
