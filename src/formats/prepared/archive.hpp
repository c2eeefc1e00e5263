// Writer and Reader: the two archives that fields() (fields.hpp) goes through. Numbers are stored
// as the machine holds them, elements of tensors in a section of their own.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "inlay/model.hpp"

namespace inlay::inline v0::prepared {

/// Elements of tensors lie in a section of their own, at multiples of this.
inline constexpr std::size_t alignment = 64;

constexpr std::uint64_t aligned(std::uint64_t offset) {
  return (offset + alignment - 1) / alignment * alignment;
}

class Writer {
 public:
  static constexpr bool reading = false;

  const std::string& bytes() const noexcept { return bytes_; }
  /// Tensors whose elements go into the section of elements, in order.
  const std::vector<Tensor>& elements() const noexcept { return elements_; }

  void raw(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
  }
  std::size_t count(std::size_t n) {
    const auto wide = static_cast<std::uint64_t>(n);
    raw(&wide, sizeof wide);
    return n;
  }
  void count_node() const noexcept {}
  struct Level {
    ~Level() {}
  };
  Level level() const noexcept { return {}; }
  /// Where the tensor's elements will lie in their section; shared ones lie there once.
  std::uint64_t place(const Tensor& tensor) {
    const auto [at, is_new] = offsets_.try_emplace({tensor.data(), tensor.bytes()}, end_);
    if (is_new) {
      end_ = aligned(end_ + tensor.bytes());
      elements_.push_back(tensor);
    }
    return at->second;
  }

 private:
  std::string bytes_;
  std::vector<Tensor> elements_;
  std::map<std::pair<const void*, std::size_t>, std::uint64_t> offsets_;
  std::uint64_t end_ = 0;
};

/// Reads what Writer wrote. Every size is checked against what is there. Errors: parse, limit.
class Reader {
 public:
  static constexpr bool reading = true;

  /// `elements`: the section of elements, 64-byte aligned, kept alive by `owner`.
  Reader(std::span<const std::byte> bytes, std::span<const std::byte> elements,
         std::shared_ptr<const void> owner, const Limits& limits)
      : bytes_(bytes), elements_(elements), owner_(std::move(owner)), limits_(limits) {}

  void raw(void* data, std::size_t size) {
    if (size > bytes_.size()) fail("ends within its graph");
    if (size != 0) std::memcpy(data, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
  }
  /// Of items that take a byte each at least.
  std::size_t count(std::size_t) {
    std::uint64_t n = 0;
    raw(&n, sizeof n);
    if (n > bytes_.size()) fail("counts more items than it has bytes");
    return static_cast<std::size_t>(n);
  }
  Tensor tensor_at(std::uint64_t offset, DType dtype, const Shape& shape) const {
    const std::size_t size = checked_size(dtype, shape);
    if (offset % alignment != 0 || offset > elements_.size() || size > elements_.size() - offset) {
      fail("places elements beyond its end");
    }
    const std::byte* const data = elements_.data() + offset;
    if (dtype == DType::boolean &&
        std::any_of(data, data + size, [](std::byte b) { return b > std::byte{1}; })) {
      fail("holds a bool that is neither true nor false");
    }
    return Tensor::wrap(dtype, shape, static_cast<const void*>(data), size, owner_);
  }
  std::size_t checked_size(DType dtype, const Shape& shape) const {
    const std::size_t size = byte_size(dtype, shape.elements());
    if (size > limits_.max_tensor_bytes) {
      throw Error(ErrorCode::limit, "a tensor is larger than Limits::max_tensor_bytes");
    }
    return size;
  }
  /// Errors: limit.
  void count_node() {
    if (++nodes_ > limits_.max_nodes) {
      throw Error(ErrorCode::limit, "the model has more nodes than Limits::max_nodes");
    }
  }
  /// Counts a level of subgraphs or types for as long as it lives.
  class Level {
   public:
    explicit Level(Reader& reader) : reader_(reader) {
      if (++reader_.depth_ > reader_.limits_.max_depth) {
        throw Error(ErrorCode::limit,
                    "subgraphs or types are nested deeper than Limits::max_depth");
      }
    }
    ~Level() { --reader_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Reader& reader_;
  };
  Level level() { return Level(*this); }
  /// Errors: parse, when something is left.
  void finish() const {
    if (!bytes_.empty()) fail("goes on behind its graph");
  }

  [[noreturn]] static void fail(const std::string& what) {
    throw Error(ErrorCode::parse, "the prepared file is damaged: it " + what);
  }

 private:
  std::span<const std::byte> bytes_, elements_;
  std::shared_ptr<const void> owner_;
  const Limits& limits_;
  std::uint64_t nodes_ = 0;
  int depth_ = 0;
};

}  // namespace inlay::inline v0::prepared
