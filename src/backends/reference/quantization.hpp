// Linear quantization, real = (code - zero point) * scale: reading and writing codes of any type.
#pragma once

#include <cmath>
#include <limits>

#include "backends/reference/dispatch.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/low_bits.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

using QuantizedIntegers =
    Types<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t>;
using Codes8 = Types<std::int8_t, std::uint8_t>;

/// Calls f(get), where get(i) is the code number i as a double, for any quantized type.
template <class F>
void visit_codes(const Tensor& tensor, F&& f) {
  const DType dtype = tensor.dtype();
  const void* data = tensor.data();
  if (is_small_float(dtype)) {
    f([=](std::int64_t i) { return get_small_float(dtype, data, i); });
  } else if (is_small_integer(dtype)) {
    f([=](std::int64_t i) { return static_cast<double>(get_small_integer(dtype, data, i)); });
  } else {
    visit_dtype<QuantizedIntegers>(dtype, [&]<class T>() {
      f([codes = static_cast<const T*>(data)](std::int64_t i) {
        return static_cast<double>(codes[i]);
      });
    });
  }
}

/// `value` rounded to the nearest code, ties to even, plus the zero point, within T's range.
template <class T>
T saturate_round(double value, double zero_point) {
  constexpr double low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  const double code = std::nearbyint(value) + zero_point;
  if (!(code >= low)) return std::numeric_limits<T>::min();  // NaN too
  return code > high ? std::numeric_limits<T>::max() : static_cast<T>(code);
}

/// Calls f(put), where put(i, value, zero_point) stores value + zero_point as code number i,
/// rounded to the nearest and saturated; beyond their range 8-bit floats become NaN or infinity
/// unless `saturate`.
template <class F>
void visit_quantizer(Tensor& tensor, bool saturate, F&& f) {
  const DType dtype = tensor.dtype();
  void* data = tensor.mutable_data();
  if (is_packed(dtype) && tensor.bytes() > 0) {  // the last byte may have bits to spare
    static_cast<std::uint8_t*>(data)[tensor.bytes() - 1] = 0;
  }
  if (is_small_float(dtype)) {
    f([=](std::int64_t i, double value, double zero_point) {
      set_small_float(dtype, data, i, value + zero_point, saturate);
    });
  } else if (is_small_integer(dtype)) {
    f([=](std::int64_t i, double value, double zero_point) {
      const auto low = static_cast<double>(small_min(dtype));
      const auto high = static_cast<double>(small_max(dtype));
      const double code = std::nearbyint(value) + zero_point;
      set_small_integer(dtype, data, i,
                        static_cast<std::int64_t>(code >= low ? std::min(code, high) : low));
    });
  } else {
    visit_dtype<QuantizedIntegers>(dtype, [&]<class T>() {
      f([codes = static_cast<T*>(data)](std::int64_t i, double value, double zero_point) {
        codes[i] = saturate_round<T>(value, zero_point);
      });
    });
  }
}

/// 8-bit codes for whatever numbers there are, as DynamicQuantizeLinear chooses them.
struct DynamicCodes {
  float scale = 1;
  std::uint8_t zero_point = 0;

  /// `low` and `high`: the range, which always holds zero.
  DynamicCodes(float low, float high) {
    if (low != high) scale = (high - low) / 255.0f;
    zero_point = saturate_round<std::uint8_t>(-low / scale, 0);
  }
  explicit DynamicCodes(std::span<const float> values) : DynamicCodes(0, 0) {
    float low = 0, high = 0;
    for (const float value : values) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
    *this = DynamicCodes(low, high);
  }
  std::uint8_t operator()(float value) const {
    return saturate_round<std::uint8_t>(value / scale, zero_point);
  }
};

