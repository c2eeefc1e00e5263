// The activation of the fused operators.
#pragma once

#include "backends/reference/activation_function.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// The attributes activation and activation_params; none of a name: the identity.
template <class T>
ActivationFunction<T> activation_attribute(const Attributes& attributes) {
  ActivationFunction<T> f = find_activation<T>(attributes.text("activation", ""));
  const auto parameters = attributes.reals("activation_params");
  if (parameters.size() > 0) f.alpha = static_cast<T>(parameters[0]);
  if (parameters.size() > 1) f.beta = static_cast<T>(parameters[1]);
  return f;
}

}  // namespace inlay::inline v0::kernels
