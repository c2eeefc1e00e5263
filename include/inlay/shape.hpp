// Concrete shapes (Shape) and shapes known in part (Dim, used by the graph).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "inlay/error.hpp"

namespace inlay::inline v0 {

/// The sizes of a tensor's axes, outermost first. At most `max_rank` axes, each >= 0.
/// Holds its dims inside itself, so that copying never allocates.
class Shape {
 public:
  static constexpr int max_rank = 16;
  /// Room is left for a size in bytes, or a few tensors' sizes together, to fit 63 bits.
  static constexpr std::int64_t max_elements = std::int64_t{1} << 56;

  constexpr Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims) {
    for (const std::int64_t dim : dims) push_back(dim);
  }

  int rank() const noexcept { return rank_; }
  bool empty() const noexcept { return rank_ == 0; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(rank_); }

  std::int64_t operator[](int axis) const noexcept { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) noexcept { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t back() const noexcept { return dims_[static_cast<std::size_t>(rank_ - 1)]; }

  const std::int64_t* begin() const noexcept { return dims_.data(); }
  const std::int64_t* end() const noexcept { return dims_.data() + rank_; }
  std::span<const std::int64_t> dims() const noexcept { return {begin(), end()}; }

  /// Appends an axis. Errors: limit (rank), invalid_argument (negative dim).
  void push_back(std::int64_t dim) {
    if (rank_ == max_rank) throw Error(ErrorCode::limit, "a tensor has more than 16 axes");
    if (dim < 0) throw Error(ErrorCode::invalid_argument, "a dim is negative");
    dims_[static_cast<std::size_t>(rank_++)] = dim;
  }
  /// Inserts an axis before `axis` (0..rank).
  void insert(int axis, std::int64_t dim) {
    push_back(dim);
    std::rotate(dims_.begin() + axis, dims_.begin() + rank_ - 1, dims_.begin() + rank_);
  }
  void erase(int axis) {
    std::copy(dims_.begin() + axis + 1, dims_.begin() + rank_, dims_.begin() + axis);
    --rank_;
  }

  /// Number of elements; 1 for a scalar. Errors: limit, as product().
  std::int64_t elements() const { return product(0, rank_); }

  /// Product of dims [first, last). Errors: limit, when the dims other than 0 multiply to more than
  /// max_elements: products of some axes of an empty tensor are as safe as those of any other.
  std::int64_t product(int first, int last) const {
    constexpr std::int64_t small = std::int64_t{1} << 28;  // two such cannot multiply to too much
    std::int64_t count = 1;
    bool empty = false;
    for (int axis = first; axis < last; ++axis) {
      const std::int64_t dim = (*this)[axis];
      empty |= dim == 0;
      if (dim == 0) continue;
      if ((count >= small || dim >= small) && count > max_elements / dim) {
        throw Error(ErrorCode::limit, "the tensor is too large: more than 2^56 elements");
      }
      count *= dim;
    }
    return empty ? 0 : count;
  }

  friend bool operator==(const Shape& a, const Shape& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::array<std::int64_t, max_rank> dims_{};
  int rank_ = 0;
};

/// "[2, 3, 4]".
INLAY_API std::string to_string(const Shape& shape);

/// `axis` counted from the end when negative, as 0..rank-1. Errors: invalid_argument.
INLAY_API int normalize_axis(std::int64_t axis, int rank);

/// The shape that a and b broadcast to (ONNX multidirectional). Errors: shape_mismatch.
INLAY_API Shape broadcast(const Shape& a, const Shape& b);

/// One axis of a shape that may not be known yet: a number, a named symbol, or neither.
struct Dim {
  std::int64_t value = -1;  ///< -1 when not known
  std::string symbol;       ///< name shared by axes of equal size; empty when there is none

  Dim() = default;
  Dim(std::int64_t v) : value(v) {}  // NOLINT: dims read like numbers
  static Dim named(std::string symbol) {
    Dim dim;
    dim.symbol = std::move(symbol);
    return dim;
  }

  bool known() const noexcept { return value >= 0; }
  /// True only when both are surely the same size.
  bool same_as(const Dim& other) const noexcept {
    return known() ? value == other.value : !symbol.empty() && symbol == other.symbol;
  }
  friend bool operator==(const Dim&, const Dim&) = default;
};

}  // namespace inlay::inline v0
