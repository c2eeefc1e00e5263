// Moving elements without looking at them: any dtype, packed ones widened to a byte each meanwhile.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>

#include "backends/reference/dispatch.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/low_bits.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// The tensor's elements as what visit_storage calls them; packed ones are copied to scratch memory
/// and take a byte each. Errors: type_mismatch when T does not hold such elements.
template <class T>
const T* stored(KernelContext& context, const Tensor& tensor) {
  const bool is_string = std::is_same_v<T, std::string>;
  if (is_string != (tensor.dtype() == DType::string) ||
      (!is_string && sizeof(T) != (static_cast<std::size_t>(bit_width(tensor.dtype())) + 7) / 8)) {
    context.fail(ErrorCode::type_mismatch, "elements of type " + std::string(name(tensor.dtype())) +
                                               " do not fit those of the output");
  }
  if constexpr (std::is_same_v<T, Bytes<1>>) {
    if (is_packed(tensor.dtype())) {
      const int bits = bit_width(tensor.dtype());
      const auto codes = context.scratch<Bytes<1>>(tensor.size());
      for (std::int64_t i = 0; i < tensor.size(); ++i) {
        codes[static_cast<std::size_t>(i)] = {std::byte{get_code(tensor.data(), bits, i)}};
      }
      return codes.data();
    }
  }
  return static_cast<const T*>(tensor.data());
}

/// Calls f(T* to) to write all of `output`'s elements, for the T that visit_storage chooses; packed
/// types are a byte each until f returns. Nothing to write: f is not called.
template <class F>
void write_stored(KernelContext& context, Tensor& output, F&& f) {
  if (output.size() == 0) return;
  if (!is_packed(output.dtype())) {
    visit_storage(output.dtype(), [&]<class T>() { f(static_cast<T*>(output.mutable_data())); });
    return;
  }
  const int bits = bit_width(output.dtype());
  const auto codes = context.scratch<Bytes<1>>(output.size());
  f(codes.data());
  auto* data = static_cast<std::uint8_t*>(output.mutable_data());
  std::fill_n(data, output.bytes(), std::uint8_t{0});
  for (std::int64_t i = 0; i < output.size(); ++i) {
    set_code(data, bits, i,
             std::to_integer<std::uint8_t>(codes[static_cast<std::size_t>(i)].bytes[0]));
  }
}

/// The element type behind a pointer that write_stored hands out.
template <class Pointer>
using element_t = std::remove_pointer_t<Pointer>;

/// `number` converted to the numeric type `dtype`, as the T that stores it; T{} for other types.
template <class T>
T stored_number(DType dtype, double number) {
  T result{};
  if constexpr (std::is_trivially_copyable_v<T>) {
    if (dtype == DType::boolean || is_floating(dtype) || (is_integer(dtype) && !is_packed(dtype))) {
      visit_dtype<Union<Numbers, Types<bool>>>(dtype, [&]<class Number>() {
        const auto value = static_cast<Number>(static_cast<compute_t<Number>>(number));
        std::memcpy(&result, &value, std::min(sizeof(result), sizeof(value)));
      });
    }
  }
  return result;
}

/// to[i . to_strides] = from[i . from_strides] for every index i of `shape`.
template <class T>
void copy_strided(const Shape& shape, T* to, const Strides& to_strides, const T* from,
                  const Strides& from_strides) {
  walk_rows(shape, std::array<Strides, 2>{to_strides, from_strides},
            [&](std::int64_t, const Offsets<2>& at, const Offsets<2>& steps, std::int64_t count) {
              T* target = to + at[0];
              const T* source = from + at[1];
              if (steps[0] == 1 && steps[1] == 1) {
                std::copy_n(source, count, target);
              } else if (steps[0] == 1 && steps[1] == 0) {
                std::fill_n(target, count, *source);
              } else {
                for (std::int64_t i = 0; i < count; ++i)
                  target[i * steps[0]] = source[i * steps[1]];
              }
            });
}

/// Where each position of an axis comes from; a negative index stands for the fill value.
using AxisSources = std::array<std::span<const std::int64_t>, Shape::max_rank>;

/// Writes, from `to` on, the dense tensor whose element [i, j, ...] is
/// from[sources[axis][i] . strides, ...], axes before `axis` left out. Returns the end.
template <class T>
T* gather_axes(const Shape& shape, const AxisSources& sources, const Strides& strides,
               const T& fill, T* to, const T* from, int axis = 0) {
  if (axis == shape.rank()) {
    *to = *from;
    return to + 1;
  }
  const std::int64_t stride = strides[static_cast<std::size_t>(axis)];
  if (axis + 1 == shape.rank()) {
    for (const std::int64_t source : sources[static_cast<std::size_t>(axis)]) {
      *to++ = source < 0 ? fill : from[source * stride];
    }
    return to;
  }
  for (const std::int64_t source : sources[static_cast<std::size_t>(axis)]) {
    if (source < 0) {
      to = std::fill_n(to, shape.product(axis + 1, shape.rank()), fill);
    } else {
      to = gather_axes(shape, sources, strides, fill, to, from + source * stride, axis + 1);
    }
  }
  return to;
}

}  // namespace inlay::inline v0::kernels
