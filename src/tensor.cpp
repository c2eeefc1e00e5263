#include "inlay/tensor.hpp"

#include <new>

namespace inlay::inline v0 {
namespace {

constexpr std::align_val_t alignment{64};

std::shared_ptr<const void> allocate(std::size_t bytes) {
  void* memory = ::operator new(bytes == 0 ? 1 : bytes, alignment);
  return {memory, [](const void* p) { ::operator delete(const_cast<void*>(p), alignment); }};
}

}  // namespace

std::size_t byte_size(DType dtype, std::int64_t elements) {
  const auto bits = static_cast<std::uint64_t>(bit_width(dtype));
  const auto count = static_cast<std::uint64_t>(elements);
  if (bits != 0 && count > (static_cast<std::uint64_t>(INT64_MAX) - 7) / bits) {
    throw Error(ErrorCode::limit,
                "a tensor of " + std::to_string(count) + " elements is too large");
  }
  return static_cast<std::size_t>((count * bits + 7) / 8);
}

Tensor::Tensor(DType dtype, const Shape& shape)
    : size_(shape.elements()), shape_(shape), dtype_(dtype) {
  if (dtype == DType::undefined) {
    throw Error(ErrorCode::invalid_argument, "a tensor needs a dtype");
  }
  bytes_ = byte_size(dtype, size_);
  if (dtype == DType::string) {
    auto strings = std::make_shared<std::vector<std::string>>(static_cast<std::size_t>(size_));
    data_ = reinterpret_cast<std::byte*>(strings->data());
    owner_ = std::move(strings);
  } else {
    owner_ = allocate(bytes_);
    data_ = static_cast<std::byte*>(const_cast<void*>(owner_.get()));
  }
}

Tensor Tensor::zeros(DType dtype, const Shape& shape) {
  Tensor tensor(dtype, shape);
  if (dtype != DType::string && tensor.bytes_ != 0) std::memset(tensor.data_, 0, tensor.bytes_);
  return tensor;
}

Tensor Tensor::wrap(DType dtype, const Shape& shape, void* data, std::size_t bytes,
                    std::shared_ptr<const void> owner) {
  if (dtype == DType::undefined) {
    throw Error(ErrorCode::invalid_argument, "a tensor needs a dtype");
  }
  Tensor tensor;
  tensor.size_ = shape.elements();
  tensor.bytes_ = byte_size(dtype, tensor.size_);
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  tensor.data_ = static_cast<std::byte*>(data);
  tensor.owner_ = std::move(owner);
  if (bytes < tensor.bytes_) {
    throw Error(ErrorCode::shape_mismatch, std::string(name(dtype)) + to_string(shape) + " needs " +
                                               std::to_string(tensor.bytes_) + " bytes, not " +
                                               std::to_string(bytes));
  }
  return tensor;
}

Tensor Tensor::wrap(DType dtype, const Shape& shape, const void* data, std::size_t bytes,
                    std::shared_ptr<const void> owner) {
  Tensor tensor = wrap(dtype, shape, const_cast<void*>(data), bytes, std::move(owner));
  tensor.writable_ = false;
  return tensor;
}

void* Tensor::mutable_data() {
  if (!writable_) throw Error(ErrorCode::invalid_argument, "the tensor is a view of const memory");
  return data_;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != size_) {
    throw Error(ErrorCode::shape_mismatch,
                "a tensor of shape " + to_string(shape_) + " cannot become " + to_string(shape));
  }
  Tensor tensor = *this;
  tensor.shape_ = shape;
  return tensor;
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor copy(dtype_, shape_);
  if (dtype_ == DType::string) {
    const auto from = as<std::string>();
    std::copy(from.begin(), from.end(), copy.as_mutable<std::string>().begin());
  } else if (bytes_ != 0) {
    std::memcpy(copy.data_, data_, bytes_);
  }
  return copy;
}

void Tensor::check_dtype(DType wanted) const {
  if (dtype_ != wanted) {
    throw Error(ErrorCode::type_mismatch, "the tensor is " + std::string(name(dtype_)) + ", not " +
                                              std::string(name(wanted)));
  }
}

void Tensor::check_single() const {
  if (size_ != 1) {
    throw Error(ErrorCode::shape_mismatch,
                "a tensor of shape " + to_string(shape_) + " is not a single element");
  }
}

Value::Value(Sequence sequence)
    : sequence_(std::make_shared<const Sequence>(std::move(sequence))) {}
Value::Value(Map map) : map_(std::make_shared<const Map>(std::move(map))) {}

const Tensor& Value::tensor() const {
  if (!tensor_.defined()) throw Error(ErrorCode::type_mismatch, "the value is not a tensor");
  return tensor_;
}

Tensor& Value::tensor() {
  if (!tensor_.defined()) throw Error(ErrorCode::type_mismatch, "the value is not a tensor");
  return tensor_;
}

const Sequence& Value::sequence() const {
  if (!sequence_) throw Error(ErrorCode::type_mismatch, "the value is not a sequence");
  return *sequence_;
}

const Map& Value::map() const {
  if (!map_) throw Error(ErrorCode::type_mismatch, "the value is not a map");
  return *map_;
}

}  // namespace inlay::inline v0
