// Tensor: a dense row-major array with a dtype and a shape; Value: a tensor, sequence, optional or
// map.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "inlay/dtype.hpp"
#include "inlay/shape.hpp"

namespace inlay::inline v0 {

/// Bytes that `elements` of `dtype` take when packed (2- and 4-bit types share bytes, low bits
/// first). Errors: limit, when the size does not fit.
INLAY_API std::size_t byte_size(DType dtype, std::int64_t elements);

/// A dense row-major tensor. Copies share their elements (reference counted); a tensor made by
/// view() refers to memory of the caller, which must outlive it. Default-constructed: undefined.
/// Thread-safety: as a std::shared_ptr and its target.
class INLAY_API Tensor {
 public:
  Tensor() = default;

  /// Allocates, 64-byte aligned. Numbers are left uninitialised, strings are empty.
  /// Errors: limit, out_of_memory, invalid_argument (undefined dtype).
  Tensor(DType dtype, const Shape& shape);

  /// All bits zero (strings empty).
  static Tensor zeros(DType dtype, const Shape& shape);

  /// Refers to `bytes` bytes at `data`, kept alive by `owner` (may be null: the caller keeps them).
  /// Errors: shape_mismatch when `bytes` is less than dtype and shape need.
  static Tensor wrap(DType dtype, const Shape& shape, void* data, std::size_t bytes,
                     std::shared_ptr<const void> owner = nullptr);
  /// The same for memory that must not be written.
  static Tensor wrap(DType dtype, const Shape& shape, const void* data, std::size_t bytes,
                     std::shared_ptr<const void> owner = nullptr);

  /// Refers to elements that never change, at any address, e.g. within a mapped file. Unaligned
  /// ones of the caller's own memory (no owner) are copied.
  /// Errors: shape_mismatch, invalid_argument as wrap().
  static Tensor wrap_constant(DType dtype, const Shape& shape, const void* data, std::size_t bytes,
                              std::shared_ptr<const void> owner);

  /// Only what kind of tensor there was: has_elements() is false.
  static Tensor without_elements(DType dtype, const Shape& shape);

