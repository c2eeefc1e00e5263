#include "quantize/gptq.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "inlay/error.hpp"

namespace inlay::inline v0 {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

[[noreturn]] void refuse_hessian(const char* message) {
  throw Error(ErrorCode::invalid_argument, message);
}

/// U of the inverse's decomposition transposed U * U, of which row j says how the weights after j
/// make up for an error in weight j.
MatrixXd compensation(MatrixXd hessian, double damping) {
  const double mean = hessian.diagonal().mean();
  for (Index i = 0; i < hessian.rows(); ++i) {
    if (hessian(i, i) == 0) hessian(i, i) = mean > 0 ? mean : 1;
  }
  hessian.diagonal().array() += damping * mean;
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

BlockCodes gptq(std::span<const float> weights, std::int64_t n, std::int64_t k,
                std::span<const double> hessian, const GptqOptions& options) {
  const BlockFormat& format = options.format;
  BlockCodes result = empty_block_codes(weights, n, k, format);
  const auto size = static_cast<std::size_t>(k);
  if (hessian.size() % size != 0 || hessian.size() / size != size) {
    refuse_hessian("the Hessian must be a matrix [k, k]");
  }
  if (!std::all_of(hessian.begin(), hessian.end(), [](double x) { return std::isfinite(x); })) {
    refuse_hessian("the Hessian must be finite");
  }
  if (!(options.damping >= 0) || !std::isfinite(options.damping)) {
    refuse_hessian("damping must be a number from 0 on");
  }
  const Eigen::Map<const RowMajor> h(hessian.data(), k, k);
  if (h.diagonal().minCoeff() < 0) refuse_hessian("the Hessian's diagonal must not be negative");
  MatrixXd left =
      Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
          weights.data(), n, k)
          .cast<double>();
  for (Index j = 0; j < k; ++j) {
    if (h(j, j) == 0) left.col(j).setZero();
  }
  const MatrixXd u = compensation(h, options.damping);

  // Errors reach the columns of their batch at once, those after it all together.
  const std::int64_t batch = std::max<std::int64_t>(128, format.block);
  std::vector<BlockScale> scales(static_cast<std::size_t>(n));
  for (std::int64_t first = 0; first < k; first += batch) {
    const std::int64_t end = std::min(first + batch, k);
    MatrixXd errors(n, end - first);
    for (std::int64_t j = first; j < end; ++j) {
      if (j % format.block == 0) {
        const auto block = left.middleCols(j, std::min(format.block, k - j));
        for (std::int64_t row = 0; row < n; ++row) {
          BlockScale& scale = scales[static_cast<std::size_t>(row)];
          scale = block_scale(block.row(row).minCoeff(), block.row(row).maxCoeff(), format);
          put_scale(result, row, j / format.block, scale);
        }
      }
      auto error = errors.col(j - first);
      for (std::int64_t row = 0; row < n; ++row) {
        const BlockScale& scale = scales[static_cast<std::size_t>(row)];
        const int code = scale.code_of(left(row, j));
        put_code(result, row, j, code);
        error(row) = (left(row, j) - scale.weight_of(code)) / u(j, j);
      }
      const std::int64_t after = end - j - 1;
      left.middleCols(j + 1, after).noalias() -= error * u.row(j).segment(j + 1, after);
    }
    left.rightCols(k - end).noalias() -= errors * u.block(first, end, end - first, k - end);
  }
  return result;
}

}  // namespace inlay::inline v0
