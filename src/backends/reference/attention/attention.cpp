#include "backends/reference/attention/attend.hpp"

#include "backends/reference/attention/rotary.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

using MaskTypes = Union<Numbers, Types<bool>>;

/// `past` (may be null) and then `tensor` along the sequence, as [batch, heads, total, size] of T;
/// also stored in `present` when that is wanted.
template <class T>
const T* joined(KernelContext& context, const Tensor* past, const Tensor& tensor,
                const HeadLayout& layout, Tensor* present) {
  const std::int64_t before = past != nullptr ? past->dim(2) : 0;
  const std::int64_t total = before + layout.sequence;
  const T* result = nullptr;
  visit_dtype<Floats>(tensor.dtype(), [&]<class Element>() {
    std::span<T> values;
    if constexpr (std::is_same_v<T, Element>) {
      if (present != nullptr) values = present->as_mutable<T>();
    }
    if (values.data() == nullptr) {
      values = context.scratch<T>(layout.batch * layout.heads * total * layout.size);
    }
    const Element* current = tensor.as<Element>().data();
    const Element* old = past != nullptr ? past->as<Element>().data() : nullptr;
    T* to = values.data();
    for (std::int64_t b = 0; b < layout.batch; ++b) {
      for (std::int64_t h = 0; h < layout.heads; ++h) {
        to = std::copy_n(old, before * layout.size, to);
        if (old != nullptr) old += before * layout.size;
        const auto rows = layout.matrix(current, b, h);
        for (std::int64_t s = 0; s < rows.rows; ++s) to = std::copy_n(rows.at(s, 0), rows.cols, to);
      }
    }
    if (present != nullptr && present->data() != values.data()) {
      std::transform(values.begin(), values.end(), present->as_mutable<Element>().begin(),
                     [](T value) { return static_cast<Element>(value); });
    }
    result = values.data();
  });
  return result;
}

/// What is added to the score of query i for key j: the mask, and -infinity for keys out of reach.
template <class T>
class Bias {
 public:
  Bias(KernelContext& context, const HeadLayout& q, std::int64_t past, std::int64_t keys)
      : queries_(q.sequence), past_(past), keys_(keys) {
    const Attributes& attributes = context.attributes();
    causal_ = attributes.integer("is_causal", 0) != 0;
    left_ = attributes.integer("left_window_size", -1);
    right_ = attributes.integer("right_window_size", -1);
    if (context.has_input(6)) {
      lengths_ = context.input(6).as<std::int64_t>();
      if (lengths_.size() != static_cast<std::size_t>(q.batch)) {
        context.fail(ErrorCode::shape_mismatch, "nonpad_kv_seqlen needs one number per batch");
      }
    }
    if (context.has_input(3)) read_mask(context, q);
  }

  /// Writes the biases of one query's row; whether any key is left.
  bool fill(std::int64_t b, std::int64_t h, std::int64_t i, T* row) const {
    const std::int64_t length = lengths_.empty() ? keys_ : lengths_[static_cast<std::size_t>(b)];
    const std::int64_t position = i + (lengths_.empty() ? past_ : length - queries_);
    const T* mask = mask_ + b * mask_steps_[0] + h * mask_steps_[1] + i * mask_steps_[2];
    bool any = false;
    for (std::int64_t j = 0; j < keys_; ++j) {
      const bool reached =
          j < length && !(causal_ && j > position) && !(left_ >= 0 && position - j > left_) &&
          !(right_ >= 0 && j - position > right_) && (!has_mask_ || j < mask_keys_);
      row[j] = !reached ? -infinity : has_mask_ ? mask[j] : T{};
      any = any || row[j] != -infinity;
    }
    return any;
  }

 private:
  static constexpr T infinity = std::numeric_limits<T>::infinity();

