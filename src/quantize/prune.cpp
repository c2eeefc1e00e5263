#include "quantize/prune.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "inlay/error.hpp"
#include "quantize/compensation.hpp"

namespace inlay::inline v0 {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
/// By weight [n, columns]: whether it becomes zero.
using Mask = Eigen::Matrix<bool, Eigen::Dynamic, Eigen::Dynamic>;
using WeightMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Inputs whose weights SparseGPT chooses from at a time.
constexpr Index batch = 128;

void check_weights(std::span<const float> weights, std::int64_t n, std::int64_t k) {
  const auto columns = static_cast<std::size_t>(k);
  if (n < 1 || k < 1 || weights.size() % columns != 0 ||
      weights.size() / columns != static_cast<std::size_t>(n)) {
    throw Error(ErrorCode::invalid_argument, "weights to prune must be a matrix [n, k]");
  }
  if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); })) {
    throw Error(ErrorCode::invalid_argument, "weights to prune must be finite");
  }
}

Index rows_together(SparsityPattern pattern) { return pattern == SparsityPattern::block4 ? 4 : 1; }

/// Of `columns` columns, the blocks that become zero.
Index zero_blocks(Index rows, Index columns, const Sparsity& sparsity) {
  const Index together = rows_together(sparsity.pattern);
  const auto blocks = static_cast<double>((rows + together - 1) / together * columns);
  return static_cast<Index>(std::nearbyint(sparsity.share * blocks));
}

/// The `count` blocks of least loss, column after column.
Mask least_blocks(const MatrixXd& loss, Index together, Index count) {
  const Index n = loss.rows(), groups = (n + together - 1) / together;
  const auto rows_of = [&](Index group) { return std::min(together, n - group * together); };
  MatrixXd sums(groups, loss.cols());
  for (Index j = 0; j < loss.cols(); ++j) {
    for (Index group = 0; group < groups; ++group) {
      sums(group, j) = loss.col(j).segment(group * together, rows_of(group)).sum();
    }
  }
  std::vector<Index> order(static_cast<std::size_t>(sums.size()));
  std::iota(order.begin(), order.end(), Index{0});
  const auto less = [&](Index a, Index b) {
    const double x = sums.data()[a], y = sums.data()[b];
    return x != y ? x < y : a < b;
  };
  std::nth_element(order.begin(), order.begin() + count, order.end(), less);
  Mask mask = Mask::Constant(n, loss.cols(), false);
  for (Index i = 0; i < count; ++i) {
    const Index at = order[static_cast<std::size_t>(i)], group = at % groups;
    mask.col(at / groups).segment(group * together, rows_of(group)).setConstant(true);
  }
  return mask;
}

/// Of four columns two in each row, of fewer half.
Mask half_of_each_row(const MatrixXd& loss) {
  Mask mask = Mask::Constant(loss.rows(), loss.cols(), false);
  for (Index row = 0; row < loss.rows(); ++row) {
    for (Index count = 0; count < loss.cols() / 2; ++count) {
      Index least = -1;
      for (Index j = 0; j < loss.cols(); ++j) {
        if (!mask(row, j) && (least < 0 || loss(row, j) < loss(row, least))) least = j;
      }
      mask(row, least) = true;
    }
  }
  return mask;
}

std::vector<float> rounded(const MatrixXd& weights) {
  const WeightMatrix rows = weights.cast<float>();
  return {rows.data(), rows.data() + rows.size()};
}

}  // namespace

void check_sparsity(const Sparsity& sparsity) {
  if (!(sparsity.share >= 0) || !(sparsity.share < 1)) {
    throw Error(ErrorCode::invalid_argument,
                "the share of weights that become zero must be from 0 to below 1");
  }
}

std::vector<float> prune(std::span<const float> weights, std::int64_t n, std::int64_t k,
                         const Sparsity& sparsity) {
  check_sparsity(sparsity);
  check_weights(weights, n, k);
  MatrixXd left = Eigen::Map<const WeightMatrix>(weights.data(), n, k).cast<double>();
  const MatrixXd loss = left.array().square();
  if (sparsity.pattern == SparsityPattern::two_of_four) {
    for (Index j = 0; j < k; j += 4) {
      const Index columns = std::min<Index>(4, k - j);
      const Mask zeros = half_of_each_row(loss.middleCols(j, columns));
      left.middleCols(j, columns) = zeros.select(0.0, left.middleCols(j, columns));
    }
  } else if (sparsity.pattern != SparsityPattern::none) {
    const Mask zeros =
        least_blocks(loss, rows_together(sparsity.pattern), zero_blocks(n, k, sparsity));
    left = zeros.select(0.0, left).eval();
  }
  return rounded(left);
}

std::vector<float> sparse_gpt(std::span<const float> weights, std::int64_t n, std::int64_t k,
                              std::span<const double> hessian, const Sparsity& sparsity,
                              double damping) {
  check_sparsity(sparsity);
  check_weights(weights, n, k);
  if (sparsity.pattern == SparsityPattern::none) return {weights.begin(), weights.end()};
  quantization::Compensation compensation(weights, n, k, hessian, damping);
  MatrixXd& left = compensation.weights();
  const auto loss_of = [&](Index first, Index columns) {
    MatrixXd loss = left.middleCols(first, columns).array().square();
    for (Index j = 0; j < columns; ++j) {
      const double scale = compensation.scale(first + j);
      loss.col(j) *= compensation.is_dead(first + j) ? 0.0 : 1 / (scale * scale);
    }
    return loss;
  };
  const bool is_two_of_four = sparsity.pattern == SparsityPattern::two_of_four;
  const Index step = is_two_of_four ? 4 : batch;
  Mask zeros;  // of the columns from the last multiple of `step` on
  compensation.run(batch, [&](Index j, auto change) {
    if (j % step == 0) {
      const Index columns = std::min(step, k - j);
      // Counted from the first column on, so that rounding does not add up.
      const Index count = zero_blocks(n, j + columns, sparsity) - zero_blocks(n, j, sparsity);
      zeros = is_two_of_four
                  ? half_of_each_row(loss_of(j, columns))
                  : least_blocks(loss_of(j, columns), rows_together(sparsity.pattern), count);
    }
    for (Index row = 0; row < n; ++row) {
      const bool is_zero = zeros(row, j % step);
      change(row) = is_zero ? left(row, j) : 0;
      if (is_zero) left(row, j) = 0;
    }
  });
  return rounded(left);
}

}  // namespace inlay::inline v0
