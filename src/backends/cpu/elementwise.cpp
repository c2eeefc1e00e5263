// Elementwise operators of one operand.
#include "backends/cpu/glue.hpp"
#include "backends/cpu/rules.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::UnaryOp;

const UnaryRule& unary_rule(const Node& node) {
  return *std::find_if(std::begin(unary_rules), std::end(unary_rules),
                       [&](const UnaryRule& rule) { return rule.op == node.op; });
}

void apply(KernelContext& context, ElementwiseKernels::Unary function, float alpha, float beta) {
  const Tensor& x = context.input(0);
  const float* from = x.as<float>().data();
  const std::int64_t size = x.size();
  float* to = context.output(0, x.shape()).as_mutable<float>().data();
  for_ranges(context, size, task_elements, [&](std::size_t begin, std::size_t end, int) {
    function(from + begin, to + begin, end - begin, alpha, beta);
  });
}

class UnaryKernel final : public Kernel {
 public:
  UnaryKernel(const CompileContext& context, const KernelTable& table) {
    const Attributes& attributes = context.node.attributes;
    const UnaryRule& rule = unary_rule(context.node);
    const bool by_tanh = attributes.text("approximate", "none") == "tanh";
    const UnaryOp function = by_tanh ? UnaryOp::gelu_tanh : rule.function;
    function_ = table.elementwise.unary[static_cast<std::size_t>(function)];
    if (!rule.alpha_name.empty()) alpha_ = attributes.real(rule.alpha_name, rule.alpha);
    if (!rule.beta_name.empty()) beta_ = attributes.real(rule.beta_name, rule.beta);
  }

  void run(KernelContext& context) const override { apply(context, function_, alpha_, beta_); }

 private:
  ElementwiseKernels::Unary function_;
  float alpha_ = 0;
  float beta_ = 0;
};

/// Bounds are attributes before opset 11 and scalar inputs from then on.
class ClipKernel final : public Kernel {
 public:
  ClipKernel(const CompileContext&, const KernelTable& table)
      : function_(table.elementwise.unary[static_cast<std::size_t>(UnaryOp::clip)]) {}

  void run(KernelContext& context) const override {
    const auto bound = [&](std::string_view name, std::size_t i, float fallback) {
      return context.has_input(i) ? context.input(i).item<float>()
                                  : context.attributes().real(name, fallback);
    };
    constexpr float largest = std::numeric_limits<float>::infinity();
    apply(context, function_, bound("min", 1, -largest), bound("max", 2, largest));
  }

 private:
  ElementwiseKernels::Unary function_;
};

Support supports_unary(const CompileContext& context) { return float_inputs(context, 1); }
Support supports_clip(const CompileContext& context) { return float_inputs(context, 3); }

}  // namespace

std::vector<CpuOp> elementwise_ops() {
  std::vector<CpuOp> ops = {cpu_op("", "Clip", supports_clip, compile_as<ClipKernel>)};
  for (const UnaryRule& rule : unary_rules) {
    ops.push_back({"", rule.op, supports_unary, compile_as<UnaryKernel>});
  }
  return ops;
}

}  // namespace inlay::inline v0::cpu
