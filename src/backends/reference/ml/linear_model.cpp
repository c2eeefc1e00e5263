// LinearClassifier and LinearRegressor.
#include "backends/reference/ml/features.hpp"
#include "backends/reference/ml/post_transform.hpp"
#include "backends/reference/product.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

/// Scores that are weighted sums of the features.
class LinearModel {
 public:
  explicit LinearModel(const Attributes& attributes)
      : weights_(real_list(attributes, "coefficients")),
        intercepts_(real_list(attributes, "intercepts")) {}

  /// The number of scores, one for each `columns` coefficients; `fallback` when a row of no columns
  /// leaves it open. Errors: shape_mismatch.
  std::int64_t scores(const KernelContext& context, std::int64_t columns,
                      std::int64_t fallback) const {
    const std::int64_t weights = std::ssize(weights_);
    const std::int64_t count = columns > 0 ? weights / columns : fallback;
    const bool fits = columns > 0 ? weights % columns == 0 && count > 0 : weights == 0;
    if (!fits || (!intercepts_.empty() && std::ssize(intercepts_) != count)) {
      context.fail(ErrorCode::shape_mismatch,
                   "the features have " + std::to_string(columns) + " columns, which do not fit " +
                       std::to_string(weights) + " coefficients and " +
                       std::to_string(intercepts_.size()) + " intercepts");
    }
    return count;
  }

  void score(std::span<const double> features, std::span<double> scores) const {
    const std::int64_t columns = std::ssize(features);
    const double* weights = weights_.data();
    for (std::size_t i = 0; i < scores.size(); ++i, weights += columns) {
      scores[i] = dot(weights, 1, features.data(), 1, columns);
      if (!intercepts_.empty()) scores[i] += intercepts_[i];
    }
  }

  /// Calls f(row, scores) for each row.
  template <class F>
  void for_each(KernelContext& context, const FeatureTable& table, std::int64_t count,
                F&& f) const {
    const auto scratch = context.scratch<double>(context.concurrency() * (table.columns + count));
    for_each_row(context, table.rows, table.columns * count, [&](std::int64_t row, int worker) {
      const auto part = scratch.subspan(static_cast<std::size_t>(worker * (table.columns + count)));
      const auto features = part.first(static_cast<std::size_t>(table.columns));
      const auto scores = part.subspan(features.size(), static_cast<std::size_t>(count));
      table.read(row, features);
      score(features, scores);
      f(row, scores);
    });
  }

 private:
  std::vector<double> weights_;  // [scores, columns]
  std::vector<double> intercepts_;
};

class LinearRegressor final : public Kernel {
 public:
  explicit LinearRegressor(const CompileContext& context)
      : model_(context.node.attributes),
        targets_(context.node.attributes.integer("targets", 1)),
        transform_(post_transform(context.node.attributes)) {}

  void run(KernelContext& context) const override {
    const FeatureTable table = feature_table(context);
    if (model_.scores(context, table.columns, targets_) != targets_) {
      context.fail(ErrorCode::shape_mismatch, "the coefficients are not " +
                                                  std::to_string(targets_) + " (targets) times " +
                                                  std::to_string(table.columns) + " (features)");
    }
    Tensor& y = context.output(0, {table.rows, targets_});
    model_.for_each(context, table, targets_, [&](std::int64_t row, std::span<double> scores) {
      apply_transform(transform_, scores);
      write_scores(y, row, scores);
    });
  }

 private:
  LinearModel model_;
  std::int64_t targets_;
  PostTransform transform_;
};

class LinearClassifier final : public Kernel {
 public:
  explicit LinearClassifier(const CompileContext& context)
      : model_(context.node.attributes),
        labels_(context.node.attributes, "classlabels_ints", "classlabels_strings"),
        transform_(post_transform(context.node.attributes)) {}

  void run(KernelContext& context) const override {
    const FeatureTable table = feature_table(context);
    const std::int64_t count = model_.scores(context, table.columns, labels_.size());
    const bool binary = count == 1 && labels_.size() == 2;
    if (count != labels_.size() && !binary) {
      context.fail(ErrorCode::shape_mismatch, "the model computes " + std::to_string(count) +
                                                  " scores for " + std::to_string(labels_.size()) +
                                                  " labels");
    }
    Tensor& y = context.output(0, {table.rows});
    Tensor& z = context.output(1, {table.rows, labels_.size()});
    model_.for_each(context, table, count, [&](std::int64_t row, std::span<double> scores) {
      if (binary) {
        double both[2];
        labels_.write(y, row, scores[0] > 0 ? 1 : 0);
        complement(transform_, scores[0], false, both);
        return write_scores(z, row, both);
      }
      // A single label is given or not.
      labels_.write(y, row, count > 1 ? top_class(scores) : scores[0] > 0 ? 0 : -1);
      apply_transform(transform_, scores);
      write_scores(z, row, scores);
    });
  }

 private:
  LinearModel model_;
  ClassLabels labels_;
  PostTransform transform_;
};

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> linear_model_kernels() {
  constexpr std::string_view ml = "ai.onnx.ml";
  return {
      {ml, "LinearClassifier", make_kernel<kernels::LinearClassifier>},
      {ml, "LinearRegressor", make_kernel<kernels::LinearRegressor>},
  };
}

}  // namespace inlay::inline v0
