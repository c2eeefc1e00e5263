#include "passes/constants.hpp"

#include <algorithm>
#include <cmath>

namespace inlay::inline v0::passes {
namespace {

/// Calls f with a value of the C++ type of `dtype`; false for types that are not plain numbers.
template <class F>
bool visit_number(DType dtype, F&& f) {
  switch (dtype) {
    case DType::float32:
      return f(float{}), true;
    case DType::float64:
      return f(double{}), true;
    case DType::float16:
      return f(float16{}), true;
    case DType::bfloat16:
      return f(bfloat16{}), true;
    case DType::boolean:
      return f(bool{}), true;
    case DType::int8:
      return f(std::int8_t{}), true;
    case DType::uint8:
      return f(std::uint8_t{}), true;
    case DType::int16:
      return f(std::int16_t{}), true;
    case DType::uint16:
      return f(std::uint16_t{}), true;
    case DType::int32:
      return f(std::int32_t{}), true;
    case DType::uint32:
      return f(std::uint32_t{}), true;
    case DType::int64:
      return f(std::int64_t{}), true;
    case DType::uint64:
      return f(std::uint64_t{}), true;
    default:
      return false;
  }
}

template <class T>
constexpr bool is_float = !std::numeric_limits<T>::is_integer;  // float16, bfloat16 included

template <class T>
T rounded(double value) {
  if constexpr (std::is_same_v<T, double>) {
    return value;
  } else {
    return T(static_cast<float>(value));
  }
}

}  // namespace

bool is_plain_number(DType dtype) {
  return visit_number(dtype, [](auto) {});
}

std::optional<std::vector<double>> to_doubles(const Tensor& tensor) {
  std::vector<double> numbers;
  const bool ok = visit_number(tensor.dtype(), [&](auto zero) {
    const auto elements = tensor.as<decltype(zero)>();
    numbers.reserve(elements.size());
    for (const auto element : elements) numbers.push_back(static_cast<double>(element));
  });
  if (!ok) return std::nullopt;
  return numbers;
}

Tensor from_doubles(std::span<const double> numbers, DType dtype, const Shape& shape) {
  Tensor tensor(dtype, shape);
  if (static_cast<std::size_t>(tensor.size()) != numbers.size()) {
    throw Error(ErrorCode::shape_mismatch, "the number of values is not that of the shape");
  }
  visit_number(dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_float<T>) {
      const auto elements = tensor.as_mutable<T>();
      for (std::size_t i = 0; i < numbers.size(); ++i) elements[i] = rounded<T>(numbers[i]);
    }
  });
  return tensor;
}

Tensor to_half(const Tensor& tensor, DType half) {
  Tensor result(half, tensor.shape());
  const auto from = tensor.as<float>();
  const auto round = [&]<class Half>(std::span<Half> to) {
    std::transform(from.begin(), from.end(), to.begin(), [](float x) { return Half(x); });
  };
  half == DType::bfloat16 ? round(result.as_mutable<bfloat16>())
                          : round(result.as_mutable<float16>());
  return result;
}

std::optional<double> uniform_value(const Tensor& tensor) {
  std::optional<double> value;
  visit_number(tensor.dtype(), [&](auto zero) {
    const auto elements = tensor.as<decltype(zero)>();
    if (elements.empty()) return;
    const auto first = static_cast<double>(elements[0]);
    for (const auto element : elements) {
      if (static_cast<double>(element) != first) return;
    }
    value = first;
  });
  return value;
}

bool is_number(double value, double wanted, DType dtype) {
  const double tolerance = bit_width(dtype) == 16 ? 0x1p-8 : 1e-5;
  return std::abs(value - wanted) <= tolerance * std::abs(wanted);
}

Tensor scaled(const Tensor& tensor, int axis, std::span<const double> factors) {
  Tensor result(tensor.dtype(), tensor.shape());
  const std::int64_t inner = tensor.shape().product(axis + 1, tensor.rank());
  visit_number(tensor.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_float<T>) {
      const auto from = tensor.as<T>();
      const auto to = result.as_mutable<T>();
      std::size_t i = 0;
      while (i < from.size()) {
        for (const double factor : factors) {
          for (std::int64_t k = 0; k < inner; ++k, ++i) {
            to[i] = rounded<T>(static_cast<double>(from[i]) * factor);
          }
        }
      }
    }
  });
  return result;
}

namespace {

/// In square blocks, so that a cache line is used whole on both sides.
template <class T>
void transpose_matrix(std::span<const T> from, std::int64_t rows, std::int64_t columns,
                      std::span<T> to) {
  constexpr std::int64_t block = 16;
  for (std::int64_t r0 = 0; r0 < rows; r0 += block) {
    for (std::int64_t c0 = 0; c0 < columns; c0 += block) {
      for (std::int64_t c = c0; c < std::min(c0 + block, columns); ++c) {
        for (std::int64_t r = r0; r < std::min(r0 + block, rows); ++r) {
          to[static_cast<std::size_t>(c * rows + r)] =
              from[static_cast<std::size_t>(r * columns + c)];
        }
      }
    }
  }
}

}  // namespace

Tensor transposed(const Tensor& tensor, std::span<const std::int64_t> perm) {
  Shape shape;
  std::vector<std::int64_t> strides(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) {
    const auto axis = static_cast<int>(perm[i]);
    shape.push_back(tensor.dim(axis));
    strides[i] = tensor.shape().product(axis + 1, tensor.rank());
  }
  Tensor result(tensor.dtype(), shape);
  if (!is_plain_number(tensor.dtype())) return result;
  const auto move = [&](auto zero) {
    using T = decltype(zero);
    const auto count = static_cast<std::size_t>(tensor.size());
    const std::span<const T> from(static_cast<const T*>(tensor.elements()), count);
    const std::span<T> to(static_cast<T*>(result.mutable_data()), count);
    if (perm.size() == 2 && perm[0] == 1) {
      return transpose_matrix(from, tensor.dim(0), tensor.dim(1), to);
    }
    std::vector<std::int64_t> index(perm.size(), 0);
    std::int64_t offset = 0;
    for (T& element : to) {
      element = from[static_cast<std::size_t>(offset)];
      for (std::size_t axis = index.size(); axis-- > 0;) {
        offset += strides[axis];
        if (++index[axis] < shape[static_cast<int>(axis)]) break;
        offset -= index[axis] * strides[axis];
        index[axis] = 0;
      }
    }
  };
  // What the elements mean does not matter here.
  switch (bit_width(tensor.dtype())) {
    case 8:
      move(std::uint8_t{});
      break;
    case 16:
      move(std::uint16_t{});
      break;
    case 32:
      move(std::uint32_t{});
      break;
    case 64:
      move(std::uint64_t{});
      break;
    default:
      break;
  }
  return result;
}

}  // namespace inlay::inline v0::passes
