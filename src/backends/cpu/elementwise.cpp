// Elementwise operators of one operand.
#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::UnaryOp;

/// An operator's function and the attributes that are its parameters.
struct UnaryRule {
  std::string_view op;
  UnaryOp function;
  std::string_view alpha_name = {};
  float alpha = 0;
  std::string_view beta_name = {};
  float beta = 0;
};

constexpr UnaryRule unary_rules[] = {
    {"Abs", UnaryOp::abs},
    {"Neg", UnaryOp::neg},
    {"Relu", UnaryOp::relu},
    {"LeakyRelu", UnaryOp::leaky_relu, "alpha", 0.01f},
    {"ThresholdedRelu", UnaryOp::thresholded_relu, "alpha", 1.0f},
    {"Elu", UnaryOp::elu, "alpha", 1.0f},
    {"Celu", UnaryOp::celu, "alpha", 1.0f},
    {"Selu", UnaryOp::selu, "alpha", 1.67326319217681884765625f, "gamma",
     1.05070102214813232421875f},
    {"HardSigmoid", UnaryOp::hard_sigmoid, "alpha", 0.2f, "beta", 0.5f},
    {"HardSwish", UnaryOp::hard_swish},
    {"Sigmoid", UnaryOp::sigmoid},
    {"Swish", UnaryOp::swish, "alpha", 1.0f},
    {"Tanh", UnaryOp::tanh},
    {"Exp", UnaryOp::exp},
    {"Log", UnaryOp::log},
    {"Sqrt", UnaryOp::sqrt},
    {"Reciprocal", UnaryOp::reciprocal},
    {"Erf", UnaryOp::erf},
    {"Gelu", UnaryOp::gelu},
    {"Softplus", UnaryOp::softplus},
    {"Softsign", UnaryOp::softsign},
    {"Mish", UnaryOp::mish},
    {"Floor", UnaryOp::floor},
    {"Ceil", UnaryOp::ceil},
    {"Round", UnaryOp::round},
    {"Sign", UnaryOp::sign},
    {"Sin", UnaryOp::sin},
    {"Cos", UnaryOp::cos},
};

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
  std::vector<CpuOp> ops = {{"", "Clip", supports_clip, compile_as<ClipKernel>}};
  for (const UnaryRule& rule : unary_rules) {
    ops.push_back({"", rule.op, supports_unary, compile_as<UnaryKernel>});
  }
  return ops;
}

}  // namespace inlay::inline v0::cpu
