// Unary functions of numbers.
#include <cmath>

#include "backends/reference/elementwise.hpp"
#include "backends/reference/map.hpp"

namespace inlay::inline v0::kernels {
namespace {

constexpr auto absolute = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_floating_point_v<T>) {
    return std::abs(x);
  } else if constexpr (std::is_signed_v<T>) {
    // The smallest integer has no counterpart and stays what it is.
    return x < 0 ? static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x)) : x;
  } else {
    return x;
  }
};

constexpr auto negative = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_floating_point_v<T>) {
    return -x;
  } else {
    return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x));
  }
};

constexpr auto sign_of = [](auto x) {
  using T = decltype(x);
  if (x > T(0)) return T(1);
  if constexpr (std::is_signed_v<T> || std::is_floating_point_v<T>) {
    if (x < T(0)) return T(-1);
  }
  return x;  // zero or NaN
};

void run_erf(KernelContext& context) {
  map_unary<Numbers>(context, [](auto x) {
    using Real = std::conditional_t<std::is_same_v<decltype(x), float>, float, double>;
    return std::erf(static_cast<Real>(x));
  });
}

template <class F>
void float_kernel(KernelContext& context) {
  map_unary<Floats>(context, F{});
}

}  // namespace

void add_math_kernels(std::vector<ReferenceKernel>& table) {
  const auto add = [&](std::string_view op, auto f) {
    table.push_back({"", op, float_kernel<decltype(f)>});
  };
  add("Floor", [](auto x) { return std::floor(x); });
  add("Ceil", [](auto x) { return std::ceil(x); });
  add("Round", [](auto x) { return std::nearbyint(x); });
  add("Sqrt", [](auto x) { return std::sqrt(x); });
  add("Exp", [](auto x) { return std::exp(x); });
  add("Log", [](auto x) { return std::log(x); });
  add("Reciprocal", [](auto x) { return 1 / x; });
  add("Sin", [](auto x) { return std::sin(x); });
  add("Cos", [](auto x) { return std::cos(x); });
  add("Tan", [](auto x) { return std::tan(x); });
  add("Asin", [](auto x) { return std::asin(x); });
  add("Acos", [](auto x) { return std::acos(x); });
  add("Atan", [](auto x) { return std::atan(x); });
  add("Sinh", [](auto x) { return std::sinh(x); });
  add("Cosh", [](auto x) { return std::cosh(x); });
  add("Tanh", [](auto x) { return std::tanh(x); });
  add("Asinh", [](auto x) { return std::asinh(x); });
  add("Acosh", [](auto x) { return std::acosh(x); });
  add("Atanh", [](auto x) { return std::atanh(x); });
  table.push_back({"", "Abs", [](KernelContext& c) { map_unary<Numbers>(c, absolute); }});
  table.push_back({"", "Neg", [](KernelContext& c) { map_unary<SignedNumbers>(c, negative); }});
  table.push_back({"", "Sign", [](KernelContext& c) { map_unary<Numbers>(c, sign_of); }});
  table.push_back({"", "Erf", run_erf});
}

}  // namespace inlay::inline v0::kernels
