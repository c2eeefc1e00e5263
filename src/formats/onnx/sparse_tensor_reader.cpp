#include <cstring>

#include "formats/onnx/tensor_dims.hpp"
#include "formats/onnx/tensor_reader.hpp"
#include "formats/onnx/wire.hpp"

namespace inlay::inline v0::onnx {
namespace {

/// The position, in row-major order, of the i-th stored value.
std::int64_t position(std::span<const std::int64_t> indices, std::int64_t i, const Shape& shape,
                      std::int64_t elements, bool linear) {
  const auto check = [](std::int64_t index, std::int64_t end) {
    if (index < 0 || index >= end) {
      throw Error(ErrorCode::parse, "an index of a sparse tensor is out of range");
    }
  };
  if (linear) {
    const std::int64_t index = indices[static_cast<std::size_t>(i)];
    check(index, elements);
    return index;
  }
  std::int64_t offset = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::int64_t index = indices[static_cast<std::size_t>(i * shape.rank() + axis)];
    check(index, shape[axis]);
    offset = offset * shape[axis] + index;
  }
  return offset;
}

Tensor densify(const Tensor& values, const Tensor& indices, const Shape& shape) {
  const bool linear = indices.rank() == 1;
  const bool fits = values.rank() == 1 && indices.dtype() == DType::int64 &&
                    (linear || (indices.rank() == 2 && indices.dim(1) == shape.rank())) &&
                    indices.dim(0) == values.dim(0);
  if (!fits) {
    throw Error(ErrorCode::parse,
                "the indices of a sparse tensor must be int64[n] or int64[n, rank] for n values");
  }
  Tensor dense = Tensor::zeros(values.dtype(), shape);
  const auto all = indices.as<std::int64_t>();
  for (std::int64_t i = 0; i < values.size(); ++i) {
    const std::int64_t to = position(all, i, shape, dense.size(), linear);
    if (values.dtype() == DType::string) {
      dense.as_mutable<std::string>()[static_cast<std::size_t>(to)] =
          values.as<std::string>()[static_cast<std::size_t>(i)];
      continue;
    }
    const auto width = static_cast<std::size_t>(bit_width(values.dtype()) / 8);
    std::memcpy(
        static_cast<std::byte*>(dense.mutable_data()) + static_cast<std::size_t>(to) * width,
        static_cast<const std::byte*>(values.data()) + static_cast<std::size_t>(i) * width, width);
  }
  return dense;
}

}  // namespace

NamedTensor read_sparse_tensor(std::string_view bytes, ReadContext& context) {
  NamedTensor values;
  NamedTensor indices;
  std::vector<std::int64_t> dims;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case sparse_field::values:
        values = read_tensor(m.bytes(), context);
        break;
      case sparse_field::indices:
        indices = read_tensor(m.bytes(), context);
        break;
      case sparse_field::dims:
        m.each_integer([&](std::int64_t dim) { push_dim(dims, dim); });
        break;
      default:
        m.skip();
    }
  }
  try {
    if (!values.tensor.defined() || !indices.tensor.defined()) {
      throw Error(ErrorCode::parse, "a sparse tensor lacks its values or its indices");
    }
    const DType dtype = values.tensor.dtype();
    if (bit_width(dtype) < 8) {
      throw Error(ErrorCode::unsupported, "sparse tensors of packed elements are not supported");
    }
    const Shape shape = checked_shape(dims, dtype, context.limits);
    context.budget.spend(byte_size(dtype, shape.elements()), "a sparse tensor made dense");
    return {values.name, densify(values.tensor, indices.tensor, shape)};
  } catch (const Error& error) {
    throw error.at({.tensor = std::string(values.name)});
  }
}

}  // namespace inlay::inline v0::onnx
