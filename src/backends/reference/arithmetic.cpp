// Arithmetic on two tensors, and on any number of them.
#include <cmath>

#include "backends/reference/convert.hpp"
#include "backends/reference/elementwise.hpp"
#include "backends/reference/map.hpp"
#include "backends/reference/wrap.hpp"

namespace inlay::inline v0::kernels {
namespace {

constexpr auto add_values = [](auto a, auto b) { return wrap_add(a, b); };

/// numpy's maximum and minimum: a NaN on either side wins.
constexpr auto larger = [](auto a, auto b) { return a < b || b != b ? b : a; };
constexpr auto smaller = [](auto a, auto b) { return b < a || b != b ? b : a; };

template <class T>
void require_nonzero(T divisor) {
  if (divisor == 0) throw Error(ErrorCode::execution, "an integer is divided by zero");
}

constexpr auto divide_values = [](auto a, auto b) {
  using T = decltype(a);
  if constexpr (std::is_integral_v<T>) {
    require_nonzero(b);
    // The smallest integer over -1 does not fit; negation wraps it around.
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return wrap_sub(T(0), a);
    return static_cast<T>(a / b);
  } else {
    return a / b;
  }
};

/// a - trunc(a / b) * b, with the sign of a.
constexpr auto truncated_mod = [](auto a, auto b) {
  using T = decltype(a);
  if constexpr (std::is_integral_v<T>) {
    require_nonzero(b);
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return T(0);
    return static_cast<T>(a % b);
  } else {
    return std::fmod(a, b);
  }
};

/// a - floor(a / b) * b, with the sign of b.
constexpr auto floored_mod = [](auto a, auto b) {
  using T = decltype(a);
  const T rest = truncated_mod(a, b);
  if constexpr (std::is_floating_point_v<T>) {
    if (rest == 0) return std::copysign(T(0), b);
  }
  if (rest == 0 || (rest < T(0)) == (b < T(0))) return rest;
  return static_cast<T>(rest + b);
};

void run_mod(KernelContext& context) {
  if (context.attributes().integer("fmod", 0) != 0) {
    map_binary<Numbers>(context, truncated_mod);
  } else {
    map_binary<Numbers>(context, floored_mod);
  }
}

/// base^exponent by squaring, wrapping around; negative powers are truncated toward zero.
template <class T, class E>
T integer_power(T base, E exponent) {
  if (exponent < E(0)) {
    if (base == 1) return 1;
    if (base == T(-1)) return exponent % 2 == 0 ? T(1) : T(-1);
    if (base == 0) throw Error(ErrorCode::execution, "zero is raised to a negative integer power");
    return 0;
  }
  T result = 1;
  for (auto rest = static_cast<std::make_unsigned_t<E>>(exponent); rest != 0;) {
    if ((rest & 1) != 0) result = wrap_mul(result, base);
    rest = static_cast<decltype(rest)>(rest >> 1);
    base = wrap_mul(base, base);
  }
  return result;
}

template <class T, class E>
T power(T base, E exponent) {
  if constexpr (std::is_integral_v<T> && std::is_integral_v<E>) {
    return integer_power(base, exponent);
  } else if constexpr (std::is_same_v<T, float> && std::is_same_v<E, float>) {
    return std::pow(base, exponent);
  } else {
    return from_real<T>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
}

void run_pow(KernelContext& context) {
  const Tensor& base = context.input(0);
  const Tensor& exponent = context.input(1);
  const Shape exponent_shape = second_shape(context);
  Tensor& y = context.output(0, broadcast(base.shape(), exponent_shape));
  visit_dtype<Union<Floats, Indices>>(base.dtype(), [&]<class T>() {
    visit_dtype<Numbers>(exponent.dtype(), [&]<class E>() {
      map_elements<T, E, T>(context, base, exponent, exponent_shape, y,
                            [](auto a, auto b) { return power(a, b); });
    });
  });
}

/// Output 0 = f(… f(f(input 0, input 1), input 2) …), broadcast.
template <class F>
Tensor& fold_inputs(KernelContext& context, F&& f) {
  Shape shape = context.input(0).shape();
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    shape = broadcast(shape, context.input(i).shape());
  }
  Tensor& y = context.output(0, shape);
  visit_dtype<Numbers>(y.dtype(), [&]<class T>() {
    map_elements<T, T, T>(context, context.input(0), context.input(0), context.input(0).shape(), y,
                          [](auto a, auto) { return a; });
    for (std::size_t i = 1; i < context.input_count(); ++i) {
      map_elements<T, T, T>(context, y, context.input(i), context.input(i).shape(), y, f);
    }
  });
  return y;
}

void run_mean(KernelContext& context) {
  const auto count = static_cast<float>(context.input_count());
  Tensor& y = fold_inputs(context, add_values);
  visit_dtype<Floats>(y.dtype(), [&]<class T>() {
    for (T& value : y.as_mutable<T>()) value = static_cast<T>(compute_t<T>(value) / count);
  });
}

template <class F>
constexpr KernelPointer fold_kernel(F) {
  return [](KernelContext& context) { fold_inputs(context, F{}); };
}

}  // namespace

void add_arithmetic_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "Add", binary_kernel<Numbers>(add_values)});
  table.push_back(
      {"", "Sub", binary_kernel<Numbers>([](auto a, auto b) { return wrap_sub(a, b); })});
  table.push_back(
      {"", "Mul", binary_kernel<Numbers>([](auto a, auto b) { return wrap_mul(a, b); })});
  table.push_back({"", "Div", binary_kernel<Numbers>(divide_values)});
  table.push_back({"", "Mod", run_mod});
  table.push_back({"", "Pow", run_pow});
  table.push_back({"", "Max", fold_kernel(larger)});
  table.push_back({"", "Min", fold_kernel(smaller)});
  table.push_back({"", "Sum", fold_kernel(add_values)});
  table.push_back({"", "Mean", run_mean});
}

}  // namespace inlay::inline v0::kernels
