#include "quantize/compensation.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "inlay/error.hpp"

namespace inlay::inline v0::quantization {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

[[noreturn]] void refuse_hessian(const char* message) {
  throw Error(ErrorCode::invalid_argument, message);
}

void check_hessian(std::span<const double> hessian, std::int64_t k, double damping) {
  const auto size = static_cast<std::size_t>(k);
  if (hessian.size() % size != 0 || hessian.size() / size != size) {
    refuse_hessian("the Hessian must be a matrix [k, k]");
  }
  if (!std::all_of(hessian.begin(), hessian.end(), [](double x) { return std::isfinite(x); })) {
    refuse_hessian("the Hessian must be finite");
  }
  if (!(damping >= 0) || !std::isfinite(damping)) {
    refuse_hessian("damping must be a number from 0 on");
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (hessian[i * size + i] < 0) refuse_hessian("the Hessian's diagonal must not be negative");
  }
}

MatrixXd damped(MatrixXd hessian, double damping) {
  const double mean = hessian.diagonal().mean();
  for (Index i = 0; i < hessian.rows(); ++i) {
    if (hessian(i, i) == 0) hessian(i, i) = mean > 0 ? mean : 1;
  }
  hessian.diagonal().array() += damping * mean;
  return hessian;
}

MatrixXd decomposed_inverse(const MatrixXd& hessian) {
  const Index k = hessian.rows();
  const Eigen::LLT<MatrixXd> factors(hessian);
  if (factors.info() != Eigen::Success) refuse_hessian("the Hessian is not positive definite");
  const MatrixXd inverse = factors.solve(MatrixXd::Identity(k, k));
  const Eigen::LLT<MatrixXd, Eigen::Upper> result(inverse);
  if (result.info() != Eigen::Success || !inverse.allFinite()) {
    refuse_hessian("the Hessian is nearly singular: more damping is needed");
  }
  return result.matrixU();
}

}  // namespace

Compensation::Compensation(std::span<const float> weights, std::int64_t n, std::int64_t k,
                           std::span<const double> hessian, double damping) {
  check_hessian(hessian, k, damping);
  const Eigen::Map<const RowMajor<double>> h(hessian.data(), k, k);
  for (Index j = 0; j < k; ++j) dead_.push_back(h(j, j) == 0);
  left_ = Eigen::Map<const RowMajor<float>>(weights.data(), n, k).cast<double>();
  hessian_ = damped(h, damping);
  u_ = decomposed_inverse(hessian_);
}

void Compensation::run(std::int64_t batch,
                       FunctionRef<void(std::int64_t, Eigen::Ref<Eigen::VectorXd>)> change) {
  const Index k = left_.cols();
  // Errors reach the columns of their batch at once, those after it all together.
  for (Index first = 0; first < k; first += batch) {
    const Index end = std::min<Index>(first + batch, k);
    MatrixXd errors(left_.rows(), end - first);
    for (Index j = first; j < end; ++j) {
      auto error = errors.col(j - first);
      change(j, error);
      error /= u_(j, j);
      const Index after = end - j - 1;
      left_.middleCols(j + 1, after).noalias() -= error * u_.row(j).segment(j + 1, after);
    }
    left_.rightCols(k - end).noalias() -= errors * u_.block(first, end, end - first, k - end);
  }
}

}  // namespace inlay::inline v0::quantization
