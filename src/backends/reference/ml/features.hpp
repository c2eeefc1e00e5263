// What the operators of ai.onnx.ml share: tables of features, class labels.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/reference/attributes.hpp"
#include "backends/reference/dispatch.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// The element types that features may have.
using FeatureTypes = Types<float, double, std::int64_t, std::int32_t>;

/// Input 0 as rows of features.
struct FeatureTable {
  const Tensor& x;
  std::int64_t rows;
  std::int64_t columns;

  /// Writes a row's features.
  void read(std::int64_t row, std::span<double> to) const {
    visit_dtype<FeatureTypes>(x.dtype(), [&]<class T>() {
      std::copy_n(x.as<T>().data() + row * columns, columns, to.begin());
    });
  }
};

/// Input 0, of shape [rows, columns], or [columns] for a single row. Errors: shape_mismatch.
inline FeatureTable feature_table(const KernelContext& context) {
  const Tensor& x = context.input(0);
  if (x.rank() == 1) return {x, 1, x.dim(0)};
  if (x.rank() == 2) return {x, x.dim(0), x.dim(1)};
  context.fail(ErrorCode::shape_mismatch,
               "the features have shape " + to_string(x.shape()) + ", not [rows, columns]");
}

/// Calls f(row, worker) for each row, in parallel, so many rows to a task that starting it pays.
/// `cost` is the work of a row, in multiplications or the like.
template <class F>
void for_each_row(KernelContext& context, std::int64_t rows, std::int64_t cost, F&& f) {
  const std::int64_t block = 1 + 16384 / (1 + cost);
  context.parallel_for(rows / block + (rows % block != 0), [&](std::int64_t task, int worker) {
    const std::int64_t first = task * block, last = std::min(rows, first + block);
    for (std::int64_t row = first; row < last; ++row) f(row, worker);
  });
}

/// The labels of a classifier: integers, or strings.
class ClassLabels {
 public:
  /// `ints` and `strings` are the names of the attributes. Errors: invalid_graph.
  ClassLabels(const Attributes& attributes, std::string_view ints, std::string_view strings) {
    const auto* words = attributes.get<std::vector<std::string>>(strings);
    if (words != nullptr) strings_ = *words;
    const auto numbers = attributes.integers(ints);
    require_attribute(numbers.empty() != strings_.empty(),
                      "labels must be either integers or strings");
    ints_.assign(numbers.begin(), numbers.end());
  }

  std::int64_t size() const { return std::ssize(ints_) + std::ssize(strings_); }
  /// Makes element `row` of `y` label number `label`; a negative one is no label: 0 or "".
  void write(Tensor& y, std::int64_t row, std::int64_t label) const {
    const auto r = static_cast<std::size_t>(row), i = static_cast<std::size_t>(label);
    if (ints_.empty()) {
      y.as_mutable<std::string>()[r] = label < 0 ? "" : strings_[i];
    } else {
      y.as_mutable<std::int64_t>()[r] = label < 0 ? 0 : ints_[i];
    }
  }

 private:
  std::vector<std::int64_t> ints_;
  std::vector<std::string> strings_;
};

/// The place of the largest score; of equal ones the first.
inline std::int64_t top_class(std::span<const double> scores) {
  return std::max_element(scores.begin(), scores.end()) - scores.begin();
}

/// Writes a row of scores.
inline void write_scores(Tensor& z, std::int64_t row, std::span<const double> scores) {
  std::transform(scores.begin(), scores.end(),
                 z.as_mutable<float>().begin() + row * std::ssize(scores),
                 [](double score) { return static_cast<float>(score); });
}

}  // namespace inlay::inline v0::kernels
