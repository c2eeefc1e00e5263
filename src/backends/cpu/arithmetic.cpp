// Elementwise operators of two or more operands that broadcast.
#include "backends/cpu/broadcast_plan.hpp"
#include "backends/cpu/rules.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::BinaryOp;

const BinaryRule& binary_rule(const Node& node) {
  return *std::find_if(std::begin(binary_rules), std::end(binary_rules),
                       [&](const BinaryRule& rule) { return rule.op == node.op; });
}

template <class T>
ElementwiseKernels::Binary<T> function_of(const KernelTable& table, BinaryOp op) {
  const auto i = static_cast<std::size_t>(op);
  if constexpr (std::is_same_v<T, float>) return table.elementwise.binary[i];
  if constexpr (std::is_same_v<T, std::int32_t>) return table.elementwise.binary_int32[i];
  if constexpr (std::is_same_v<T, std::int64_t>) return table.elementwise.binary_int64[i];
}

template <class T>
class BinaryKernel final : public Kernel {
 public:
  BinaryKernel(const CompileContext& context, const KernelTable& table)
      : function_(function_of<T>(table, binary_rule(context.node).function)),
        one_way_(context.node.op == "PRelu") {}

  void run(KernelContext& context) const override {
    const Shape first = context.input(0).shape();
    Shape shape = first;
    for (std::size_t i = 1; i < context.input_count(); ++i) {
      shape = broadcast(shape, context.input(i).shape());
    }
    if (one_way_ && !(shape == first)) {
      context.fail(ErrorCode::shape_mismatch, "the slope does not broadcast to the input");
    }
    const T* a = context.input(0).as<T>().data();
    T* const y = context.output(0, shape).as_mutable<T>().data();
    for (std::size_t i = 1; i < context.input_count(); ++i) {
      const Tensor& other = context.input(i);
      const T* const b = other.as<T>().data();
      const BroadcastPlan plan(i == 1 ? first : shape, other.shape(), shape);
      context.parallel_for(plan.tasks(), [&](std::int64_t task, int) {
        plan.run(task, [&](std::int64_t a_at, std::int64_t b_at, std::int64_t at,
                           const kernels::BroadcastRows& rows) {
          function_(a + a_at, b + b_at, y + at, rows);
        });
      });
      a = y;
    }
  }

 private:
  ElementwiseKernels::Binary<T> function_;
  bool one_way_;
};

Support supports_binary(const CompileContext& context) {
  const BinaryRule& rule = binary_rule(context.node);
  const DType dtype = context.dtype(0);
  const bool is_integer = dtype == DType::int32 || dtype == DType::int64;
  const bool for_integers =
      static_cast<std::size_t>(rule.function) < kernels::integer_binary_op_count;
  if (dtype != DType::float32 && !(is_integer && for_integers)) {
    return unsupported("no kernel for the dtype");
  }
  if (context.node.inputs.size() < 2) return unsupported("a single operand");
  for (std::size_t i = 1; i < context.node.inputs.size(); ++i) {
    if (context.dtype(i) != dtype) return unsupported("operands of different dtypes");
  }
  // Before opset 7 (8 for those of many operands) attributes said how to broadcast.
  if (context.node.version < (rule.many ? 8 : 7)) return unsupported("broadcasts by attributes");
  return supported();
}

std::unique_ptr<Kernel> compile_binary(const CompileContext& context, const KernelTable& table) {
  if (context.dtype(0) == DType::int32) {
    return compile_as<BinaryKernel<std::int32_t>>(context, table);
  }
  if (context.dtype(0) == DType::int64) {
    return compile_as<BinaryKernel<std::int64_t>>(context, table);
  }
  return compile_as<BinaryKernel<float>>(context, table);
}

}  // namespace

std::vector<CpuOp> arithmetic_ops() {
  std::vector<CpuOp> ops;
  for (const BinaryRule& rule : binary_rules) {
    ops.push_back({"", rule.op, supports_binary, compile_binary});
  }
  return ops;
}

}  // namespace inlay::inline v0::cpu
