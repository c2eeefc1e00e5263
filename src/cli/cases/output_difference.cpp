#include "cases/output_difference.hpp"

#include <algorithm>
#include <limits>

#include "cases/compare.hpp"
#include "cases/numbers.hpp"

namespace inlay::cases {
namespace {

constexpr std::int64_t chunk = 4096;  // elements taken as double at a time

/// How many elements come before `index` in descending order; the first of equal ones comes first.
std::size_t rank_of(const std::vector<double>& row, std::size_t index) {
  std::size_t before = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    before += row[i] > row[index] || (row[i] == row[index] && i < index) ? 1 : 0;
  }
  return before;
}

/// The size of the last axis that is longer than 1; 0 for what is no score of classes.
std::int64_t classes_of(const Tensor& tensor) {
  if (!is_floating(tensor.dtype())) return 0;
  std::int64_t classes = 0;
  for (const std::int64_t dim : tensor.shape()) classes = dim >= 2 ? dim : classes;
  return classes;
}

}  // namespace

void OutputDifference::add(const Value& wanted, const Value& actual) {
  if (wanted.is_tensor() && actual.is_tensor()) {
    add_tensors(wanted.tensor(), actual.tensor());
  } else if (wanted.is_sequence() && actual.is_sequence() &&
             wanted.sequence().size() == actual.sequence().size()) {
    for (std::size_t i = 0; i < wanted.sequence().size(); ++i) {
      add(wanted.sequence()[i], actual.sequence()[i]);
    }
  } else if (wanted.is_map() && actual.is_map() && wanted.map().size() == actual.map().size()) {
    for (std::size_t i = 0; i < wanted.map().size(); ++i) {
      const Comparison keys = compare(actual.map()[i].first, wanted.map()[i].first, {0, 0});
      if (!keys.equal && mismatch_.empty()) mismatch_ = "the keys differ: " + keys.reason;
      add(wanted.map()[i].second, actual.map()[i].second);
    }
  } else if (wanted.has_value() || actual.has_value()) {
    if (mismatch_.empty()) mismatch_ = compare(actual, wanted).reason;
  }
}

double OutputDifference::relative() const noexcept {
  return mismatch_.empty() ? numbers_.relative() : std::numeric_limits<double>::infinity();
}

void OutputDifference::add_tensors(const Tensor& wanted, const Tensor& actual) {
  if (!(wanted.shape() == actual.shape())) {
    if (mismatch_.empty()) {
      mismatch_ =
          "the shape is " + to_string(actual.shape()) + ", in A " + to_string(wanted.shape());
    }
    return;
  }
  std::vector<double> a, b;
  for (std::int64_t first = 0; first < wanted.size(); first += chunk) {
    const std::int64_t count = std::min(chunk, wanted.size() - first);
    if (!read_numbers(wanted, first, count, a) || !read_numbers(actual, first, count, b) ||
        a.size() != b.size()) {
      const Comparison exact = compare(actual, wanted, {0, 0});
      if (!exact.equal && mismatch_.empty()) mismatch_ = exact.reason;
      return;
    }
    for (std::size_t i = 0; i < a.size(); ++i) numbers_.add(a[i], b[i]);
  }
  if (classes_of(wanted) > 0 && classes_of(actual) > 0) add_rows(wanted, actual);
}

void OutputDifference::add_rows(const Tensor& wanted, const Tensor& actual) {
  const std::int64_t classes = classes_of(wanted);
  std::vector<double> a, b;
  for (std::int64_t first = 0; first < wanted.size(); first += classes) {
    (void)read_numbers(wanted, first, classes, a);
    (void)read_numbers(actual, first, classes, b);
    const auto best = static_cast<std::size_t>(std::max_element(a.begin(), a.end()) - a.begin());
    const std::size_t rank = rank_of(b, best);
    ++ranking_.rows;
    ranking_.top1 += rank == 0 ? 1 : 0;
    ranking_.top5 += rank < 5 ? 1 : 0;
  }
}

}  // namespace inlay::cases
