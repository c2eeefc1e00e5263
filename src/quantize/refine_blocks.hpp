// Codes in blocks that are brought closer to the weights' product, all of a row together.
#pragma once

#include <Eigen/Core>
#include <span>
#include <vector>

#include "quantize/block_codes.hpp"

namespace inlay::inline v0::quantization {

/// Codes before they are packed: of weights [n, k], and the scale of each block of each row.
struct OpenCodes {
  std::int64_t n = 0, k = 0;
  BlockFormat format;
  std::vector<int> codes;
  std::vector<BlockScale> scales;

  std::int64_t blocks() const { return (k - 1) / format.block + 1; }
  BlockScale& scale(std::int64_t row, std::int64_t column) {
    return scales[static_cast<std::size_t>(row * blocks() + column / format.block)];
  }
  int& code(std::int64_t row, std::int64_t column) {
    return codes[static_cast<std::size_t>(row * k + column)];
  }
};

/// Lowers (w - q) H (w - q) of each row, for weights w of codes q: the scales that are best for the
/// codes, in closed form (least squares), then, one weight after the other, the code that is best
/// for all others. Weights that are `kept` (empty: none) keep their codes.
void refine(OpenCodes& codes, std::span<const float> weights, const Eigen::MatrixXd& hessian,
            const std::vector<bool>& kept);

}  // namespace inlay::inline v0::quantization
