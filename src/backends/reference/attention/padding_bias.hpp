// The padding masks of com.microsoft's attention operators.
#pragma once

#include "backends/reference/contrib/attention.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::kernels {

/// What is added to scores: a padding mask's filter value, a bias, and -infinity for keys that come
/// after the query.
template <class T>
class PaddingBias {
 public:
  /// `keys` includes `past` ones; `mask` and `bias` are numbers of inputs.
  PaddingBias(KernelContext& context, std::size_t mask, std::size_t bias, const HeadLayout& q,
              std::int64_t past, std::int64_t keys)
      : past_(past) {
    causal_ = context.attributes().integer("unidirectional", 0) != 0;
    filter_ = static_cast<T>(context.attributes().real("mask_filter_value", -10000.f));
    if (context.has_input(mask)) read_mask(context, context.input(mask), q, keys);
    if (context.has_input(bias)) {
      const Tensor& tensor = context.input(bias);
      steps_ = broadcast_strides(tensor.shape(), {q.batch, q.heads, q.sequence, keys});
      visit_dtype<Floats>(tensor.dtype(),
                          [&]<class E>() { bias_ = widened<T, E>(context, tensor); });
    }
  }

  bool operator()(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t keys, T* row) const {
    const T* bias = bias_;
    if (bias != nullptr) bias += b * steps_[0] + h * steps_[1] + i * steps_[2];
    const std::int32_t* allowed = raw_;
    if (allowed != nullptr) allowed += b * raw_batch_ + i * raw_row_;
    std::int64_t first = 0, last = keys;
    if (!ends_.empty()) last = ends_[static_cast<std::size_t>(b)];
    if (!starts_.empty()) first = starts_[static_cast<std::size_t>(b)];
    bool any = false;
    for (std::int64_t j = 0; j < keys; ++j) {
      T value = bias != nullptr ? bias[j * steps_[3]] : T{};
      if (j < first || j >= last || (allowed != nullptr && allowed[j] <= 0)) value += filter_;
      if (causal_ && j > past_ + i) value = -std::numeric_limits<T>::infinity();
      row[j] = value;
      any = any || value != -std::numeric_limits<T>::infinity();
    }
    return any;
  }

 private:
  void read_mask(KernelContext& context, const Tensor& mask, const HeadLayout& q,
                 std::int64_t keys) {
    const auto values = mask.as<std::int32_t>();
    const Shape& shape = mask.shape();
    const auto batch = static_cast<std::size_t>(q.batch);
    const std::int64_t rows = shape.rank() > 1 ? shape[shape.rank() - 2] : 0;
    if (shape.rank() == 1 && (shape[0] == q.batch || shape[0] == 3 * q.batch + 2)) {
      ends_ = values.first(batch);  // the longer form repeats them as sums, for packed kernels
    } else if (shape.rank() == 1 && shape[0] == 2 * q.batch) {
      ends_ = values.first(batch);
      starts_ = values.subspan(batch);
    } else if (shape == Shape{q.batch, keys}) {
      raw_ = values.data();
      raw_batch_ = keys;
    } else if (shape == Shape{q.batch, q.sequence, keys}) {
      raw_ = values.data();
      raw_batch_ = q.sequence * keys;
      raw_row_ = keys;
    } else if (shape.rank() == 4 && shape[0] == q.batch && shape[1] == 1 &&
               rows >= past_ + q.sequence && shape[3] >= keys) {
      raw_row_ = shape[3];  // a square for all positions
      raw_batch_ = rows * raw_row_;
      raw_ = values.data() + past_ * raw_row_;
    } else {
      context.fail(ErrorCode::shape_mismatch, "a mask " + to_string(shape) + " does not fit " +
                                                  std::to_string(q.batch) + " batches of " +
                                                  std::to_string(q.sequence) + " queries and " +
                                                  std::to_string(keys) + " keys");
    }
  }

  std::int64_t past_;
  bool causal_;
  T filter_;
  std::span<const std::int32_t> ends_, starts_;
  const std::int32_t* raw_ = nullptr;  // keys with a number above 0 are allowed
  std::int64_t raw_batch_ = 0, raw_row_ = 0;
  const T* bias_ = nullptr;
  Strides steps_{};
};

}  // namespace inlay::inline v0::kernels