/// All scales of a tensor (float32, float16, bfloat16, float8e8m0 or int32), in scratch.
inline std::span<const double> decoded_scales(KernelContext& context, const Tensor& tensor) {
  const auto values = context.scratch<double>(tensor.size());
  if (is_small_float(tensor.dtype())) {
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      values[static_cast<std::size_t>(i)] = get_small_float(tensor.dtype(), tensor.data(), i);
    }
  } else {
    visit_dtype<Types<float, float16, bfloat16, std::int32_t>>(tensor.dtype(), [&]<class T>() {
      const auto scales = tensor.as<T>();
      std::copy(scales.begin(), scales.end(), values.begin());
    });
  }
  return values;
}
/// The only scale of input i. Errors: shape_mismatch, type_mismatch.
inline float scalar_scale(KernelContext& context, std::size_t i) {
  const Tensor& scale = context.input(i);
  if (scale.size() != 1) context.fail(ErrorCode::shape_mismatch, "a scale is not a single number");
  return static_cast<float>(decoded_scales(context, scale)[0]);
}

/// All codes of a tensor, in scratch.
inline std::span<const double> decoded(KernelContext& context, const Tensor& tensor) {
  const auto values = context.scratch<double>(tensor.size());
  visit_codes(tensor, [&](auto code) {
    for (std::int64_t i = 0; i < tensor.size(); ++i) values[static_cast<std::size_t>(i)] = code(i);
  });
  return values;
}
/// The only zero point of input i; 0 when it is absent. Errors: shape_mismatch, type_mismatch.
inline double scalar_zero_point(KernelContext& context, std::size_t i) {
  if (!context.has_input(i)) return 0;
  const Tensor& tensor = context.input(i);
  if (tensor.size() != 1) {
    context.fail(ErrorCode::shape_mismatch, "a zero point is not a single number");
  }
  return decoded(context, tensor)[0];
}

/// code - zero point for each element, as Ts in scratch. `zero_points` (null: 0) is broadcast to
/// the tensor's shape from the shape `zero_shape`.
template <class T>
const T* centered(KernelContext& context, const Tensor& tensor, const Tensor* zero_points,
                  const Shape& zero_shape) {
  constexpr double none = 0;
  const auto zeros = zero_points != nullptr ? decoded(context, *zero_points) : std::span(&none, 1);
  const Strides steps = broadcast_strides(zeros.size() == 1 ? Shape() : zero_shape, tensor.shape());
  const auto values = context.scratch<T>(tensor.size());
  visit_codes(tensor, [&](auto code) {
    walk<1>(tensor.shape(), {steps}, [&](std::int64_t i, Offsets<1> at) {
      values[static_cast<std::size_t>(i)] =
          static_cast<T>(code(i) - zeros[static_cast<std::size_t>(at[0])]);
    });
  });
  return values.data();
}
/// The same with zero points in input i, if there, which align with the last axes.
template <class T>
const T* centered(KernelContext& context, const Tensor& tensor, std::size_t i) {
  if (!context.has_input(i)) return centered<T>(context, tensor, nullptr, {});
  const Tensor& zero_points = context.input(i);
  return centered<T>(context, tensor, &zero_points, zero_points.shape());
}

/// A vector of per-row parameters as a column; any other shape as it is.
inline Shape per_row(const Tensor& parameters) {
  if (parameters.rank() == 1) return {parameters.dim(0), 1};
  return parameters.shape();
}
/// The same as centered(), but a vector holds one zero point per row of the last two axes.
template <class T>
const T* centered_rows(KernelContext& context, const Tensor& tensor, std::size_t i) {
  if (!context.has_input(i)) return centered<T>(context, tensor, nullptr, {});
  const Tensor& zero_points = context.input(i);
  return centered<T>(context, tensor, &zero_points, per_row(zero_points));
}
/// The same for a convolution's weights: a vector holds one zero point per filter.
template <class T>
const T* centered_filters(KernelContext& context, const Tensor& weights, std::size_t i) {
  if (!context.has_input(i)) return centered<T>(context, weights, nullptr, {});
  const Tensor& zero_points = context.input(i);
  Shape shape{zero_points.size()};
  while (shape.rank() < weights.rank()) shape.push_back(1);
  return centered<T>(context, weights, &zero_points, shape);
}

}  // namespace inlay::inline v0::kernels
