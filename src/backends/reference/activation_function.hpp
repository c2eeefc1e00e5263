// Activation functions by name, for recurrent layers and fused operators.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>

#include "inlay/error.hpp"

namespace inlay::inline v0::kernels {

/// An activation ready to apply; T is float or double.
template <class T>
struct ActivationFunction {
  std::string_view name;
  T (*function)(T x, T alpha, T beta);
  int parameters = 0;  ///< how many of alpha and beta it takes
  T alpha{};
  T beta{};

  T operator()(T x) const { return function(x, alpha, beta); }
};

/// The activation of that name, with ONNX's defaults for its parameters. Errors: unsupported.
template <class T>
const ActivationFunction<T>& find_activation(std::string_view name) {
  using F = ActivationFunction<T>;
  static constexpr auto sigmoid = [](T x) { return 1 / (1 + std::exp(-x)); };
  static constexpr auto clamp = [](T x, T low, T high) { return std::min(std::max(x, low), high); };
  constexpr T infinity = std::numeric_limits<T>::infinity();
  static const auto table = std::to_array<F>({
      {"", [](T x, T, T) { return x; }},
      {"Affine", [](T x, T a, T b) { return a * x + b; }, 2, 1, 0},
      {"Clip", [](T x, T a, T b) { return clamp(x, a, b); }, 2, -infinity, infinity},
      {"Elu", [](T x, T a, T) { return x < 0 ? a * std::expm1(x) : x; }, 1, 1},
      {"Gelu", [](T x, T, T) { return x / 2 * (1 + std::erf(x * T(std::numbers::sqrt2 / 2))); }},
      {"GeluTanh",
       [](T x, T, T) {
         const T inner =
             T(std::numbers::sqrt2 * std::numbers::inv_sqrtpi) * (x + T(0.044715) * x * x * x);
         return x / 2 * (1 + std::tanh(inner));
       }},
      {"HardSigmoid", [](T x, T a, T b) { return clamp(a * x + b, 0, 1); }, 2, T(0.2), T(0.5)},
      {"HardSwish", [](T x, T, T) { return x * clamp(x / 6 + T(0.5), 0, 1); }},
      {"LeakyRelu", [](T x, T a, T) { return x < 0 ? a * x : x; }, 1, T(0.01)},
      {"Mish", [](T x, T, T) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"Relu", [](T x, T, T) { return x < 0 ? T{} : x; }},
      {"ScaledTanh", [](T x, T a, T b) { return a * std::tanh(b * x); }, 2, 1, 1},
      {"Sigmoid", [](T x, T, T) { return sigmoid(x); }},
      {"Silu", [](T x, T, T) { return x * sigmoid(x); }},
      {"Softplus", [](T x, T, T) { return std::max(x, T{}) + std::log1p(std::exp(-std::abs(x))); }},
      {"Softsign", [](T x, T, T) { return x / (1 + std::abs(x)); }},
      {"Swish", [](T x, T a, T) { return x * sigmoid(a * x); }, 1, 1},
      {"Tanh", [](T x, T, T) { return std::tanh(x); }},
      {"ThresholdedRelu", [](T x, T a, T) { return x > a ? x : T{}; }, 1, 1},
  });
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const F& f) { return f.name == name; });
  if (found == table.end()) {
    throw Error(ErrorCode::unsupported, "no activation is called '" + std::string(name) + "'");
  }
  return *found;
}

}  // namespace inlay::inline v0::kernels
