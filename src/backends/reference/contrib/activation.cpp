// com.microsoft's activation functions, with and without a bias.
#include "backends/reference/activation_function.hpp"
#include "backends/reference/contrib/contrib.hpp"
#include "backends/reference/map.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// Output 0 = f(input 0 + input 1), where input 1, if there, is a number for each place of the last
/// axis; f is the activation called `name`, with the attribute alpha in place of its own.
void activate_biased(KernelContext& context, std::string_view name) {
  const Tensor& x = context.input(0);
  if (context.has_input(1)) {
    const Shape& bias = context.input(1).shape();
    if (bias.rank() != 1 || x.rank() < 1 || bias[0] != x.shape().back()) {
      context.fail(ErrorCode::shape_mismatch, "a bias of " + to_string(bias) +
                                                  " does not fit the last axis of " +
                                                  to_string(x.shape()));
    }
  }
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    ActivationFunction<Wide> f = find_activation<Wide>(name);
    f.alpha = static_cast<Wide>(context.attributes().real("alpha", 1.702f));
    if (context.has_input(1)) {
      map_binary<Types<T>>(context, [&](Wide a, Wide b) { return f(a + b); });
    } else {
      map_unary<Types<T>>(context, f);
    }
  });
}

/// The left half of the last axis times Gelu of its right half, after the bias.
void run_bias_split_gelu(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& bias = context.input(1);
  if (x.rank() < 1 || x.shape().back() % 2 != 0 || bias.size() != x.shape().back()) {
    context.fail(ErrorCode::shape_mismatch, "a bias of " + to_string(bias.shape()) +
                                                " does not fit the halves of " +
                                                to_string(x.shape()));
  }
  const std::int64_t half = bias.size() / 2;
  Shape shape = x.shape();
  shape[x.rank() - 1] = half;
  Tensor& y = context.output(0, shape);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const auto& gelu = find_activation<Wide>("Gelu");
    const T* from = x.as<T>().data();
    const T* addend = bias.as<T>().data();
    T* to = y.as_mutable<T>().data();
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const std::int64_t left = i / half * 2 * half + i % half, d = i % half;
      const Wide linear = static_cast<Wide>(from[left]) + static_cast<Wide>(addend[d]);
      const Wide gate = static_cast<Wide>(from[left + half]) + static_cast<Wide>(addend[d + half]);
      to[i] = static_cast<T>(linear * gelu(gate));
    }
  });
}

}  // namespace

void add_contrib_activation_kernels(std::vector<ReferenceKernel>& table) {
  constexpr std::string_view microsoft = "com.microsoft";
  table.push_back(
      {microsoft, "Gelu", [](KernelContext& context) { activate_biased(context, "Gelu"); }});
  table.push_back(
      {microsoft, "BiasGelu", [](KernelContext& context) { activate_biased(context, "Gelu"); }});
  table.push_back({microsoft, "FastGelu",
                   [](KernelContext& context) { activate_biased(context, "GeluTanh"); }});
  table.push_back(
      {microsoft, "QuickGelu", [](KernelContext& context) { activate_biased(context, "Swish"); }});
  table.push_back({microsoft, "BiasSplitGelu", run_bias_split_gelu});
}

}  // namespace inlay::inline v0::kernels
