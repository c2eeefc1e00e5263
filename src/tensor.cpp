#include "inlay/tensor.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>

#include "pages.hpp"

namespace inlay::inline v0 {
namespace {

constexpr std::align_val_t alignment{64};

std::shared_ptr<const void> allocate_only(std::size_t bytes) {
  void* memory = ::operator new(bytes == 0 ? 1 : bytes, alignment);
  return {memory, [](const void* p) { ::operator delete(const_cast<void*>(p), alignment); }};
}

std::shared_ptr<const void> allocate(std::size_t bytes) {
  std::shared_ptr<const void> memory = allocate_only(bytes);
  commit_pages(const_cast<void*>(memory.get()), bytes);
  return memory;
}

/// Large blocks come from the system as zeros, which calloc knows.
std::shared_ptr<const void> allocate_zeros(std::size_t bytes) {
  constexpr auto step = static_cast<std::size_t>(alignment);
  void* const block = std::calloc(bytes + step, 1);
  if (block == nullptr) throw std::bad_alloc();
  commit_pages(block, bytes + step);
  const auto start = reinterpret_cast<std::uintptr_t>(block);
  const auto shift = (step - start % step) % step;
  return {static_cast<std::byte*>(block) + shift, [block](const void*) { std::free(block); }};
}

/// Elements within a file, and an aligned copy of them once somebody needs one.
class FileElements {
 public:
  FileElements(const void* data, std::size_t bytes, std::shared_ptr<const void> file)
      : data_(data), bytes_(bytes), file_(std::move(file)) {}
  ~FileElements() { drop_pages(data_, bytes_, file_); }
  FileElements(const FileElements&) = delete;
  FileElements& operator=(const FileElements&) = delete;

  const void* aligned() const {
    std::call_once(once_, [this] {
      // Not committed: load makes and frees such copies one after the other, in the same memory.
      copy_ = allocate_only(bytes_);
      std::memcpy(const_cast<void*>(copy_.get()), data_, bytes_);
    });
    return copy_.get();
  }

 private:
  const void* data_;
  std::size_t bytes_;
  std::shared_ptr<const void> file_;
  mutable std::once_flag once_;
  mutable std::shared_ptr<const void> copy_;
};

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
  if (dtype == DType::string || dtype == DType::undefined) return Tensor(dtype, shape);
  const std::size_t bytes = byte_size(dtype, shape.elements());
  std::shared_ptr<const void> owner = allocate_zeros(bytes);
  return wrap(dtype, shape, const_cast<void*>(owner.get()), bytes, owner);
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

Tensor Tensor::wrap_constant(DType dtype, const Shape& shape, const void* data, std::size_t bytes,
                             std::shared_ptr<const void> owner) {
  const auto natural = static_cast<std::uintptr_t>(std::max(bit_width(dtype) / 8, 1));
  const bool aligned = reinterpret_cast<std::uintptr_t>(data) % natural == 0;
  if (owner == nullptr) {
    const Tensor view = wrap(dtype, shape, data, bytes);
    return aligned ? view : view.clone();
  }
  auto elements = std::make_shared<const FileElements>(data, bytes, std::move(owner));
  Tensor tensor = wrap(dtype, shape, data, bytes, std::move(elements));
  tensor.direct_ = aligned;
  return tensor;
}

Tensor Tensor::without_elements(DType dtype, const Shape& shape) {
  const void* const nothing = nullptr;
  Tensor tensor = wrap(dtype, shape, nothing, byte_size(dtype, shape.elements()));
  tensor.direct_ = tensor.size_ == 0;
  return tensor;
}

const void* Tensor::other_elements() const {
  if (!has_elements()) {
    throw Error(ErrorCode::invalid_argument,
                "the tensor's elements were given up when they had been packed for a kernel");
  }
  return static_cast<const FileElements*>(owner_.get())->aligned();
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
  if (!defined() || !has_elements()) return *this;
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
