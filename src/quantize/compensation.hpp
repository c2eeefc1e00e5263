// Weights that are changed one column after the other, and make up for what each change does to a
// product: Frantar et al. 2022 (GPTQ, arXiv:2210.17323), Frantar and Alistarh 2023 (SparseGPT,
// arXiv:2301.00774).
#pragma once

#include <Eigen/Core>
#include <span>

#include "inlay/executor.hpp"

namespace inlay::inline v0::quantization {

class Compensation {
 public:
  /// Of weights [n, k], for inputs X with `hessian` = transposed X * X [k, k]; `damping` of the
  /// mean of its diagonal is added to that. Errors: invalid_argument, for a matrix that no X gives.
  Compensation(std::span<const float> weights, std::int64_t n, std::int64_t k,
               std::span<const double> hessian, double damping);

  std::int64_t rows() const { return left_.rows(); }
  std::int64_t columns() const { return left_.cols(); }
  /// The weights, as changes so far leave them.
  Eigen::MatrixXd& weights() { return left_; }
  /// Whether input j is always zero.
  bool is_dead(std::int64_t j) const { return dead_[static_cast<std::size_t>(j)]; }
  /// With what damps it; inputs that are always zero count as the mean of the others.
  const Eigen::MatrixXd& hessian() const { return hessian_; }
  /// The loss that a change of d to a weight of column j costs, when those after it make up for it,
  /// is (d / scale(j))^2.
  double scale(std::int64_t j) const { return u_(j, j); }

  /// change(j, by) for each column in order: what it takes from column j's weights, `by` [n], is
  /// made up for in those after it. Columns up to the end of a batch are up to date in it.
  void run(std::int64_t batch, FunctionRef<void(std::int64_t, Eigen::Ref<Eigen::VectorXd>)> change);

 private:
  Eigen::MatrixXd left_;
  Eigen::MatrixXd hessian_;
  Eigen::MatrixXd u_;  ///< upper triangle: transposed u * u is the Hessian's inverse
  std::vector<bool> dead_;
};

}  // namespace inlay::inline v0::quantization
