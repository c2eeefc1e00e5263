#include "backends/reference/attention/attend.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::kernels {
namespace {

HeadLayout fused_layout(const KernelContext& context, std::size_t i, std::string_view attribute) {
  const Shape& shape = context.input(i).shape();
  if (shape.rank() != 4) {
    context.fail(ErrorCode::shape_mismatch, "Q, K and V must have four axes");
  }
  const bool by_row = context.attributes().text(attribute, "BNSH") == "BSNH";
  return by_row ? HeadLayout{shape[0], shape[2], shape[1], shape[3], true}
                : HeadLayout{shape[0], shape[1], shape[2], shape[3], false};
}

/// Makes `size` what it and `other` broadcast to; false where they do not.
bool broadcasts(std::int64_t& size, std::int64_t other) {
  if (size == 1) size = other;
  return other == 1 || other == size;
}

}  // namespace

FusedHeads fused_heads(const KernelContext& context) {
  FusedHeads heads{};
  heads.q = fused_layout(context, 0, "q_layout");
  heads.k = fused_layout(context, 1, "k_layout");
  heads.v = fused_layout(context, 2, "v_layout");
  const HeadLayout &q = heads.q, &k = heads.k, &v = heads.v;
  HeadLayout& y = heads.y;
  y = {q.batch, q.heads, q.sequence, v.size,
       context.attributes().text("y_layout", "BNSH") == "BSNH"};
  heads.kv_heads = k.heads;
  bool fits = k.size == q.size && k.sequence == v.sequence && broadcasts(y.batch, k.batch) &&
              broadcasts(y.batch, v.batch) && broadcasts(heads.kv_heads, v.heads);
  if (context.has_input(3)) {
    heads.mask = context.input(3).shape();
    while (heads.mask.rank() < 4) heads.mask.insert(0, 1);
    const Shape& mask = heads.mask;
    fits = fits && mask.rank() == 4 && broadcasts(y.batch, mask[0]) &&
           broadcasts(y.heads, mask[1]) && broadcasts(y.sequence, mask[2]) &&
           (mask[3] == k.sequence || mask[3] == 1);
  }
  if (y.heads == 1) y.heads = heads.kv_heads;
  fits = fits && heads.kv_heads > 0 && y.heads % heads.kv_heads == 0;
  if (!fits) context.fail(ErrorCode::shape_mismatch, "Q, K, V and the mask do not fit each other");
  return heads;
}

/// inlay:FusedAttention: softmax(scale * Q * K^T + mask) * V for heads in either layout.
void run_fused_attention(KernelContext& context) {
  const FusedHeads heads = fused_heads(context);
  const HeadLayout& y = heads.y;
  Tensor& output = context.output(0, y.packed ? Shape{y.batch, y.sequence, y.heads, y.size}
                                              : Shape{y.batch, y.heads, y.sequence, y.size});
  const bool causal = context.attributes().integer("is_causal", 0) != 0;
  visit_dtype<Floats>(output.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    constexpr Wide infinity = std::numeric_limits<Wide>::infinity();
    // All heads, repeated where they are few, as [batch, heads, rows, size].
    const auto gathered = [&](std::size_t i, const HeadLayout& own, bool of_kv) {
      const T* from = context.input(i).as<T>().data();
      const std::int64_t rows = of_kv ? own.sequence : y.sequence;
      const HeadLayout all{y.batch, y.heads, rows, own.size, false};
      const auto values = context.scratch<Wide>(all.shape().elements());
      Wide* to = values.data();
      for (std::int64_t b = 0; b < y.batch; ++b) {
        for (std::int64_t h = 0; h < y.heads; ++h) {
          const std::int64_t head = of_kv ? heads.kv_head(h) : h;
          const auto matrix = own.matrix(from, FusedHeads::repeated(b, own.batch),
                                         FusedHeads::repeated(head, own.heads));
          for (std::int64_t row = 0; row < rows; ++row) {
            to = std::copy_n(matrix.at(FusedHeads::repeated(row, own.sequence), 0), own.size, to);
          }
        }
      }
      return values.data();
    };
    const auto layout = [&](std::int64_t rows, std::int64_t size) {
      return HeadLayout{y.batch, y.heads, rows, size, false};
    };
    const AttentionOperands<Wide> operands{layout(y.sequence, heads.q.size),
                                           layout(heads.k.sequence, heads.k.size),
                                           layout(heads.k.sequence, heads.v.size),
                                           gathered(0, heads.q, false),
                                           gathered(1, heads.k, true),
                                           gathered(2, heads.v, true),
                                           y.packed};
    const T* mask = nullptr;
    Strides steps{};
    if (context.has_input(3)) {
      mask = context.input(3).as<T>().data();
      steps = broadcast_strides(heads.mask, {y.batch, y.heads, y.sequence, heads.k.sequence});
    }
    attend<T>(context, operands, {.scale = attention_scale(context.attributes(), heads.q.size)},
              output,
              [&](std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t keys, Wide* row) {
                bool any = false;
                for (std::int64_t j = 0; j < keys; ++j) {
                  row[j] = Wide{};
                  if (mask != nullptr) {
                    row[j] = mask[b * steps[0] + h * steps[1] + i * steps[2] + j * steps[3]];
                  }
                  if (causal && j > i) row[j] = -infinity;
                  any = any || row[j] != -infinity;
                }
                return any;
              });
  });
}

}  // namespace inlay::inline v0::kernels
