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

}  // namespace

void add_math_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "Floor", unary_kernel<Floats>([](auto x) { return std::floor(x); })});
  table.push_back({"", "Ceil", unary_kernel<Floats>([](auto x) { return std::ceil(x); })});
  table.push_back({"", "Round", unary_kernel<Floats>([](auto x) { return std::nearbyint(x); })});
  table.push_back({"", "Sqrt", unary_kernel<Floats>([](auto x) { return std::sqrt(x); })});
  table.push_back({"", "Exp", unary_kernel<Floats>([](auto x) { return std::exp(x); })});
  table.push_back({"", "Log", unary_kernel<Floats>([](auto x) { return std::log(x); })});
  table.push_back({"", "Reciprocal", unary_kernel<Floats>([](auto x) { return 1 / x; })});
  table.push_back({"", "Sin", unary_kernel<Floats>([](auto x) { return std::sin(x); })});
  table.push_back({"", "Cos", unary_kernel<Floats>([](auto x) { return std::cos(x); })});
  table.push_back({"", "Tan", unary_kernel<Floats>([](auto x) { return std::tan(x); })});
  table.push_back({"", "Asin", unary_kernel<Floats>([](auto x) { return std::asin(x); })});
  table.push_back({"", "Acos", unary_kernel<Floats>([](auto x) { return std::acos(x); })});
  table.push_back({"", "Atan", unary_kernel<Floats>([](auto x) { return std::atan(x); })});
  table.push_back({"", "Sinh", unary_kernel<Floats>([](auto x) { return std::sinh(x); })});
  table.push_back({"", "Cosh", unary_kernel<Floats>([](auto x) { return std::cosh(x); })});
  table.push_back({"", "Tanh", unary_kernel<Floats>([](auto x) { return std::tanh(x); })});
  table.push_back({"", "Asinh", unary_kernel<Floats>([](auto x) { return std::asinh(x); })});
  table.push_back({"", "Acosh", unary_kernel<Floats>([](auto x) { return std::acosh(x); })});
  table.push_back({"", "Atanh", unary_kernel<Floats>([](auto x) { return std::atanh(x); })});
  table.push_back({"", "Abs", unary_kernel<Numbers>(absolute)});
  table.push_back({"", "Neg", unary_kernel<SignedNumbers>(negative)});
  table.push_back({"", "Sign", unary_kernel<Numbers>(sign_of)});
  table.push_back({"", "Erf", run_erf});
}

}  // namespace inlay::inline v0::kernels