  /// Copies `values` into a new tensor. Errors: shape_mismatch when the counts differ.
  template <class T>
  static Tensor copy_of(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor copy_of(std::initializer_list<T> values, const Shape& shape) {
    return copy_of(std::span<const T>(values.begin(), values.size()), shape);
  }
  template <class T>
  static Tensor copy_of(std::initializer_list<T> values) {
    return copy_of(values, {static_cast<std::int64_t>(values.size())});
  }
  /// A tensor of rank 0.
  template <class T>
  static Tensor scalar(T value) {
    return copy_of(std::span<const T>(&value, 1), {});
  }

  bool defined() const noexcept { return dtype_ != DType::undefined; }
  DType dtype() const noexcept { return dtype_; }
  const Shape& shape() const noexcept { return shape_; }
  int rank() const noexcept { return shape_.rank(); }
  std::int64_t dim(int axis) const noexcept { return shape_[axis]; }
  /// Number of elements.
  std::int64_t size() const noexcept { return size_; }
  /// Bytes of the elements.
  std::size_t bytes() const noexcept { return bytes_; }
  bool writable() const noexcept { return writable_; }

  /// False for a weight whose elements a model gave up once a kernel had packed them.
  bool has_elements() const noexcept { return data_ != nullptr || size_ == 0; }

  /// The elements' first byte; not aligned for the dtype where wrap_constant() found them so.
  const void* data() const noexcept { return data_; }
  /// The elements, aligned for the dtype. Unaligned ones are copied when first asked for, once for
  /// all tensors that share them. Errors: invalid_argument (no elements), out_of_memory.
  const void* elements() const { return direct_ ? data_ : other_elements(); }
  /// Errors: invalid_argument for a view of const memory.
  void* mutable_data();

  /// The elements. Errors: type_mismatch unless T's dtype is the tensor's.
  template <class T>
  std::span<const T> as() const {
    check_dtype(dtype_of<T>);
    return {static_cast<const T*>(elements()), static_cast<std::size_t>(size_)};
  }
  /// The elements, to be written. Errors: type_mismatch, invalid_argument (read-only view).
  template <class T>
  std::span<T> as_mutable() {
    check_dtype(dtype_of<T>);
    return {static_cast<T*>(mutable_data()), static_cast<std::size_t>(size_)};
  }
  /// The only element, whatever the shape. Errors: type_mismatch, shape_mismatch.
  template <class T>
  T item() const {
    check_dtype(dtype_of<T>);
    check_single();
    return as<T>()[0];
  }

  /// The same elements under another shape. Errors: shape_mismatch when the counts differ.
  Tensor reshaped(const Shape& shape) const;
  /// A deep copy that owns its elements, if it has any.
  Tensor clone() const;
  /// Whatever keeps the elements alive; null for a view of the caller's memory.
  const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

 private:
  void check_dtype(DType wanted) const;
  void check_single() const;
  const void* other_elements() const;

  std::shared_ptr<const void> owner_;
  std::byte* data_ = nullptr;
  std::int64_t size_ = 0;
  std::size_t bytes_ = 0;
  Shape shape_;
  DType dtype_ = DType::undefined;
  bool writable_ = true;
  bool direct_ = true;  ///< data_ is what elements() gives
};

template <class T>
Tensor Tensor::copy_of(std::span<const T> values, const Shape& shape) {
  Tensor tensor(dtype_of<T>, shape);
  if (static_cast<std::size_t>(tensor.size()) != values.size()) {
    throw Error(ErrorCode::shape_mismatch, "the number of values is not that of the shape");
  }
  std::copy(values.begin(), values.end(), tensor.as_mutable<T>().begin());
  return tensor;
}

/// A tensor over the caller's memory, without a copy. Errors: shape_mismatch.
template <class T>
Tensor view(std::span<const T> values, const Shape& shape) {
  return Tensor::wrap(dtype_of<T>, shape, static_cast<const void*>(values.data()),
                      values.size_bytes());
}
template <class T>
Tensor view(std::span<T> values, const Shape& shape) requires(!std::is_const_v<T>) {
  return Tensor::wrap(dtype_of<T>, shape, static_cast<void*>(values.data()), values.size_bytes());
}
/// The same for anything with data() and size(): vector, array, string of bytes.
template <class Container>
Tensor view(Container& values, const Shape& shape) requires requires {
  values.data(), values.size();
}
{ return view(std::span(values.data(), values.size()), shape); }

class Value;
using Sequence = std::vector<Value>;
using Map = std::vector<std::pair<Value, Value>>;  ///< scalar key, value; in key order

/// What an input or output may be: a tensor, a sequence, a map, or nothing (an empty optional).
class INLAY_API Value {
 public:
  Value() = default;
  Value(Tensor tensor) : tensor_(std::move(tensor)) {}  // NOLINT: a tensor is a value
  Value(Sequence sequence);                             // NOLINT
  explicit Value(Map map);

  bool has_value() const noexcept { return tensor_.defined() || sequence_ || map_; }
  bool is_tensor() const noexcept { return tensor_.defined(); }
  bool is_sequence() const noexcept { return sequence_ != nullptr; }
  bool is_map() const noexcept { return map_ != nullptr; }

  /// Errors: type_mismatch when it is something else.
  const Tensor& tensor() const;
  Tensor& tensor();
  const Sequence& sequence() const;
  const Map& map() const;

  void reset() noexcept {
    tensor_ = {};
    sequence_.reset();
    map_.reset();
  }

 private:
  Tensor tensor_;
  std::shared_ptr<const Sequence> sequence_;
  std::shared_ptr<const Map> map_;
};

}  // namespace inlay::inline v0
