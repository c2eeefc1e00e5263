// SVMClassifier and SVMRegressor.
#include <cmath>

#include "backends/reference/ml/features.hpp"
#include "backends/reference/ml/pairwise_coupling.hpp"
#include "backends/reference/ml/post_transform.hpp"
#include "backends/reference/product.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

enum class SvmKernel { linear, poly, rbf, sigmoid };

/// What both operators have: vectors and how alike a row of features is to each.
class SvmVectors {
 public:
  /// `count` support vectors; for a linear model without any, the `count` rows of the coefficients.
  SvmVectors(const Attributes& attributes, std::int64_t count, bool has_support_vectors)
      : count_(count),
        values_(real_list(attributes, has_support_vectors ? "support_vectors" : "coefficients")) {
    require_attribute(count > 0 && std::ssize(values_) % count == 0,
                      std::to_string(values_.size()) + " coordinates are not " +
                          std::to_string(count) + " vectors");
    if (!has_support_vectors) return;
    constexpr std::string_view words[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
    kernel_ = static_cast<SvmKernel>(
        word_index("kernel_type", attributes.text("kernel_type", "LINEAR"), words));
    const auto parameters = attributes.reals("kernel_params");
    require_attribute(parameters.empty() || parameters.size() == 3,
                      "kernel_params must be gamma, coef0 and degree");
    if (parameters.empty()) return;
    gamma_ = static_cast<double>(parameters[0]);
    coef0_ = static_cast<double>(parameters[1]);
    degree_ = static_cast<double>(parameters[2]);
  }

  std::int64_t count() const { return count_; }
  std::int64_t columns() const { return std::ssize(values_) / count_; }

  void compare(std::span<const double> features, std::span<double> out) const {
    const double* vector = values_.data();
    for (double& likeness : out) {
      likeness = compare(features, vector);
      vector += columns();
    }
  }

 private:
  double compare(std::span<const double> features, const double* vector) const {
    if (kernel_ == SvmKernel::rbf) {
      double distance = 0;
      for (const double feature : features) {
        const double difference = feature - *vector++;
        distance += difference * difference;
      }
      return std::exp(-gamma_ * distance);
    }
    const double product = dot(vector, 1, features.data(), 1, std::ssize(features));
    switch (kernel_) {
      case SvmKernel::poly:
        return std::pow(gamma_ * product + coef0_, degree_);
      case SvmKernel::sigmoid:
        return std::tanh(gamma_ * product + coef0_);
      default:
        return product;
    }
  }

  std::int64_t count_;
  std::vector<double> values_;  // [count, columns]
  SvmKernel kernel_ = SvmKernel::linear;
  double gamma_ = 0;
  double coef0_ = 0;
  double degree_ = 0;
};

/// Calls f(row, likenesses, work) for each row; `work` is as many numbers as asked for.
template <class F>
void for_each_comparison(KernelContext& context, const SvmVectors& vectors, std::int64_t work,
                         F&& f) {
  const FeatureTable table = feature_table(context);
  if (table.columns != vectors.columns()) {
    context.fail(ErrorCode::shape_mismatch, "the features have " + std::to_string(table.columns) +
                                                " columns, the vectors " +
                                                std::to_string(vectors.columns()));
  }
  const std::int64_t each = table.columns + vectors.count() + work;
  const auto scratch = context.scratch<double>(context.concurrency() * each);
  const std::int64_t cost = table.columns * vectors.count() + work;
  for_each_row(context, table.rows, cost, [&](std::int64_t row, int worker) {
    const auto part =
        scratch.subspan(static_cast<std::size_t>(worker * each), static_cast<std::size_t>(each));
    const auto features = part.first(static_cast<std::size_t>(table.columns));
    const auto likenesses =
        part.subspan(features.size(), static_cast<std::size_t>(vectors.count()));
    table.read(row, features);
    vectors.compare(features, likenesses);
    f(row, likenesses, part.last(static_cast<std::size_t>(work)));
  });
}

class SvmRegressor final : public Kernel {
 public:
  explicit SvmRegressor(const CompileContext& context)
      : SvmRegressor(context.node.attributes, context.node.attributes.integer("n_supports", 0)) {}

