// Activation functions and Clip.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "backends/reference/elementwise.hpp"
#include "backends/reference/map.hpp"
#include "backends/reference/wrap.hpp"

namespace inlay::inline v0::kernels {
namespace {

// Each form is the one that neither overflows nor cancels.
constexpr auto sigmoid = [](auto x) {
  using T = decltype(x);
  const T e = std::exp(-std::abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
};
constexpr auto softplus = [](auto x) {
  using T = decltype(x);
  return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x)));
};

/// Output 0 = f(x) where f = make(attributes).
template <class Make>
constexpr KernelPointer activation(Make) {
  return [](KernelContext& context) { map_unary<Floats>(context, Make{}(context.attributes())); };
}

void run_relu(KernelContext& context) {
  map_unary<Numbers>(context, [](auto x) { return x < 0 ? decltype(x)(0) : x; });
}

void run_gelu(KernelContext& context) {
  const std::string_view approximate = context.attributes().text("approximate", "none");
  if (approximate == "tanh") {
    map_unary<Floats>(context, [](auto x) {
      using T = decltype(x);
      const T scale = T(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
      return x / 2 * (1 + std::tanh(scale * (x + T(0.044715) * x * x * x)));
    });
  } else if (approximate == "none") {
    map_unary<Floats>(context, [](auto x) {
      using T = decltype(x);
      return x / 2 * (1 + std::erf(x / T(std::numbers::sqrt2)));
    });
  } else {
    context.fail(ErrorCode::invalid_graph, "approximate must be none or tanh");
  }
}

void run_shrink(KernelContext& context) {
  const float bias = context.attributes().real("bias", 0.0f);
  const float lambda = context.attributes().real("lambd", 0.5f);
  map_unary<Numbers>(context, [=](auto x) {
    const auto value = static_cast<double>(x);
    if (value < -lambda) return value + bias;
    return value > lambda ? value - bias : 0;
  });
}

template <class T>
T bound(const KernelContext& context, std::size_t i, std::string_view name, T fallback) {
  if (context.has_input(i)) return context.input(i).item<T>();
  const float* value = context.attributes().get<float>(name);
  return value != nullptr ? from_real<T>(*value) : fallback;
}

void run_clip(KernelContext& context) {
  visit_dtype<Numbers>(context.input(0).dtype(), [&]<class T>() {
    using C = compute_t<T>;
    using Limits = std::numeric_limits<C>;
    // Before opset 11 the bounds were floats with the largest ones as defaults.
    const bool unbounded = std::is_floating_point_v<C> && context.version() >= 11;
    const C low =
        bound<T>(context, 1, "min", T(unbounded ? -Limits::infinity() : Limits::lowest()));
    const C high = bound<T>(context, 2, "max", T(unbounded ? Limits::infinity() : Limits::max()));
    map_unary<Types<T>>(context, [=](C x) {
      const C raised = x < low ? low : x;  // comparisons that leave a NaN alone
      return raised > high ? high : raised;
    });
  });
}

void run_prelu(KernelContext& context) {
  map_binary<Numbers>(context, [](auto x, auto slope) {
    using T = decltype(x);
    return x < T(0) ? wrap_mul(x, slope) : x;
  });
}

void run_swiglu(KernelContext& context) {
  const float alpha = context.attributes().real("alpha", 1.0f);
  if (context.input(0).shape() != context.input(1).shape()) {
    context.fail(ErrorCode::shape_mismatch, "the gate and the linear input differ in shape");
  }
  map_binary<Floats>(context, [=](auto a, auto b) {
    return a * sigmoid(static_cast<decltype(a)>(alpha) * a) * b;
  });
}

}  // namespace

void add_activation_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "Sigmoid", activation([](const Attributes&) { return sigmoid; })});
  table.push_back({"", "Softplus", activation([](const Attributes&) { return softplus; })});
  table.push_back({"", "Softsign", activation([](const Attributes&) {
                     return [](auto x) { return x / (1 + std::abs(x)); };
                   })});
  table.push_back({"", "Mish", activation([](const Attributes&) {
                     return [](auto x) { return x * std::tanh(softplus(x)); };
                   })});
  table.push_back({"", "HardSwish", activation([](const Attributes&) {
                     return [](auto x) {
                       using T = decltype(x);
                       return x * std::clamp(x / 6 + T(0.5), T(0), T(1));
                     };
                   })});
  table.push_back({"", "Swish", activation([](const Attributes& attributes) {
                     return [alpha = attributes.real("alpha", 1.0f)](auto x) {
                       return x * sigmoid(static_cast<decltype(x)>(alpha) * x);
                     };
                   })});
  table.push_back({"", "LeakyRelu", activation([](const Attributes& attributes) {
                     return [alpha = attributes.real("alpha", 0.01f)](auto x) {
                       return x < 0 ? alpha * x : x;
                     };
                   })});
  table.push_back({"", "ThresholdedRelu", activation([](const Attributes& attributes) {
                     return [alpha = attributes.real("alpha", 1.0f)](auto x) {
                       return x > alpha ? x : decltype(x)(0);
                     };
                   })});
  table.push_back({"", "Elu", activation([](const Attributes& attributes) {
                     return [alpha = attributes.real("alpha", 1.0f)](auto x) {
                       return x < 0 ? alpha * std::expm1(x) : x;
                     };
                   })});
  table.push_back({"", "Celu", activation([](const Attributes& attributes) {
                     return [alpha = attributes.real("alpha", 1.0f)](auto x) {
                       return x < 0 ? alpha * std::expm1(x / alpha) : x;
                     };
                   })});
  table.push_back({"", "Selu", activation([](const Attributes& attributes) {
                     return [alpha = attributes.real("alpha", 1.67326319217681884765625f),
                             gamma = attributes.real("gamma", 1.05070102214813232421875f)](auto x) {
                       return gamma * (x > 0 ? x : alpha * std::expm1(x));
                     };
                   })});
  table.push_back({"", "HardSigmoid", activation([](const Attributes& attributes) {
                     return [alpha = attributes.real("alpha", 0.2f),
                             beta = attributes.real("beta", 0.5f)](auto x) {
                       using T = decltype(x);
                       return std::clamp(alpha * x + beta, T(0), T(1));
                     };
                   })});
  table.push_back({"", "Relu", run_relu});
  table.push_back({"", "Gelu", run_gelu});
  table.push_back({"", "Shrink", run_shrink});
  table.push_back({"", "Clip", run_clip});
  table.push_back({"", "PRelu", run_prelu});
  table.push_back({"", "SwiGLU", run_swiglu});
}

}  // namespace inlay::inline v0::kernels
