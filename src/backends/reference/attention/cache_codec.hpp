// A cache of keys or values that is stored as integers.
#pragma once

#include "backends/reference/contrib/gqa.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/low_bits.hpp"

namespace inlay::inline v0::kernels {

/// How a cache of integers stands for numbers: code * scale, codes of 8 bits signed, of 4 bits in
/// pairs and 8 above.
class CacheCodec {
 public:
  CacheCodec(KernelContext& context, const Tensor& past, std::size_t scale, const GqaPlan& plan)
      : heads_(plan.kv) {
    const std::int64_t bits = context.attributes().integer("kv_cache_bit_width", 8);
    packed_ = past.dtype() == DType::uint8;
    if (bits != (packed_ ? 4 : 8) || (packed_ && heads_.size % 2 != 0)) {
      context.fail(ErrorCode::unsupported,
                   "a cache of integers must be int8 of 8 bits or uint8 of 4 bits");
    }
    row_bytes_ = packed_ ? heads_.size / 2 : heads_.size;
    if (past.dim(3) != row_bytes_) fail_gqa(context, "the past has heads of another size");
    if (!context.has_input(scale)) fail_gqa(context, "a cache of integers needs scales");
    const Tensor& scales = context.input(scale);
    steps_ = broadcast_strides(scales.shape(), {heads_.batch, heads_.heads, 1, heads_.size});
    scales_ = scales.as<float>().data();
  }

  /// Calls f(value, code index, scale) for the places d of row `s` of head h.
  template <class T, class F>
  void each(T* row, std::int64_t b, std::int64_t h, F&& f) const {
    const float* scale = scales_ + b * steps_[0] + h * steps_[1];
    for (std::int64_t d = 0; d < heads_.size; ++d) f(row[d], d, scale[d * steps_[3]]);
  }

  /// The numbers of the past, all of its rows.
  template <class T>
  const T* decode(KernelContext& context, const Tensor& past) const {
    const std::int64_t rows = past.dim(2);
    const auto values =
        context.scratch<T>(Shape{heads_.batch, heads_.heads, rows, heads_.size}.elements());
    for (std::int64_t i = 0; i < heads_.batch * heads_.heads * rows; ++i) {
      const auto* codes = static_cast<const std::uint8_t*>(past.data()) + i * row_bytes_;
      each(values.data() + i * heads_.size, i / rows / heads_.heads, i / rows % heads_.heads,
           [&](T& value, std::int64_t d, float scale) {
             const int code =
                 packed_ ? get_code(codes, 4, d) - 8 : static_cast<std::int8_t>(codes[d]);
             value = static_cast<T>(static_cast<float>(code) * scale);
           });
    }
    return values.data();
  }

  /// Replaces numbers [batch, heads, sequence, size] by what their codes stand for.
  template <class T>
  void round(std::span<T> values, std::int64_t sequence) const {
    for (std::int64_t i = 0; i < heads_.batch * heads_.heads * sequence; ++i) {
      each(values.data() + i * heads_.size, i / sequence / heads_.heads,
           i / sequence % heads_.heads, [&](T& value, std::int64_t, float scale) {
             value = static_cast<T>(static_cast<float>(code_of(value, scale)) * scale);
           });
    }
  }

  /// Writes the codes of one row.
  template <class T>
  void encode(const T* row, std::int64_t b, std::int64_t h, std::uint8_t* codes) const {
    each(row, b, h, [&](T value, std::int64_t d, float scale) {
      const int code = code_of(value, scale);
      if (packed_) {
        set_code(codes, 4, d, static_cast<std::uint8_t>(code + 8));
      } else {
        codes[d] = static_cast<std::uint8_t>(static_cast<std::int8_t>(code));
      }
    });
  }

  std::int64_t row_bytes() const { return row_bytes_; }

 private:
  template <class T>
  int code_of(T value, float scale) const {
    const double limit = packed_ ? 8 : 128;
    const double code = std::nearbyint(static_cast<double>(static_cast<float>(value) / scale));
    return static_cast<int>(code >= -limit ? std::min(code, limit - 1) : -limit);  // NaN too
  }

  HeadLayout heads_;
  bool packed_ = false;
  std::int64_t row_bytes_ = 0;
  Strides steps_{};
  const float* scales_ = nullptr;
};

}  // namespace inlay::inline v0::kernels
