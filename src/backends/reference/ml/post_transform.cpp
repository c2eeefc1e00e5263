#include "backends/reference/ml/post_transform.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "backends/reference/attributes.hpp"
#include "backends/reference/softmax.hpp"

namespace inlay::inline v0::kernels {
namespace {

double logistic(double score) { return 1 / (1 + std::exp(-score)); }

/// The inverse of the normal distribution, by Winitzki's approximation of the inverse error
/// function: runtimes agree on that one, and it is up to 0.2% off the exact value.
double probit(double probability) {
  constexpr double a = 0.147;
  if (!(probability >= 0 && probability <= 1)) return std::numeric_limits<double>::quiet_NaN();
  const double x = 2 * probability - 1;
  const double log = std::log((1 - x) * (1 + x));
  if (std::isinf(log)) return std::copysign(std::numeric_limits<double>::infinity(), x);
  const double half = 2 / (std::numbers::pi * a) + log / 2;
  return std::copysign(std::numbers::sqrt2 * std::sqrt(std::sqrt(half * half - log / a) - half), x);
}

void softmax(std::span<double> scores) {
  const ExpSum sum(scores.data(), std::ssize(scores), 1);
  for (double& score : scores) score = sum.softmax(score);
}

/// A softmax among the scores that are not zero; those that are stay so.
void softmax_zero(std::span<double> scores) {
  const auto is_zero = [](double score) { return std::abs(score) <= 1e-7; };
  double peak = -std::numeric_limits<double>::infinity();
  for (const double score : scores) {
    if (!is_zero(score)) peak = std::max(peak, score);
  }
  double sum = 0;
  for (double& score : scores) {
    score = is_zero(score) ? 0 : std::exp(score - peak);
    sum += score;
  }
  for (double& score : scores) score = sum == 0 ? 0.5 : score / sum;
}

}  // namespace

PostTransform post_transform(const Attributes& attributes) {
  constexpr std::string_view words[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  return static_cast<PostTransform>(word_or_number(attributes, "post_transform", "NONE", words));
}

void apply_transform(PostTransform transform, std::span<double> scores) {
  switch (transform) {
    case PostTransform::none:
      return;
    case PostTransform::softmax:
      return softmax(scores);
    case PostTransform::softmax_zero:
      return softmax_zero(scores);
    case PostTransform::logistic:
      for (double& score : scores) score = logistic(score);
      return;
    case PostTransform::probit:
      for (double& score : scores) score = probit(score);
      return;
  }
}

void complement(PostTransform transform, double score, bool probability,
                std::span<double, 2> both) {
  both[0] = probability || transform == PostTransform::probit ? 1 - score : -score;
  both[1] = score;
  apply_transform(transform, both);
}

}  // namespace inlay::inline v0::kernels
