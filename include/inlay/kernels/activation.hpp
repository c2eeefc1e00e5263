// Activations on registers and on rows.
#pragma once

#include <cmath>
#include <limits>

#include <inlay/kernels/activation_kind.hpp>
#include <inlay/kernels/arch.hpp>
#include <inlay/kernels/math.hpp>
#include <inlay/kernels/minmax.hpp>

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

/// log(1 + e^x) without overflow.
template <class A>
INLAY_INLINE Vec<float, A> vsoftplus(const Vec<float, A>& x) {
  const Vec<float, A> e = vexp<A>(Vec<float, A>(-xsimd::abs(x)));
  return max_bound<A>(Vec<float, A>(0.0f), x) + vlog<A>(Vec<float, A>(e + Vec<float, A>(1.0f)));
}

/// The activation of one register. `Kind` is a constant so that a loop holds one formula only.
template <ActivationKind Kind, class A>
INLAY_INLINE Vec<float, A> apply_activation(const Activation& activation, const Vec<float, A>& x) {
  using Vf = Vec<float, A>;
  const Vf zero(0.0f), one(1.0f), half(0.5f);
  if constexpr (Kind == ActivationKind::relu) {
    return max_bound<A>(zero, x);
  } else if constexpr (Kind == ActivationKind::clip) {
    return clamp<A>(x, Vf(activation.alpha), Vf(activation.beta));
  } else if constexpr (Kind == ActivationKind::leaky_relu) {
    return xsimd::select(x < zero, x * Vf(activation.alpha), x);
  } else if constexpr (Kind == ActivationKind::elu) {
    return xsimd::select(x < zero, Vf(activation.alpha) * (vexp<A>(x) - one), x);
  } else if constexpr (Kind == ActivationKind::sigmoid) {
    return vsigmoid<A>(x);
  } else if constexpr (Kind == ActivationKind::tanh) {
    return vtanh<A>(x);
  } else if constexpr (Kind == ActivationKind::hard_sigmoid) {
    const Vf y = fma<A>(x, Vf(activation.alpha), Vf(activation.beta));
    return clamp<A>(y, zero, one);
  } else if constexpr (Kind == ActivationKind::hard_swish) {
    const Vf y = fma<A>(x, Vf(1.0f / 6.0f), half);
    return x * clamp<A>(y, zero, one);
  } else if constexpr (Kind == ActivationKind::silu) {
    return x * vsigmoid<A>(x * Vf(activation.alpha));
  } else if constexpr (Kind == ActivationKind::gelu_erf) {
    const Vf y = one + verf<A>(x * Vf(0.70710678118654752f));
    return half * x * y;
  } else if constexpr (Kind == ActivationKind::gelu_tanh) {
    const Vf inner = x * fma<A>(x * x, Vf(0.044715f), one);
    return half * x * (one + vtanh<A>(inner * Vf(0.79788456080286536f)));
  } else if constexpr (Kind == ActivationKind::softplus) {
    return vsoftplus<A>(x);
  } else if constexpr (Kind == ActivationKind::mish) {
    return x * vtanh<A>(vsoftplus<A>(x));
  } else {
    return x;
  }
}

/// Applies one kind of activation to `n` floats; `dst` may be `src`.
template <ActivationKind Kind, class A>
INLAY_FLATTEN void activate_as(const Activation& activation, const float* src, float* dst,
                               std::int64_t n) {
  constexpr std::int64_t size = lanes<float, A>;
  std::int64_t i = 0;
  for (; i + size <= n; i += size) {
    store<float, A>(dst + i, apply_activation<Kind, A>(activation, load<float, A>(src + i)));
  }
  if (i < n) {
    const auto rest = static_cast<std::size_t>(n - i);
    const Vec<float, A> x = load_first<float, A>(src + i, rest);
    store_first<float, A>(dst + i, apply_activation<Kind, A>(activation, x), rest);
  }
}

/// dst[i] = activation(src[i]) for n floats; `dst` may be `src`.
template <class A>
INLAY_NOINLINE void activate(const Activation& activation, const float* src, float* dst, std::int64_t n) {
  using enum ActivationKind;
  switch (activation.kind) {
    case none:
      return activate_as<none, A>(activation, src, dst, n);
    case relu:
      return activate_as<relu, A>(activation, src, dst, n);
    case clip:
      return activate_as<clip, A>(activation, src, dst, n);
    case leaky_relu:
      return activate_as<leaky_relu, A>(activation, src, dst, n);
    case elu:
      return activate_as<elu, A>(activation, src, dst, n);
    case sigmoid:
      return activate_as<sigmoid, A>(activation, src, dst, n);
    case tanh:
      return activate_as<tanh, A>(activation, src, dst, n);
    case hard_sigmoid:
      return activate_as<hard_sigmoid, A>(activation, src, dst, n);
    case hard_swish:
      return activate_as<hard_swish, A>(activation, src, dst, n);
    case silu:
      return activate_as<silu, A>(activation, src, dst, n);
    case gelu_erf:
      return activate_as<gelu_erf, A>(activation, src, dst, n);
    case gelu_tanh:
      return activate_as<gelu_tanh, A>(activation, src, dst, n);
    case softplus:
      return activate_as<softplus, A>(activation, src, dst, n);
    case mish:
      return activate_as<mish, A>(activation, src, dst, n);
  }
}

}  // namespace inlay::inline v0::kernels
