// 8-bit codes with one scale per tensor: QuantizeLinear, DynamicQuantizeLinear and
// DequantizeLinear. They compute step by step as the reference does.
#include "backends/cpu/dynamic_codes.hpp"

namespace inlay::inline v0::cpu {
namespace {

class QuantizeKernel final : public Kernel {
 public:
  QuantizeKernel(const CompileContext&, const KernelTable& table) : kernels_(table.quantize) {}

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const Codes codes(context, 1);
    const float* const from = x.as<float>().data();
    Tensor& y = context.output(0, x.shape());
    visit_codes(y.dtype(), kernels_, [&]<class T>(T, const CodeKernels<T>& code) {
      T* const to = y.as_mutable<T>().data();
      for_ranges(context, y.size(), task_elements, [&](std::size_t begin, std::size_t end, int) {
        code.quantize(from + begin, to + begin, end - begin, codes.scale, codes.zero_point);
      });
    });
  }

 private:
  const QuantizeKernels& kernels_;
};

class DynamicQuantizeKernel final : public Kernel {
 public:
  DynamicQuantizeKernel(const CompileContext&, const KernelTable& table)
      : kernels_(table.quantize) {}

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const float* const from = x.as<float>().data();
    const DynamicCodes codes = codes_for(context, kernels_, from, x.size());
    Tensor& y = context.output(0, x.shape());
    context.output(1, Shape()).as_mutable<float>()[0] = codes.scale;
    context.output(2, Shape()).as_mutable<std::uint8_t>()[0] = codes.zero_point;
    write_codes(context, kernels_, codes, from, x.size(), y.as_mutable<std::uint8_t>().data());
  }

 private:
  const QuantizeKernels& kernels_;
};

class DequantizeKernel final : public Kernel {
 public:
  DequantizeKernel(const CompileContext&, const KernelTable& table) : kernels_(table.quantize) {}

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const Codes codes(context, 1);
    float* const to = context.output(0, x.shape()).as_mutable<float>().data();
    dequantize(context, kernels_, x, codes.scale, codes.zero_point, to);
  }

 private:
  const QuantizeKernels& kernels_;
};

Support supports_quantize(const CompileContext& context) {
  const auto precision = static_cast<DType>(context.node.attributes.integer("precision", 0));
  if (precision != DType::undefined && precision != DType::float32) {
    return unsupported("divides in another precision");
  }
  if (const char* reason = unsuited(context, 1, output_dtype(context))) return unsupported(reason);
  return float_inputs(context, 1);
}

Support supports_dynamic_quantize(const CompileContext& context) {
  return float_inputs(context, 1);
}

Support supports_dequantize(const CompileContext& context) {
  if (const char* reason = unsuited(context, 1, context.dtype(0))) return unsupported(reason);
  if (output_dtype(context) != DType::float32) return unsupported("an output that is not f32");
  return supported();
}

}  // namespace

std::vector<CpuOp> quantized_ops() {
  return {
      cpu_op("", "QuantizeLinear", supports_quantize, compile_as<QuantizeKernel>),
      cpu_op("", "DynamicQuantizeLinear", supports_dynamic_quantize,
             compile_as<DynamicQuantizeKernel>),
      cpu_op("", "DequantizeLinear", supports_dequantize, compile_as<DequantizeKernel>),
  };
}

}  // namespace inlay::inline v0::cpu