  void run(KernelContext& context) const override {
    Tensor& y = context.output(0, {feature_table(context).rows, 1});
    for_each_comparison(
        context, vectors_, 0,
        [&](std::int64_t row, std::span<const double> likenesses, std::span<double>) {
          double score =
              rho_ + (coefficients_.empty() ? likenesses[0]
                                            : dot(coefficients_.data(), 1, likenesses.data(), 1,
                                                  std::ssize(likenesses)));
          if (one_class_) {
            score = score > 0 ? 1 : -1;
          } else {
            apply_transform(transform_, {&score, 1});
          }
          write_scores(y, row, {&score, 1});
        });
  }

 private:
  SvmRegressor(const Attributes& attributes, std::int64_t supports)
      : vectors_(attributes, std::max<std::int64_t>(supports, 1), supports > 0),
        transform_(post_transform(attributes)),
        one_class_(attributes.integer("one_class", 0) != 0) {
    const auto rho = attributes.reals("rho");
    require_attribute(!rho.empty(), "rho is missing");
    rho_ = static_cast<double>(rho[0]);
    if (supports <= 0) return;
    coefficients_ = real_list(attributes, "coefficients");
    require_attribute(std::ssize(coefficients_) == supports,
                      "there are " + std::to_string(coefficients_.size()) + " coefficients for " +
                          std::to_string(supports) + " support vectors");
  }

  SvmVectors vectors_;
  std::vector<double> coefficients_;  // one for each support vector; none of a linear model
  double rho_ = 0;
  PostTransform transform_;
  bool one_class_;
};

class SvmClassifier final : public Kernel {
 public:
  explicit SvmClassifier(const CompileContext& context)
      : SvmClassifier(
            context.node.attributes,
            ClassLabels(context.node.attributes, "classlabels_ints", "classlabels_strings"),
            total(context.node.attributes.integers("vectors_per_class"))) {}

  void run(KernelContext& context) const override {
    const std::int64_t rows = feature_table(context).rows, classes = labels_.size();
    const std::int64_t pairs = classes * (classes - 1) / 2;
    const bool pairwise = !vectors_of_.empty();
    Tensor& y = context.output(0, {rows});
    Tensor& z = context.output(
        1, {rows, pairwise && prob_a_.empty() ? std::max<std::int64_t>(pairs, 2) : classes});
    // Scores of pairs, votes, probabilities; what the coupling of probabilities works on.
    const std::int64_t work =
        pairwise ? pairs + 2 * classes + (prob_a_.empty() ? 0 : classes * (2 * classes + 1)) : 0;
    for_each_comparison(
        context, vectors_, work,
        [&](std::int64_t row, std::span<double> likenesses, std::span<double> free) {
          if (pairwise) {
            classify_by_pairs(row, likenesses, free, y, z);
          } else {
            for (double& score : likenesses) score += rho_[0];
            labels_.write(y, row, top_class(likenesses));
            finish(row, likenesses, z);
          }
        });
  }

 private:
  SvmClassifier(const Attributes& attributes, ClassLabels labels, std::int64_t supports)
      : labels_(std::move(labels)),
        vectors_(attributes, supports > 0 ? supports : labels_.size(), supports > 0),
        rho_(real_list(attributes, "rho")),
        transform_(post_transform(attributes)) {
    const std::int64_t classes = labels_.size(), pairs = classes * (classes - 1) / 2;
    require_attribute(!rho_.empty(), "rho is missing");
    if (supports <= 0) return;
    require_attribute(classes >= 2, "support vectors tell at least two classes apart");
    const auto counts = attributes.integers("vectors_per_class");
    vectors_of_.assign(counts.begin(), counts.end());
    coefficients_ = real_list(attributes, "coefficients");
    prob_a_ = real_list(attributes, "prob_a");
    prob_b_ = real_list(attributes, "prob_b");
    const auto check = [](std::int64_t size, std::int64_t wanted, const char* name) {
      require_attribute(size == wanted, std::string(name) + " has " + std::to_string(size) +
                                            " elements, not " + std::to_string(wanted));
    };
    check(std::ssize(vectors_of_), classes, "vectors_per_class");
    require_attribute(supports <= std::ssize(coefficients_), "coefficients has too few elements");
    check(std::ssize(coefficients_), (classes - 1) * supports, "coefficients");
    check(std::ssize(rho_), pairs, "rho");
    check(std::ssize(prob_b_), std::ssize(prob_a_), "prob_b");
    if (!prob_a_.empty()) check(std::ssize(prob_a_), pairs, "prob_a");
  }

