// What the operators on 8-bit codes with one scale per tensor share: which codes they take, and the
// ways from codes to f32 and back.
#pragma once

#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {

inline bool is_code(DType dtype) { return dtype == DType::int8 || dtype == DType::uint8; }

inline DType output_dtype(const CompileContext& context) {
  return context.graph.value(context.node.output(0)).type.dtype;
}

/// Whether input i is absent or surely a single element.
inline bool is_single(const CompileContext& context, std::size_t i) {
  if (!context.node.has_input(i)) return true;
  const auto shape = context.input_type(i).static_shape();
  return shape && shape->elements() == 1;
}

/// Null where scale i and the zero point behind it are an f32 number and a `code`.
inline const char* unsuited(const CompileContext& context, std::size_t i, DType code) {
  if (context.dtype(i) != DType::float32) return "a scale that is not f32";
  if (!is_single(context, i) || !is_single(context, i + 1)) return "several scales";
  if (context.node.has_input(i + 1) && context.dtype(i + 1) != code) return "another zero point";
  return is_code(code) ? nullptr : "codes that are not of 8 bits";
}

inline std::int32_t code(const Tensor& single) {
  if (single.dtype() == DType::int8) return single.item<std::int8_t>();
  return single.item<std::uint8_t>();
}

/// The scale in input i and the zero point behind it.
struct Codes {
  float scale;
  std::int32_t zero_point = 0;

  Codes(KernelContext& context, std::size_t i) : scale(context.input(i).item<float>()) {
    if (context.has_input(i + 1)) zero_point = code(context.input(i + 1));
  }
};

/// to[i] = (code[i] - zero point) * scale for the elements [begin, end).
inline void decode(const QuantizeKernels& kernels, const Tensor& x, std::size_t begin,
                   std::size_t end, float scale, std::int32_t zero_point, float* to) {
  if (x.dtype() == DType::int8) {
    const auto* codes = x.as<std::int8_t>().data();
    kernels.int8.dequantize(codes + begin, to + begin, end - begin, scale, zero_point);
  } else {
    const auto* codes = x.as<std::uint8_t>().data();
    kernels.uint8.dequantize(codes + begin, to + begin, end - begin, scale, zero_point);
  }
}
inline void dequantize(KernelContext& context, const QuantizeKernels& kernels, const Tensor& x,
                       float scale, std::int32_t zero_point, float* to) {
  for_ranges(context, x.size(), task_elements, [&](std::size_t begin, std::size_t end, int) {
    decode(kernels, x, begin, end, scale, zero_point, to);
  });
}

/// f(T{}, kernels of T) for the type of codes that `dtype` says.
template <class F>
void visit_codes(DType dtype, const QuantizeKernels& kernels, F&& f) {
  dtype == DType::int8 ? f(std::int8_t{}, kernels.int8) : f(std::uint8_t{}, kernels.uint8);
}

/// Weights as a kernel wants them, then the sums of each column's (filter's) codes.
class PackedCodes {
 public:
  PackedCodes(std::int64_t codes, std::int64_t sums)
      : codes_((codes + 63) / 64 * 64), sums_(sums) {}

  std::int64_t bytes() const {
    return codes_ + sums_ * static_cast<std::int64_t>(sizeof(std::int32_t));
  }
  std::int32_t* sums(std::int8_t* packed) const {
    return static_cast<std::int32_t*>(static_cast<void*>(packed + codes_));
  }
  const std::int32_t* sums(const std::int8_t* packed) const {
    return static_cast<const std::int32_t*>(static_cast<const void*>(packed + codes_));
  }

 private:
  std::int64_t codes_, sums_;
};

/// Zero points of input i as int32: one for all, or one for each column (filter).
inline kernels::PerLine<std::int32_t> zero_points(KernelContext& context, std::size_t i) {
  if (!context.has_input(i)) return {};
  const Tensor& zeros = context.input(i);
  const auto to = context.scratch<std::int32_t>(zeros.size());
  const auto decode = [&](auto from) { std::copy(from.begin(), from.end(), to.begin()); };
  zeros.dtype() == DType::int8 ? decode(zeros.as<std::int8_t>()) : decode(zeros.as<std::uint8_t>());
  return {to.data(), zeros.size() == 1 ? 0 : 1};
}

/// x_scale * scales[j] / y_scale for each scale of input i.
inline kernels::PerLine<float> joint_scales(KernelContext& context, std::size_t i, float x_scale,
                                            float y_scale) {
  const auto from = context.input(i).as<float>();
  const auto factors = context.scratch<float>(std::ssize(from));
  for (std::size_t j = 0; j < factors.size(); ++j) factors[j] = x_scale * from[j] / y_scale;
  return {factors.data(), factors.size() == 1 ? 0 : 1};
}

}  // namespace inlay::inline v0::cpu
