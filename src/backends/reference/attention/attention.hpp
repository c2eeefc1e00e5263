// What the attention operators share: heads in either layout, softmax.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "backends/reference/iterate.hpp"
#include "backends/reference/precision.hpp"
#include "backends/reference/product.hpp"

namespace inlay::inline v0::kernels {

/// A tensor of heads: [batch, heads, sequence, size], or [batch, sequence, heads * size].
struct HeadLayout {
  std::int64_t batch, heads, sequence, size;
  bool packed;  ///< three axes, heads within the last

  std::int64_t row_step() const { return packed ? heads * size : size; }
  /// Offset of a head's first element; its rows are row_step() apart.
  std::int64_t offset(std::int64_t b, std::int64_t h) const {
    return packed ? b * sequence * heads * size + h * size : (b * heads + h) * sequence * size;
  }
  Shape shape() const {
    return packed ? Shape{batch, sequence, heads * size} : Shape{batch, heads, sequence, size};
  }
  template <class T>
  Matrix<T> matrix(T* data, std::int64_t b, std::int64_t h) const {
    return {data + offset(b, h), sequence, size, row_step()};
  }
};

/// Errors: shape_mismatch. `heads`: of a tensor with three axes.
inline HeadLayout head_layout(const Shape& shape, std::int64_t heads) {
  if (shape.rank() == 4) return {shape[0], shape[1], shape[2], shape[3], false};
  if (shape.rank() != 3 || heads < 1 || shape[2] % heads != 0) {
    throw Error(ErrorCode::shape_mismatch,
                to_string(shape) + " is not a tensor of " + std::to_string(heads) + " heads");
  }
  return {shape[0], heads, shape[1], shape[2] / heads, true};
}

/// The heads of Attention's Q, K and V.
struct AttentionHeads {
  HeadLayout q, k, v;
};

/// Errors: shape_mismatch when the inputs do not fit each other.
inline AttentionHeads attention_heads(const KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const HeadLayout q = head_layout(context.input(0).shape(), attributes.integer("q_num_heads", 0));
  const std::int64_t kv_heads = attributes.integer("kv_num_heads", 0);
  const HeadLayout k = head_layout(context.input(1).shape(), kv_heads);
  const HeadLayout v = head_layout(context.input(2).shape(), kv_heads);
  const bool fits = k.batch == q.batch && v.batch == q.batch && k.size == q.size &&
                    k.heads == v.heads && k.sequence == v.sequence && k.heads > 0 &&
                    q.heads % k.heads == 0;
  if (!fits) context.fail(ErrorCode::shape_mismatch, "Q, K and V do not fit each other");
  return {q, k, v};
}

/// The attribute `scale` of Attention, 1 / sqrt(size) when absent.
inline double attention_scale(const Attributes& attributes, std::int64_t size) {
  const float* given = attributes.get<float>("scale");
  return given != nullptr ? static_cast<double>(*given) : 1 / std::sqrt(static_cast<double>(size));
}

/// Strides of Attention's mask on batch, head and query. Errors: shape_mismatch. A mask may end
/// before the last of `keys` keys: those behind are masked.
inline std::array<std::int64_t, 3> attention_mask_steps(const KernelContext& context,
                                                        const Tensor& mask, const HeadLayout& q,
                                                        std::int64_t keys) {
  if (mask.rank() < 1 || mask.rank() > 4 || mask.shape().back() > keys) {
    context.fail(ErrorCode::shape_mismatch, "the mask " + to_string(mask.shape()) +
                                                " does not fit " + std::to_string(keys) + " keys");
  }
  const Strides steps = broadcast_strides(Shape(mask.shape().dims().first(mask.shape().size() - 1)),
                                          {q.batch, q.heads, q.sequence});
  const std::int64_t row = mask.shape().back();
  return {steps[0] * row, steps[1] * row, steps[2] * row};
}

/// `value` rounded to a narrower type and back; unchanged for other types.
template <class T>
T round_to(DType dtype, T value) {
  if (dtype == DType::float16) return static_cast<float>(float16(static_cast<float>(value)));
  if (dtype == DType::bfloat16) return static_cast<float>(bfloat16(static_cast<float>(value)));
  if (dtype == DType::float32) return static_cast<float>(value);
  return value;
}

/// Softmax in place. A row of nothing but -infinity becomes zeros when `masked_is_zero`. `sink`,
/// if not null, takes part as one more number whose share nobody gets.
template <class T>
void softmax(T* row, std::int64_t count, bool masked_is_zero, const T* sink = nullptr) {
  T high = sink != nullptr ? *sink : -std::numeric_limits<T>::infinity();
  for (std::int64_t i = 0; i < count; ++i) high = std::max(high, row[i]);
  if (masked_is_zero && high == -std::numeric_limits<T>::infinity()) high = 0;
  double sum = sink != nullptr ? std::exp(static_cast<double>(*sink - high)) : 0;
  for (std::int64_t i = 0; i < count; ++i) {
    row[i] = std::exp(row[i] - high);
    sum += static_cast<double>(row[i]);
  }
  if (masked_is_zero && sum == 0) return;
  for (std::int64_t i = 0; i < count; ++i) {
    row[i] = static_cast<T>(static_cast<double>(row[i]) / sum);
  }
}

/// Turns the first 2 * pairs elements of a head's row, in pairs of neighbours if `interleaved`,
/// else of the two halves, by the angles with the given cosines and sines.
template <class T, class Angle>
void rotate(T* row, const Angle* cosines, const Angle* sines, std::int64_t pairs,
            bool interleaved) {
  using Wide = compute_t<T>;
  for (std::int64_t i = 0; i < pairs; ++i) {
    T& first = row[interleaved ? 2 * i : i];
    T& second = row[interleaved ? 2 * i + 1 : i + pairs];
    const auto c = static_cast<Wide>(cosines[i]), s = static_cast<Wide>(sines[i]);
    const Wide a = first, b = second;
    first = static_cast<T>(c * a - s * b);
    second = static_cast<T>(s * a + c * b);
  }
}

/// What inlay:FusedAttention computes: the heads of its operands, each at most repeated along an
/// axis where it has one of it, and of its result.
struct FusedHeads {
  HeadLayout q, k, v, y;
  std::int64_t kv_heads;  ///< of K and V together
  Shape mask;             ///< as four axes; empty without one

  /// The index, of an axis with `count` in an operand, that `index` of all stands for.
  static std::int64_t repeated(std::int64_t index, std::int64_t count) {
    return count == 1 ? 0 : index;
  }
  std::int64_t kv_head(std::int64_t head) const { return head / (y.heads / kv_heads); }
};

/// Errors: shape_mismatch when the inputs do not fit each other.
FusedHeads fused_heads(const KernelContext& context);

void run_fused_attention(KernelContext& context);
void run_linear_attention(KernelContext& context);
void run_flex_attention(KernelContext& context);

}  // namespace inlay::inline v0::kernels
