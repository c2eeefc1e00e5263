#include "backends/reference/attention/rotary.hpp"

namespace inlay::inline v0::kernels {

RotaryGeometry rotary_geometry(const KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const Tensor& cosines = context.input(1);
  const Tensor& sines = context.input(2);
  RotaryGeometry g{};
  g.heads = head_layout(context.input(0).shape(), attributes.integer("num_heads", 0));
  g.interleaved = attributes.integer("interleaved", 0) != 0;
  std::int64_t rotated = attributes.integer("rotary_embedding_dim", 0);
  if (rotated == 0) rotated = g.heads.size;
  g.pairs = rotated / 2;
  Shape cache{g.heads.batch, g.heads.sequence, g.pairs};
  if (context.has_input(3)) {
    const Tensor& ids = context.input(3);
    if (!(ids.shape() == Shape{g.heads.batch, g.heads.sequence})) {
      context.fail(ErrorCode::shape_mismatch, "position_ids must be [batch, sequence]");
    }
    g.positions = ids.as<std::int64_t>();
    cache = {cosines.rank() > 0 ? cosines.dim(0) : 0, g.pairs};
  }
  const bool fits = rotated >= 0 && rotated <= g.heads.size && rotated % 2 == 0 &&
                    cosines.shape() == cache && sines.shape() == cache;
  if (!fits) {
    context.fail(ErrorCode::shape_mismatch, "the cosine and sine caches must be " +
                                                to_string(cache) + " and the rotated part even");
  }
  g.cache_rows = cache.product(0, cache.rank() - 1);
  return g;
}

/// Rotary position embedding (Su et al. 2021): pairs of each head's elements are rotated by an
/// angle that the position gives.
void run_rotary_embedding(KernelContext& context) {
  const Tensor& x = context.input(0);
  const RotaryGeometry g = rotary_geometry(context);
  const HeadLayout& heads = g.heads;
  Tensor& y = context.output(0, x.shape());
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    std::copy_n(from, x.size(), to);
    for (std::int64_t token = 0; token < heads.batch * heads.sequence; ++token) {
      const std::int64_t row = g.row(context, token);
      const T* cos = context.input(1).as<T>().data() + row * g.pairs;
      const T* sin = context.input(2).as<T>().data() + row * g.pairs;
      for (std::int64_t h = 0; h < heads.heads; ++h) {
        const std::int64_t start =
            heads.offset(token / heads.sequence, h) + token % heads.sequence * heads.row_step();
        rotate(to + start, cos, sin, g.pairs, g.interleaved);
      }
    }
  });
}

FusedRotaryGeometry fused_rotary_geometry(const KernelContext& context) {
  FusedRotaryGeometry g{};
  std::array<Shape, 3> rows;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = context.input(i).shape();
    if (rows[i].rank() == 0) context.fail(ErrorCode::shape_mismatch, "an input has no axes");
    (i == 0 ? g.size : g.angles) = rows[i].back();
    rows[i].erase(rows[i].rank() - 1);
  }
  const bool fits = g.size % 2 == 0 && (g.angles == g.size || 2 * g.angles == g.size) &&
                    context.input(1).shape().back() == g.angles;
  if (!fits) {
    context.fail(ErrorCode::shape_mismatch,
                 "cosines and sines must be as long as the input's rows, "
                 "which are even, or half as long");
  }
  g.rows = broadcast(broadcast(rows[0], rows[1]), rows[2]);
  g.x_steps = broadcast_strides(rows[0], g.rows);
  g.cosine_steps = broadcast_strides(rows[1], g.rows);
  g.sine_steps = broadcast_strides(rows[2], g.rows);
  return g;
}

/// inlay:FusedRotaryEmbedding: x cos + rotated(x) sin, where pairs (a, b) of x are rotated to
/// (-b, a) and all operands broadcast along all axes but the last.
void run_fused_rotary_embedding(KernelContext& context) {
  const FusedRotaryGeometry g = fused_rotary_geometry(context);
  const bool interleaved = context.attributes().integer("interleaved", 0) != 0;
  Shape shape = g.rows;
  shape.push_back(g.size);
  Tensor& y = context.output(0, shape);
  if (y.size() == 0) return;
  const std::int64_t pairs = g.size / 2;
  visit_dtype<Floats>(y.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    T* to = y.as_mutable<T>().data();
    walk<3>(g.rows, {g.x_steps, g.cosine_steps, g.sine_steps},
            [&](std::int64_t row, const Offsets<3>& at) {
              const T* x = context.input(0).as<T>().data() + at[0] * g.size;
              const T* cos = context.input(1).as<T>().data() + at[1] * g.angles;
              const T* sin = context.input(2).as<T>().data() + at[2] * g.angles;
              for (std::int64_t i = 0; i < g.size; ++i) {
                const std::int64_t pair = interleaved ? i / 2 : i % pairs;
                const bool is_first = interleaved ? i % 2 == 0 : i < pairs;
                const std::int64_t distance = interleaved ? 1 : pairs;
                const std::int64_t angle = g.angles == g.size ? i : pair;
                const Wide other = is_first ? -static_cast<Wide>(x[i + distance])
                                            : static_cast<Wide>(x[i - distance]);
                to[row * g.size + i] = static_cast<T>(static_cast<Wide>(x[i]) * cos[angle] +
                                                      other * static_cast<Wide>(sin[angle]));
              }
            });
  });
}

}  // namespace inlay::inline v0::kernels