  static std::int64_t total(std::span<const std::int64_t> counts) {
    std::int64_t sum = 0;
    for (const std::int64_t count : counts) {
      require_attribute(count >= 0 && count <= Shape::max_elements - sum,
                        "vectors_per_class has a number out of range");
      sum += count;
    }
    return sum;
  }

  void finish(std::int64_t row, std::span<double> scores, Tensor& z) const {
    apply_transform(transform_, scores);
    write_scores(z, row, scores);
  }

  /// One vote of each pair of classes; the scores are the pairs' or, with prob_a and prob_b,
  /// probabilities of the classes.
  void classify_by_pairs(std::int64_t row, std::span<const double> likenesses,
                         std::span<double> work, Tensor& y, Tensor& z) const {
    const auto classes = static_cast<std::size_t>(labels_.size());
    const auto scores = work.first(rho_.size()), votes = work.subspan(rho_.size(), classes);
    std::fill(votes.begin(), votes.end(), 0.0);
    std::size_t pair = 0;
    std::int64_t first_i = 0;
    for (std::size_t i = 0; i < classes; first_i += vectors_of_[i++]) {
      std::int64_t first_j = first_i + vectors_of_[i];
      for (std::size_t j = i + 1; j < classes; first_j += vectors_of_[j++], ++pair) {
        scores[pair] = rho_[pair] + weighted(likenesses, j - 1, first_i, vectors_of_[i]) +
                       weighted(likenesses, i, first_j, vectors_of_[j]);
        votes[scores[pair] > 0 ? i : j] += 1;
      }
    }
    labels_.write(y, row, top_class(votes));
    if (!prob_a_.empty()) {
      work = work.subspan(rho_.size() + classes);
      return finish(row, probabilities(scores, work.first(classes), work.subspan(classes)), z);
    }
    if (scores.size() > 1) return finish(row, scores, z);
    double both[2];
    complement(transform_, scores[0], false, both);
    write_scores(z, row, both);
  }

  /// The likenesses to the `count` support vectors from `first` on, by row `row` of the
  /// coefficients.
  double weighted(std::span<const double> likenesses, std::size_t row, std::int64_t first,
                  std::int64_t count) const {
    return dot(coefficients_.data() + static_cast<std::int64_t>(row) * vectors_.count() + first, 1,
               likenesses.data() + first, 1, count);
  }

  std::span<double> probabilities(std::span<const double> scores, std::span<double> result,
                                  std::span<double> work) const {
    const std::size_t classes = result.size();
    const auto pairs = work.first(classes * classes);
    std::size_t pair = 0;
    for (std::size_t i = 0; i < classes; ++i) {
      for (std::size_t j = i + 1; j < classes; ++j, ++pair) {
        const double logit = scores[pair] * prob_a_[pair] + prob_b_[pair];
        const double probability = std::clamp(1 / (1 + std::exp(logit)), 1e-7, 1 - 1e-7);
        pairs[i * classes + j] = probability;
        pairs[j * classes + i] = 1 - probability;
      }
    }
    couple(pairs, work.subspan(pairs.size()), result);
    return result;
  }

  ClassLabels labels_;
  SvmVectors vectors_;
  std::vector<std::int64_t> vectors_of_;  // support vectors of each class; none of a linear model
  std::vector<double> coefficients_;      // [classes - 1, support vectors]
  std::vector<double> rho_;               // one for each pair of classes
  std::vector<double> prob_a_;            // the same, or none
  std::vector<double> prob_b_;
  PostTransform transform_;
};

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> svm_kernels() {
  constexpr std::string_view ml = "ai.onnx.ml";
  return {
      {ml, "SVMClassifier", make_kernel<kernels::SvmClassifier>},
      {ml, "SVMRegressor", make_kernel<kernels::SvmRegressor>},
  };
}

}  // namespace inlay::inline v0
