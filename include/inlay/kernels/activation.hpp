// The activations of ActivationKind on rows.
#pragma once

#include <limits>

#include <inlay/kernels/activation_kind.hpp>
#include <inlay/kernels/unary.hpp>

namespace inlay::inline v0::kernels {

/// The activations that are a clamp, as one: min(max(x, low), high).
struct ClampRange {
  bool is_clamp;
  float low, high;
};

INLAY_INLINE ClampRange clamp_range(const Activation& activation) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  switch (activation.kind) {
    case ActivationKind::relu:
      return {true, 0.0f, infinity};
    case ActivationKind::clip:
      return {true, activation.alpha, activation.beta};
    default:
      return {false, -infinity, infinity};
  }
}

/// dst[i] = activation(src[i]) for n floats; `dst` may be `src`.
template <class A>
INLAY_NOINLINE void activate(const Activation& activation, const float* src, float* dst,
                             std::int64_t n) {
  const auto apply = [&]<UnaryOp op>() {
    unary<A, op>(src, dst, static_cast<std::size_t>(n), activation.alpha, activation.beta);
  };
  switch (activation.kind) {
    case ActivationKind::none:
      if (dst != src) std::memcpy(dst, src, static_cast<std::size_t>(n) * sizeof(float));
      return;
    case ActivationKind::relu:
      return apply.template operator()<UnaryOp::relu>();
    case ActivationKind::clip:
      return apply.template operator()<UnaryOp::clip>();
    case ActivationKind::leaky_relu:
      return apply.template operator()<UnaryOp::leaky_relu>();
    case ActivationKind::elu:
      return apply.template operator()<UnaryOp::elu>();
    case ActivationKind::sigmoid:
      return apply.template operator()<UnaryOp::sigmoid>();
    case ActivationKind::tanh:
      return apply.template operator()<UnaryOp::tanh>();
    case ActivationKind::hard_sigmoid:
      return apply.template operator()<UnaryOp::hard_sigmoid>();
    case ActivationKind::hard_swish:
      return apply.template operator()<UnaryOp::hard_swish>();
    case ActivationKind::silu:
      return apply.template operator()<UnaryOp::swish>();
    case ActivationKind::gelu_erf:
      return apply.template operator()<UnaryOp::gelu>();
    case ActivationKind::gelu_tanh:
      return apply.template operator()<UnaryOp::gelu_tanh>();
    case ActivationKind::softplus:
      return apply.template operator()<UnaryOp::softplus>();
    case ActivationKind::mish:
      return apply.template operator()<UnaryOp::mish>();
  }
}

}  // namespace inlay::inline v0::kernels
