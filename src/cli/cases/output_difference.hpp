// OutputDifference: how far one output of a model is from that of another, over many runs.
#pragma once

#include <optional>
#include <string>

#include "difference.hpp"
#include "inlay/tensor.hpp"

namespace inlay::cases {

/// In how many of the rows two outputs rank classes alike. A row is what lies along the last axis
/// that is longer than 1.
struct Ranking {
  std::int64_t rows = 0;
  std::int64_t top1 = 0;  ///< rows with the same first
  std::int64_t top5 = 0;  ///< rows where the wanted first is among the actual first five
};

class OutputDifference {
 public:
  /// Values of any kind; those within sequences and maps count like one tensor's.
  void add(const Value& wanted, const Value& actual);

  const Difference& numbers() const noexcept { return numbers_; }
  /// Of floating tensors of more than one element.
  const Ranking& ranking() const noexcept { return ranking_; }
  /// What cannot be put in numbers: other kinds, shapes or strings; empty where there is none.
  const std::string& mismatch() const noexcept { return mismatch_; }
  /// As Difference::relative; infinite with a mismatch.
  double relative() const noexcept;

 private:
  void add_tensors(const Tensor& wanted, const Tensor& actual);
  void add_rows(const Tensor& wanted, const Tensor& actual);

  Difference numbers_;
  Ranking ranking_;
  std::string mismatch_;
};

}  // namespace inlay::cases
