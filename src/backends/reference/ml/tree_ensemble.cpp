#include "backends/reference/ml/tree_ensemble.hpp"

#include <limits>

#include "backends/reference/convert.hpp"
#include "backends/reference/ml/features.hpp"
#include "backends/reference/ml/post_transform.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

/// How the votes for a target become its score; numbered as in TreeEnsemble.
enum class Aggregate : std::uint8_t { average, sum, min, max };

Aggregate aggregate(const Attributes& attributes) {
  constexpr std::string_view words[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  return static_cast<Aggregate>(word_or_number(attributes, "aggregate_function", "SUM", words));
}

std::int64_t target_count(const Attributes& attributes) {
  const std::int64_t targets = attributes.integer("n_targets", 0);
  require_attribute(targets > 0 && targets <= std::numeric_limits<std::int32_t>::max(),
                    "n_targets is missing or out of range: " + std::to_string(targets));
  return targets;
}

/// The score of a target for which no leaf has voted.
constexpr double no_votes = std::numeric_limits<double>::quiet_NaN();

double with_vote(Aggregate how, double score, double weight) {
  if (std::isnan(score)) return weight;
  if (how == Aggregate::min) return std::min(score, weight);
  return how == Aggregate::max ? std::max(score, weight) : score + weight;
}

/// Calls f(row, scores) for each row with the aggregated votes for each of `targets`.
template <class F>
void for_each_score(KernelContext& context, const TreeEnsemble& ensemble, std::int64_t targets,
                    Aggregate how, F&& f) {
  const Tensor& x = context.input(0);
  const std::int64_t columns = x.dim(x.rank() - 1), rows = x.rank() == 1 ? 1 : x.dim(0);
  if (columns < ensemble.features()) {
    context.fail(ErrorCode::shape_mismatch, "the features have " + std::to_string(columns) +
                                                " columns, the trees ask for " +
                                                std::to_string(ensemble.features()));
  }
  // Some rows go down one tree after another together, so that its nodes stay in the cache.
  const std::int64_t block = std::min<std::int64_t>(rows, 64);
  if (block == 0) return;
  const double share = how == Aggregate::average
                           ? 1 / static_cast<double>(std::max<std::size_t>(ensemble.trees(), 1))
                           : 1;
  const auto scratch = context.scratch<double>(context.concurrency() * block * targets);
  visit_dtype<Union<FeatureTypes, Types<float16>>>(x.dtype(), [&]<class T>() {
    const T* features = x.as<T>().data();
    const std::int64_t tasks = rows / block + (rows % block != 0);
    context.parallel_for(tasks, [&](std::int64_t task, int worker) {
      const std::int64_t first = task * block, count = std::min(block, rows - first);
      double* scores = scratch.data() + worker * block * targets;
      std::fill_n(scores, count * targets, no_votes);
      for (std::size_t tree = 0; tree < ensemble.trees(); ++tree) {
        if (tree % 256 == 255) context.check_cancelled();
        for (std::int64_t r = 0; r < count; ++r) {
          for (const TreeVote& vote : ensemble.votes(tree, features + (first + r) * columns)) {
            double& score = scores[r * targets + vote.target];
            score = with_vote(how, score, vote.weight);
          }
        }
      }
      for (std::int64_t r = 0; r < count; ++r, scores += targets) {
        for (std::int64_t i = 0; i < targets; ++i) {
          scores[i] = std::isnan(scores[i]) ? 0 : scores[i] * share;
        }
        f(first + r, std::span(scores, static_cast<std::size_t>(targets)));
      }
    });
  });
}

class TreeRegressor final : public Kernel {
 public:
  explicit TreeRegressor(const CompileContext& context)
      : targets_(target_count(context.node.attributes)),
        ensemble_(context.node.op == "TreeEnsemble"
                      ? TreeEnsemble::from_leaves(context.node.attributes, targets_)
                      : TreeEnsemble::from_modes(context.node.attributes, "target", targets_)),
        base_(real_list(context.node.attributes, "base_values")),
        aggregate_(aggregate(context.node.attributes)),
        transform_(post_transform(context.node.attributes)) {
    require_attribute(base_.empty() || std::ssize(base_) == targets_,
                      "base_values has " + std::to_string(base_.size()) + " elements, not " +
                          std::to_string(targets_));
  }

  void run(KernelContext& context) const override {
    Tensor& y = context.output(0, {feature_table(context).rows, targets_});
    visit_dtype<Floats>(y.dtype(), [&]<class T>() {
      T* to = y.as_mutable<T>().data();
      for_each_score(context, ensemble_, targets_, aggregate_,
                     [&](std::int64_t row, std::span<double> scores) {
                       for (std::size_t i = 0; i < base_.size(); ++i) scores[i] += base_[i];
                       apply_transform(transform_, scores);
                       std::transform(scores.begin(), scores.end(), to + row * targets_,
                                      from_real<T>);
                     });
    });
  }
  std::size_t packed_bytes() const noexcept override { return ensemble_.bytes(); }

 private:
  std::int64_t targets_;
  TreeEnsemble ensemble_;
  std::vector<double> base_;
  Aggregate aggregate_;
  PostTransform transform_;
};

class TreeClassifier final : public Kernel {
 public:
  explicit TreeClassifier(const CompileContext& context)
      : labels_(context.node.attributes, "classlabels_int64s", "classlabels_strings"),
        ensemble_(TreeEnsemble::from_modes(context.node.attributes, "class", labels_.size())),
        base_(real_list(context.node.attributes, "base_values")),
        transform_(post_transform(context.node.attributes)) {
    const auto votes = ensemble_.votes();
    binary_ = labels_.size() == 2 && base_.size() < 2 && !votes.empty() &&
              std::all_of(votes.begin(), votes.end(),
                          [](const TreeVote& vote) { return vote.target == 0; });
    probability_ = std::all_of(votes.begin(), votes.end(),
                               [](const TreeVote& vote) { return vote.weight >= 0; });
    const std::int64_t scores = binary_ ? 1 : labels_.size();
    require_attribute(base_.empty() || std::ssize(base_) == scores,
                      "base_values has " + std::to_string(base_.size()) + " elements, not " +
                          std::to_string(labels_.size()));
  }

  void run(KernelContext& context) const override {
    const std::int64_t rows = feature_table(context).rows;
    Tensor& y = context.output(0, {rows});
    Tensor& z = context.output(1, {rows, labels_.size()});
    for_each_score(
        context, ensemble_, binary_ ? 1 : labels_.size(), Aggregate::sum,
        [&](std::int64_t row, std::span<double> scores) {
          for (std::size_t i = 0; i < base_.size(); ++i) scores[i] += base_[i];
          if (binary_) return write_both(row, scores[0], y, z);
          // A single label is given or not.
          labels_.write(y, row, scores.size() > 1 ? top_class(scores) : scores[0] > 0 ? 0 : -1);
          apply_transform(transform_, scores);
          write_scores(z, row, scores);
        });
  }
  std::size_t packed_bytes() const noexcept override { return ensemble_.bytes(); }

 private:
  /// Of two classes where all leaves vote for the first, their sum is the score of the second:
  /// a probability if it can be none below 0 and is left as it is, else a margin around 0.
  void write_both(std::int64_t row, double score, Tensor& y, Tensor& z) const {
    const bool probability =
        (transform_ == PostTransform::none && probability_) || transform_ == PostTransform::probit;
    labels_.write(y, row, score > (probability ? 0.5 : 0.0) ? 1 : 0);
    double both[2];
    complement(transform_, score, probability, both);
    write_scores(z, row, both);
  }

  ClassLabels labels_;
  TreeEnsemble ensemble_;
  std::vector<double> base_;
  PostTransform transform_;
  bool binary_;
  bool probability_;  // whether no leaf's weight is negative
};

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> tree_ensemble_kernels() {
  constexpr std::string_view ml = "ai.onnx.ml";
  return {
      {ml, "TreeEnsemble", make_kernel<kernels::TreeRegressor>},
      {ml, "TreeEnsembleClassifier", make_kernel<kernels::TreeClassifier>},
      {ml, "TreeEnsembleRegressor", make_kernel<kernels::TreeRegressor>},
  };
}

}  // namespace inlay::inline v0
