#include "backends/reference/generator.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "backends/reference/arguments.hpp"
#include "backends/reference/cast.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/storage.hpp"
#include "backends/reference/wrap.hpp"
#include "ops/range.hpp"

namespace inlay::inline v0 {
namespace {

using namespace kernels;

template <class T>
void put(KernelContext& context, std::span<const T> values, const Shape& shape) {
  Tensor& y = context.output(0, shape);
  std::copy(values.begin(), values.end(), y.as_mutable<T>().begin());
}
template <class T>
void put(KernelContext& context, std::span<const T> values) {
  put(context, values, {static_cast<std::int64_t>(values.size())});
}
template <class T>
void put_scalar(KernelContext& context, const T& value) {
  put(context, std::span<const T>(&value, 1), {});
}

void run_constant(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  for (const std::string_view name : {"value", "sparse_value"}) {
    if (const auto* tensor = attributes.get<Tensor>(name)) {
      return convert_elements(*tensor, context.output(0, tensor->shape()));
    }
  }
  if (const auto* real = attributes.get<float>("value_float")) return put_scalar(context, *real);
  if (const auto* integer = attributes.get<std::int64_t>("value_int")) {
    return put_scalar(context, *integer);
  }
  if (const auto* text = attributes.get<std::string>("value_string")) {
    return put_scalar(context, *text);
  }
  if (attributes.has("value_floats")) return put(context, attributes.reals("value_floats"));
  if (attributes.has("value_ints")) return put(context, attributes.integers("value_ints"));
  if (const auto* strings = attributes.get<std::vector<std::string>>("value_strings")) {
    put(context, std::span<const std::string>(*strings));
  }
}

void run_constant_of_shape(KernelContext& context) {
  const Shape shape(integers(context, context.input(0)));
  const auto* value = context.attributes().get<Tensor>("value");
  Tensor& y = context.output(0, value != nullptr ? value->dtype() : DType::float32, shape);
  write_stored(context, y, [&](auto* to) {
    using T = element_t<decltype(to)>;
    std::fill_n(to, y.size(), value != nullptr ? *stored<T>(context, *value) : T{});
  });
}

void run_range(KernelContext& context) {
  const Tensor& start = context.input(0);
  const Tensor* delta = context.has_input(2) ? &context.input(2) : nullptr;  // com.microsoft's: 1
  Tensor& y = context.output(0, {range_count(start, context.input(1), delta)});
  visit_dtype<Union<Floats, SignedIntegers>>(y.dtype(), [&]<class T>() {
    // In double, whatever stash_type says: no format of the output can tell the difference.
    using Wide = std::conditional_t<is_float<T>, double, std::int64_t>;
    const Wide first = start.item<T>();
    const Wide step = delta != nullptr ? static_cast<Wide>(delta->item<T>()) : Wide{1};
    Wide i = 0;
    for (T& value : y.as_mutable<T>()) {
      const Wide sum = wrap_add(first, wrap_mul(i++, step));
      if constexpr (is_float<T>) {
        value = from_real<T>(sum);
      } else {
        value = static_cast<T>(sum);
      }
    }
  });
}

void run_eye_like(KernelContext& context) {
  const Shape& shape = context.input(0).shape();
  if (shape.rank() != 2) context.fail(ErrorCode::shape_mismatch, "the input must be a matrix");
  const std::int64_t k = context.attributes().integer("k", 0);
  Tensor& y = context.output(0, shape);
  visit_dtype<Union<Numbers, Types<bool>>>(y.dtype(), [&]<class T>() {
    const auto out = y.as_mutable<T>();
    std::fill(out.begin(), out.end(), static_cast<T>(0.0f));
    if (k <= -shape[0] || k >= shape[1]) return;
    std::int64_t row = std::max<std::int64_t>(0, -k);
    for (; row < shape[0] && row + k < shape[1]; ++row) {
      out[static_cast<std::size_t>(row * shape[1] + row + k)] = static_cast<T>(1.0f);
    }
  });
}

/// a0 - a1 cos(w) + a2 cos(2 w) over one period.
void run_window(KernelContext& context, double a0, double a1, double a2) {
  const std::int64_t size = integer(context.input(0));
  const bool periodic = context.attributes().integer("periodic", 1) != 0;
  Tensor& y = context.output(0, {size});
  visit_dtype<Numbers>(y.dtype(), [&]<class T>() {
    const auto out = y.as_mutable<T>();
    // A symmetric window of one element is 0 / 0 in the formula, and 1 by custom.
    if (size == 1 && !periodic) return std::fill(out.begin(), out.end(), static_cast<T>(1.0f));
    const double step = 2 * std::numbers::pi / static_cast<double>(periodic ? size : size - 1);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double w = static_cast<double>(i) * step;
      // In the order in which the peak of each window is 1 exactly, as integers need it.
      out[i] = from_real<T>(a2 * std::cos(2 * w) - a1 * std::cos(w) + a0);
    }
  });
}

}  // namespace

std::vector<ReferenceKernel> generator_kernels() {
  std::vector<ReferenceKernel> table = {
      {"", "Constant", run_constant},
      {"", "ConstantOfShape", run_constant_of_shape},
      {"", "Range", run_range},
      {"com.microsoft", "Range", run_range},
      {"", "EyeLike", run_eye_like},
      {"", "HannWindow", [](KernelContext& c) { run_window(c, 0.5, 0.5, 0); }},
      {"", "HammingWindow", [](KernelContext& c) { run_window(c, 25.0 / 46, 21.0 / 46, 0); }},
      {"", "BlackmanWindow", [](KernelContext& c) { run_window(c, 0.42, 0.5, 0.08); }},
  };
  kernels::add_random_kernels(table);
  return table;
}

}  // namespace inlay::inline v0
