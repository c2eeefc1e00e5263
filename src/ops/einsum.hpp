// Reading Einsum's equation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "inlay/shape.hpp"

namespace inlay::inline v0 {

/// The axes of one term. Labels: 0..25 for A..Z, 26..51 for a..z, from 52 the axes under "...",
/// the last one first.
struct EinsumLabels {
  static constexpr std::size_t limit = 52 + Shape::max_rank;

  std::array<std::uint8_t, limit> label{};
  int count = 0;

  void add(std::size_t id) {
    label[static_cast<std::size_t>(count++)] = static_cast<std::uint8_t>(id);
  }
  std::size_t operator[](int axis) const { return label[static_cast<std::size_t>(axis)]; }
};

/// A parsed equation; refers to its text. Errors (all functions): invalid_graph.
class EinsumEquation {
 public:
  explicit EinsumEquation(std::string_view text);

  int operands() const noexcept { return operands_; }
  /// The labels of an operand that has `rank` axes.
  EinsumLabels operand(int index, int rank) const;
  /// The output's labels, when the longest "..." of the operands stands for `ellipsis` axes.
  EinsumLabels output(int ellipsis) const;

 private:
  std::string_view term(int index) const;

  std::string_view inputs_;
  std::string_view output_;
  bool explicit_ = false;
  int operands_ = 1;
};

}  // namespace inlay::inline v0
