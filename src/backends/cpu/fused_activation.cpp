#include "backends/cpu/fused_activation.hpp"

#include "backends/reference/activation_function.hpp"

namespace inlay::inline v0::cpu {

std::optional<kernels::Activation> fused_activation(const Attributes& attributes) {
  using enum kernels::ActivationKind;
  struct Entry {
    std::string_view name;
    kernels::ActivationKind kind;
  };
  static constexpr Entry entries[] = {
      {"", none},
      {"Clip", clip},
      {"Elu", elu},
      {"Gelu", gelu_erf},
      {"GeluTanh", gelu_tanh},
      {"HardSigmoid", hard_sigmoid},
      {"HardSwish", hard_swish},
      {"LeakyRelu", leaky_relu},
      {"Mish", mish},
      {"Relu", relu},
      {"Sigmoid", sigmoid},
      {"Silu", silu},
      {"Softplus", softplus},
      {"Swish", silu},
      {"Tanh", tanh},
  };
  const std::string_view name = attributes.text("activation", "");
  for (const Entry& entry : entries) {
    if (entry.name != name) continue;
    const auto& defaults = kernels::find_activation<float>(name);
    kernels::Activation activation{entry.kind, defaults.alpha, defaults.beta};
    if (name == "Silu") activation.alpha = 1;
    const auto parameters = attributes.reals("activation_params");
    if (parameters.size() > 0) activation.alpha = static_cast<float>(parameters[0]);
    if (parameters.size() > 1) activation.beta = static_cast<float>(parameters[1]);
    return activation;
  }
  return std::nullopt;
}

}  // namespace inlay::inline v0::cpu