  void read_mask(KernelContext& context, const HeadLayout& q) {
    const Tensor& mask = context.input(3);
    mask_steps_ = attention_mask_steps(context, mask, q, keys_);
    mask_keys_ = mask.shape().back();
    has_mask_ = true;
    const auto values = context.scratch<T>(mask.size());
    visit_dtype<MaskTypes>(mask.dtype(), [&]<class Element>() {
      const auto from = mask.as<Element>();
      std::transform(from.begin(), from.end(), values.begin(), [](Element value) {
        if constexpr (std::is_same_v<Element, bool>) return value ? T{} : -infinity;
        return static_cast<T>(value);
      });
    });
    mask_ = values.data();
  }

  std::int64_t queries_, past_, keys_, mask_keys_ = 0;
  bool causal_ = false, has_mask_ = false;
  std::int64_t left_ = -1, right_ = -1;
  std::span<const std::int64_t> lengths_;
  const T* mask_ = nullptr;
  std::array<std::int64_t, 3> mask_steps_{};
};

void run_attention(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const AttentionHeads heads = attention_heads(context);
  const HeadLayout &q = heads.q, &k = heads.k, &v = heads.v;
  const Tensor* past_key = context.has_input(4) ? &context.input(4) : nullptr;
  const Tensor* past_value = context.has_input(5) ? &context.input(5) : nullptr;
  const std::int64_t past = past_key != nullptr && past_key->rank() == 4 ? past_key->dim(2) : 0;
  const auto past_fits = [&](const Tensor* tensor, const HeadLayout& layout) {
    return tensor != nullptr &&
           tensor->shape() == Shape{layout.batch, layout.heads, past, layout.size};
  };
  if ((past_key != nullptr || past_value != nullptr) &&
      (!past_fits(past_key, k) || !past_fits(past_value, v))) {
    context.fail(ErrorCode::shape_mismatch, "past_key and past_value do not fit K and V");
  }
  const std::int64_t keys = past + k.sequence;
  const HeadLayout out{q.batch, q.heads, q.sequence, v.size, q.packed};

  Tensor& y = context.output(0, out.shape());
  const auto optional_output = [&](std::size_t i, const Shape& shape) {
    return context.has_output(i) ? &context.output(i, shape) : nullptr;
  };
  Tensor* present_key = optional_output(1, {k.batch, k.heads, keys, k.size});
  Tensor* present_value = optional_output(2, {v.batch, v.heads, keys, v.size});
  Tensor* scores_out = optional_output(3, {q.batch, q.heads, q.sequence, keys});
  const std::int64_t mode = attributes.integer("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) {
    context.fail(ErrorCode::invalid_graph, "qk_matmul_output_mode must be 0, 1, 2 or 3");
  }
  const double scale = attention_scale(attributes, q.size);

  visit_dtype<Floats>(y.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const HeadLayout all_keys{k.batch, k.heads, keys, k.size, false};
    const HeadLayout all_values{v.batch, v.heads, keys, v.size, false};
    const AttentionOperands<Wide> operands{
        q,
        all_keys,
        all_values,
        widened<Wide, T>(context, context.input(0)),
        joined<Wide>(context, past_key, context.input(1), k, present_key),
        joined<Wide>(context, past_value, context.input(2), v, present_value),
        q.packed};
    const ScoreRules<Wide> rules{
        .scale = scale,
        .softcap = attributes.real("softcap", 0),
        .precision = static_cast<DType>(attributes.integer("softmax_precision", 0)),
        .shown = scores_out,
        .stage = static_cast<ScoreStage>(mode)};
    const Bias<Wide> bias(context, q, past, keys);
    attend<T>(context, operands, rules, y,
              [&](std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t, Wide* row) {
                return bias.fill(b, h, i, row);
              });
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> attention_kernels() {
  return {
      {"", "Attention", kernels::run_attention},
      {"", "RotaryEmbedding", kernels::run_rotary_embedding},
      {"", "LinearAttention", kernels::run_linear_attention},
      {"inlay", "FusedAttention", kernels::run_fused_attention},
      {"inlay", "FusedRotaryEmbedding", kernels::run_fused_rotary_embedding},
      {"ai.onnx.preview", "FlexAttention", kernels::run_flex_attention},
  };
}

}  // namespace inlay::inline v0
