#include "quantize/refine_blocks.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace inlay::inline v0::quantization {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Some rows at a time, so that the Hessian is read once for all of them.
class RowsRefiner {
 public:
  RowsRefiner(OpenCodes& codes, std::span<const float> weights, const MatrixXd& hessian,
              const std::vector<bool>& kept)
      : codes_(codes), weights_(weights), hessian_(hessian), kept_(kept) {}

  void run(Index first, Index count) {
    first_ = first;
    // What is left over, times the Hessian: the gradient, a column for each row.
    MatrixXd lost(codes_.k, count);
    for (Index row = 0; row < count; ++row) {
      for (Index j = 0; j < codes_.k; ++j) {
        lost(j, row) = weight(row, j) - codes_.scale(first + row, j).weight_of(code(row, j));
      }
    }
    gradient_ = hessian_ * lost;
    refit_scales(count);
    for (Index row = 0; row < count; ++row) round_again(row);
  }

 private:
  double weight(Index row, Index j) const {
    return weights_[static_cast<std::size_t>((first_ + row) * codes_.k + j)];
  }
  int code(Index row, Index j) { return codes_.code(first_ + row, j); }
  double centered(Index row, Index j) { return code(row, j) - codes_.scale(first_ + row, j).zero; }

  void refit_scales(Index count) {
    const Index blocks = codes_.blocks(), k = codes_.k;
    // Of each row, how the blocks' codes meet in the Hessian.
    std::vector<MatrixXd> meet(static_cast<std::size_t>(count), MatrixXd(blocks, blocks));
    MatrixXd products, part;
    for (Index b = 0; b < blocks; ++b) {
      const Index begin = b * codes_.format.block, size = std::min(codes_.format.block, k - begin);
      part.resize(size, count);
      for (Index row = 0; row < count; ++row) {
        for (Index i = 0; i < size; ++i) part(i, row) = centered(row, begin + i);
      }
      products.noalias() = hessian_.middleCols(begin, size) * part;
      for (Index row = 0; row < count; ++row) {
        for (Index other = 0; other < blocks; ++other) {
          meet[static_cast<std::size_t>(row)](other, b) = in_block(row, other, products.col(row));
        }
      }
    }
    MatrixXd moved = MatrixXd::Zero(k, count);
    for (Index row = 0; row < count; ++row) {
      MatrixXd& system = meet[static_cast<std::size_t>(row)];
      system.diagonal().array() += 1e-9 * system.diagonal().mean() + 1e-30;
      VectorXd wanted(blocks);
      for (Index b = 0; b < blocks; ++b) wanted(b) = in_block(row, b, gradient_.col(row));
      const Eigen::LDLT<MatrixXd> factors(system);
      const VectorXd change = factors.solve(wanted);
      if (factors.info() != Eigen::Success || !change.allFinite()) continue;
      for (Index b = 0; b < blocks; ++b) move_scale(row, b, change(b), moved);
    }
    gradient_.noalias() -= hessian_ * moved;
  }

  template <class Column>
  double in_block(Index row, Index block, const Column& values) {
    const Index begin = block * codes_.format.block;
    const Index end = std::min<Index>(begin + codes_.format.block, codes_.k);
    double sum = 0;
    for (Index j = begin; j < end; ++j) sum += centered(row, j) * values(j);
    return sum;
  }

  void move_scale(Index row, Index block, double change, MatrixXd& moved) {
    const Index begin = block * codes_.format.block;
    const Index end = std::min<Index>(begin + codes_.format.block, codes_.k);
    BlockScale& scale = codes_.scale(first_ + row, begin);
    const auto next = static_cast<float>(static_cast<double>(scale.scale) + change);
    if (!(next * scale.scale > 0)) return;  // a scale keeps its sign
    const double by = static_cast<double>(next) - static_cast<double>(scale.scale);
    for (Index j = begin; j < end; ++j) moved(j, row) = by * centered(row, j);
    scale.scale = next;
  }

  void round_again(Index row) {
    for (Index j = 0; j < codes_.k; ++j) {
      const BlockScale& scale = codes_.scale(first_ + row, j);
      const double step = scale.scale, curvature = hessian_(j, j);
      if (step == 0 || !(curvature > 0) || is_kept(row, j)) continue;
      const double best = scale.weight_of(code(row, j)) + gradient_(j, row) / curvature;
      const int next = scale.code_of(best);
      const double by = (next - code(row, j)) * step;
      if (by == 0) continue;
      codes_.code(first_ + row, j) = next;
      gradient_.col(row) -= by * hessian_.col(j);
    }
  }

  bool is_kept(Index row, Index j) const {
    return !kept_.empty() && kept_[static_cast<std::size_t>((first_ + row) * codes_.k + j)];
  }

  OpenCodes& codes_;
  std::span<const float> weights_;
  const MatrixXd& hessian_;
  const std::vector<bool>& kept_;
  Index first_ = 0;
  MatrixXd gradient_;
};

}  // namespace

void refine(OpenCodes& codes, std::span<const float> weights, const MatrixXd& hessian,
            const std::vector<bool>& kept) {
  constexpr Index together = 64;
  RowsRefiner refiner(codes, weights, hessian, kept);
  for (Index first = 0; first < codes.n; first += together) {
    refiner.run(first, std::min<Index>(together, codes.n - first));
  }
}

}  // namespace inlay::inline v0::quantization
