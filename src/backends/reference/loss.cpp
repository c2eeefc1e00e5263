// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
#include <optional>

#include "backends/reference/arguments.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/normalization.hpp"
#include "backends/reference/softmax.hpp"

namespace inlay::inline v0::kernels {
namespace {

enum class Reduction { none, mean, sum };

Reduction reduction_of(const KernelContext& context) {
  const std::string_view text = context.attributes().text("reduction", "mean");
  if (text == "none") return Reduction::none;
  if (text == "mean") return Reduction::mean;
  if (text == "sum") return Reduction::sum;
  context.fail(ErrorCode::invalid_graph, "reduction must be none, mean or sum");
}

/// The shape of the scores without the classes, which are axis 1, is that of the labels.
void check_shapes(const KernelContext& context, const Shape& scores, const Shape& labels) {
  Shape samples = scores;
  if (samples.rank() >= 2) samples.erase(1);
  if (scores.rank() < 2 || samples != labels) {
    context.fail(ErrorCode::shape_mismatch, "labels of shape " + to_string(labels) +
                                                " do not fit scores of shape " + to_string(scores));
  }
}

/// Scores [N, C, d1 …] and labels [N, d1 …]. `with_softmax`: the scores are not yet logarithms of
/// probabilities.
void run_loss(KernelContext& context, bool with_softmax) {
  const Tensor& scores = context.input(0);
  const Tensor& labels = context.input(1);
  check_shapes(context, scores.shape(), labels.shape());
  const AxisSplit split = split_axis(scores.shape(), 1);
  const auto classes = integers(context, labels);
  const auto* ignored = context.attributes().get<std::int64_t>("ignore_index");
  std::span<const double> weights;
  if (context.has_input(2)) {
    weights = reals(context, context.input(2));
    if (context.input(2).size() != split.axis) {
      context.fail(ErrorCode::shape_mismatch, "there must be one weight per class");
    }
  }
  const Reduction reduction = reduction_of(context);
  Tensor& y = context.output(0, reduction == Reduction::none ? labels.shape() : Shape{});
  Tensor* log_probabilities =
      with_softmax && context.has_output(1) ? &context.output(1, scores.shape()) : nullptr;
  visit_dtype<Floats>(scores.dtype(), [&]<class T>() {
    const T* from = scores.as<T>().data();
    T* to = y.as_mutable<T>().data();
    double total = 0;
    double total_weight = 0;
    each_line(split, [&](std::int64_t line, std::int64_t start) {
      std::optional<ExpSum> all;
      if (with_softmax) all.emplace(from + start, split.axis, split.inner);
      const auto log_probability = [&](std::int64_t i) {
        const auto score = static_cast<double>(from[start + i * split.inner]);
        return all ? all->log_softmax(score) : score;
      };
      if (log_probabilities != nullptr) {
        T* out = log_probabilities->as_mutable<T>().data();
        for (std::int64_t i = 0; i < split.axis; ++i) {
          out[start + i * split.inner] = from_real<T>(log_probability(i));
        }
      }
      const std::int64_t label = classes[static_cast<std::size_t>(line)];
      double loss = 0;
      if (ignored == nullptr || label != *ignored) {
        if (label < 0 || label >= split.axis) {
          context.fail(ErrorCode::execution, "label " + std::to_string(label) + " is no class");
        }
        const double weight = weights.empty() ? 1 : weights[static_cast<std::size_t>(label)];
        loss = -log_probability(label) * weight;
        total += loss;
        total_weight += weight;
      }
      if (reduction == Reduction::none) to[line] = from_real<T>(loss);
    });
    if (reduction == Reduction::sum) to[0] = from_real<T>(total);
    if (reduction == Reduction::mean) to[0] = from_real<T>(total / total_weight);
  });
}

}  // namespace

void add_loss_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "NegativeLogLikelihoodLoss", [](KernelContext& c) { run_loss(c, false); }});
  table.push_back({"", "SoftmaxCrossEntropyLoss", [](KernelContext& c) { run_loss(c, true); }});
}

}  // namespace inlay::inline v0::kernels
