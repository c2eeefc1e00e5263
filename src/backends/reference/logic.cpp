// Comparisons, logic, bits, Where.
#include <cmath>

#include "backends/reference/elementwise.hpp"
#include "backends/reference/low_bits.hpp"
#include "backends/reference/map.hpp"
#include "backends/reference/storage.hpp"

namespace inlay::inline v0::kernels {
namespace {

/// Output 0 = test(x) for each element of a float type of any width.
template <class F>
void classify(KernelContext& context, F&& test) {
  const Tensor& x = context.input(0);
  if (!is_small_float(x.dtype())) return map_unary<Floats, bool>(context, test);
  Tensor& y = context.output(0, x.shape());
  bool* out = y.as_mutable<bool>().data();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    out[i] = test(get_small_float(x.dtype(), x.data(), i));
  }
}

void run_is_inf(KernelContext& context) {
  const bool negative = context.attributes().integer("detect_negative", 1) != 0;
  const bool positive = context.attributes().integer("detect_positive", 1) != 0;
  classify(context, [=](auto x) { return std::isinf(x) && (x < 0 ? negative : positive); });
}

/// Shifts by less than zero or by the width and more leave copies of the sign bit, or nothing.
template <bool left>
constexpr auto shift = [](auto x, auto by) {
  using T = decltype(x);
  constexpr auto width = static_cast<T>(8 * sizeof(T));
  const bool inside = by >= T(0) && by < width;
  if (left) {
    // Unsigned and at least 32 bits wide, so that bits may pass the sign.
    using Wide = std::common_type_t<std::make_unsigned_t<T>, unsigned>;
    return inside ? static_cast<T>(static_cast<Wide>(x) << by) : T(0);
  }
  if (inside) return static_cast<T>(x >> by);
  return x < T(0) ? static_cast<T>(-1) : T(0);
};

void run_bit_shift(KernelContext& context) {
  const std::string_view direction = context.attributes().text("direction", "");
  if (direction == "LEFT") {
    map_binary<Integers>(context, shift<true>);
  } else if (direction == "RIGHT") {
    map_binary<Integers>(context, shift<false>);
  } else {
    context.fail(ErrorCode::invalid_graph, "direction must be LEFT or RIGHT");
  }
}

void run_where(KernelContext& context) {
  const Tensor& condition = context.input(0);
  const Tensor& x = context.input(1);
  const Tensor& y = context.input(2);
  if (x.dtype() != y.dtype()) {
    context.fail(ErrorCode::type_mismatch, "the two branches differ in element type");
  }
  const Shape shape = broadcast(condition.shape(), broadcast(x.shape(), y.shape()));
  const bool* choose = condition.as<bool>().data();
  write_stored(context, context.output(0, x.dtype(), shape), [&](auto* to) {
    using T = element_t<decltype(to)>;
    const T* then = stored<T>(context, x);
    const T* otherwise = stored<T>(context, y);
    walk_rows<3>(
        shape,
        {broadcast_strides(condition.shape(), shape), broadcast_strides(x.shape(), shape),
         broadcast_strides(y.shape(), shape)},
        [&](std::int64_t index, const Offsets<3>& at, const Offsets<3>& step, std::int64_t count) {
          const bool* c = choose + at[0];
          const T* a = then + at[1];
          const T* b = otherwise + at[2];
          for (std::int64_t i = 0; i < count; ++i, c += step[0], a += step[1], b += step[2]) {
            to[index + i] = *(*c ? a : b);
          }
        });
  });
}

}  // namespace

void add_logic_kernels(std::vector<ReferenceKernel>& table) {
  using Bool = Types<bool>;
  table.push_back({"", "And", binary_kernel<Bool, bool>([](bool a, bool b) { return a && b; })});
  table.push_back({"", "Or", binary_kernel<Bool, bool>([](bool a, bool b) { return a || b; })});
  table.push_back({"", "Xor", binary_kernel<Bool, bool>([](bool a, bool b) { return a != b; })});
  using Comparable = Union<Numbers, Types<bool, std::string>>;
  table.push_back({"", "Equal", binary_kernel<Comparable, bool>([](const auto& a, const auto& b) {
                     return a == b;
                   })});
  table.push_back({"", "Less", binary_kernel<Numbers, bool>([](auto a, auto b) { return a < b; })});
  table.push_back(
      {"", "Greater", binary_kernel<Numbers, bool>([](auto a, auto b) { return a > b; })});
  table.push_back(
      {"", "LessOrEqual", binary_kernel<Numbers, bool>([](auto a, auto b) { return a <= b; })});
  table.push_back(
      {"", "GreaterOrEqual", binary_kernel<Numbers, bool>([](auto a, auto b) { return a >= b; })});

  table.push_back(
      {"", "BitwiseAnd", binary_kernel<Integers>([](auto a, auto b) { return a & b; })});
  table.push_back({"", "BitwiseOr", binary_kernel<Integers>([](auto a, auto b) { return a | b; })});
  table.push_back(
      {"", "BitwiseXor", binary_kernel<Integers>([](auto a, auto b) { return a ^ b; })});
  table.push_back({"", "BitShift", run_bit_shift});
  table.push_back({"", "BitwiseNot", unary_kernel<Integers>([](auto x) { return ~x; })});
  table.push_back({"", "Not", unary_kernel<Bool>([](bool x) { return !x; })});
  table.push_back(
      {"", "IsNaN", [](KernelContext& c) { classify(c, [](auto x) { return std::isnan(x); }); }});
  table.push_back({"", "IsInf", run_is_inf});
  table.push_back({"", "Where", run_where});
}

}  // namespace inlay::inline v0::kernels
