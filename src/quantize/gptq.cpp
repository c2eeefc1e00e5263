#include "quantize/gptq.hpp"

#include <algorithm>

#include "quantize/compensation.hpp"

namespace inlay::inline v0 {

BlockCodes gptq(std::span<const float> weights, std::int64_t n, std::int64_t k,
                std::span<const double> hessian, const GptqOptions& options) {
  const BlockFormat& format = options.format;
  BlockCodes result = empty_block_codes(weights, n, k, format);
  quantization::Compensation compensation(weights, n, k, hessian, options.damping);
  Eigen::MatrixXd& left = compensation.weights();
  for (std::int64_t j = 0; j < k; ++j) {
    if (compensation.is_dead(j)) left.col(j).setZero();
  }
  std::vector<BlockScale> scales(static_cast<std::size_t>(n));
  compensation.run(std::max<std::int64_t>(128, format.block), [&](std::int64_t j, auto change) {
    if (j % format.block == 0) {
      const auto block = left.middleCols(j, std::min(format.block, k - j));
      for (std::int64_t row = 0; row < n; ++row) {
        BlockScale& scale = scales[static_cast<std::size_t>(row)];
        scale = block_scale(block.row(row).minCoeff(), block.row(row).maxCoeff(), format);
        put_scale(result, row, j / format.block, scale);
      }
    }
    for (std::int64_t row = 0; row < n; ++row) {
      const BlockScale& scale = scales[static_cast<std::size_t>(row)];
      const bool stays_zero =
          options.keep_zeros && weights[static_cast<std::size_t>(row * k + j)] == 0.0f;
      const int code = stays_zero ? scale.zero : scale.code_of(left(row, j));
      put_code(result, row, j, code);
      change(row) = left(row, j) - scale.weight_of(code);
    }
  });
  return result;
}

}  // namespace inlay::inline v0
