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

/// Writes the codes of from[i] / scale, or of from[i] * scale.
inline void quantize(KernelContext& context, const QuantizeKernels& kernels, const float* from,
                     float scale, bool multiplies, std::int32_t zero_point, Tensor& y) {
  const bool is_signed = y.dtype() == DType::int8;
  void* const to = y.mutable_data();
  const auto run = [&]<class T>(const CodeKernels<T>& code, T* codes) {
    const auto function = multiplies ? code.requantize : code.quantize;
    for_ranges(context, y.size(), task_elements, [&](std::size_t begin, std::size_t end, int) {
      function(from + begin, codes + begin, end - begin, scale, zero_point);
    });
  };
  if (is_signed) {
    run(kernels.int8, static_cast<std::int8_t*>(to));
  } else {
    run(kernels.uint8, static_cast<std::uint8_t*>(to));
  }
}

/// For operators of inputs a, scale, zero point, b, scale, zero point, and the output's two.
inline Support supports_qlinear(const CompileContext& context) {
  for (const std::size_t i : {0, 3}) {
    if (const char* reason = unsuited(context, i + 1, context.dtype(i))) return unsupported(reason);
  }
  if (const char* reason = unsuited(context, 6, output_dtype(context))) return unsupported(reason);
  return supported();
}

}  // namespace inlay::inline v0::cpu
