// 8-bit codes with one scale per tensor: QuantizeLinear, DequantizeLinear, and com.microsoft's
// QLinearAdd and QLinearMul. All compute in f32, step by step as the reference does.
#include "backends/cpu/broadcast_plan.hpp"
#include "backends/cpu/quantized_codes.hpp"

namespace inlay::inline v0::cpu {
namespace {

class QuantizeKernel final : public Kernel {
 public:
  QuantizeKernel(const CompileContext&, const KernelTable& table) : kernels_(table.quantize) {}

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const Codes codes(context, 1);
    const float* from = x.as<float>().data();
    quantize(context, kernels_, from, codes.scale, false, codes.zero_point,
             context.output(0, x.shape()));
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

/// (a + b) / scale or a * b * factor, each step rounded as the reference rounds it.
class QLinearBinaryKernel final : public Kernel {
 public:
  QLinearBinaryKernel(const CompileContext& context, const KernelTable& table)
      : kernels_(table.quantize), adds_(context.node.op == "QLinearAdd") {
    const auto op = adds_ ? kernels::BinaryOp::add : kernels::BinaryOp::mul;
    function_ = table.elementwise.binary[static_cast<std::size_t>(op)];
  }

  void run(KernelContext& context) const override {
    const Tensor &a = context.input(0), &b = context.input(3);
    const Codes of_a(context, 1), of_b(context, 4), of_y(context, 6);
    const Shape shape = broadcast(a.shape(), b.shape());
    float* const a_values = context.scratch<float>(a.size()).data();
    float* const b_values = context.scratch<float>(b.size()).data();
    float* const values = context.scratch<float>(shape.elements()).data();
    dequantize(context, kernels_, a, adds_ ? of_a.scale : 1.0f, of_a.zero_point, a_values);
    dequantize(context, kernels_, b, adds_ ? of_b.scale : 1.0f, of_b.zero_point, b_values);
    const BroadcastPlan plan(a.shape(), b.shape(), shape);
    context.parallel_for(plan.tasks(), [&](std::int64_t task, int) {
      plan.run(task, [&](std::int64_t a_at, std::int64_t b_at, std::int64_t at,
                         const kernels::BroadcastRows& rows) {
        function_(a_values + a_at, b_values + b_at, values + at, rows);
      });
    });
    const float scale = adds_ ? of_y.scale : of_a.scale * of_b.scale / of_y.scale;
    quantize(context, kernels_, values, scale, !adds_, of_y.zero_point, context.output(0, shape));
  }

 private:
  const QuantizeKernels& kernels_;
  ElementwiseKernels::Binary<float> function_;
  bool adds_;
};

Support supports_quantize(const CompileContext& context) {
  const auto precision = static_cast<DType>(context.node.attributes.integer("precision", 0));
  if (precision != DType::undefined && precision != DType::float32) {
    return unsupported("divides in another precision");
  }
  if (const char* reason = unsuited(context, 1, output_dtype(context))) return unsupported(reason);
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
      cpu_op("", "DequantizeLinear", supports_dequantize, compile_as<DequantizeKernel>),
      cpu_op("com.microsoft", "QLinearAdd", supports_qlinear, compile_as<QLinearBinaryKernel>),
      cpu_op("com.microsoft", "QLinearMul", supports_qlinear, compile_as<QLinearBinaryKernel>),
  };
}

}  // namespace inlay::inline v0::cpu
