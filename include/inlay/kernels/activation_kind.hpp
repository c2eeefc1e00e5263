// The activations that kernels apply to their results before storing them.
#pragma once

#include <cstdint>

namespace inlay::inline v0::kernels {

/// Definitions are ONNX's; alpha and beta are the parameters named beside each.
enum class ActivationKind : std::uint8_t {
  none,
  relu,          ///< max(x, 0)
  clip,          ///< min(max(x, alpha), beta)
  leaky_relu,    ///< x < 0 ? alpha * x : x
  elu,           ///< x < 0 ? alpha * (exp(x) - 1) : x
  sigmoid,       ///< 1 / (1 + exp(-x))
  tanh,          ///< tanh(x)
  hard_sigmoid,  ///< min(max(alpha * x + beta, 0), 1)
  hard_swish,    ///< x * min(max(x / 6 + 1/2, 0), 1)
  silu,          ///< x * sigmoid(alpha * x), alpha usually 1
  gelu_erf,      ///< x / 2 * (1 + erf(x / sqrt 2))
  gelu_tanh,     ///< x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  softplus,      ///< log(1 + exp(x))
  mish,          ///< x * tanh(softplus(x))
};

struct Activation {
  ActivationKind kind = ActivationKind::none;
  float alpha = 0.0f;
  float beta = 0.0f;
};

}  // namespace inlay::inline v0::kernels
