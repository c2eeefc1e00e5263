#include "quantize/gptq.hpp"

#include <algorithm>

#include "quantize/compensation.hpp"
#include "quantize/refine_blocks.hpp"

namespace inlay::inline v0 {
namespace {

using quantization::Compensation;
using quantization::OpenCodes;

/// The scales of the blocks that begin at column j.
void choose_scales(OpenCodes& codes, Compensation& compensation, std::int64_t j) {
  const std::int64_t size = std::min(codes.format.block, codes.k - j);
  std::vector<double> block(static_cast<std::size_t>(size)), importance;
  for (std::int64_t i = j; i < j + size; ++i) {
    const double scale = compensation.scale(i);
    importance.push_back(1 / (scale * scale));
  }
  for (std::int64_t row = 0; row < codes.n; ++row) {
    const auto weights = compensation.weights().row(row).segment(j, size);
    std::copy(weights.begin(), weights.end(), block.begin());
    codes.scale(row, j) = best_block_scale(block, importance, codes.format);
  }
}

}  // namespace

BlockCodes gptq(std::span<const float> weights, std::int64_t n, std::int64_t k,
                std::span<const double> hessian, const GptqOptions& options) {
  const BlockFormat& format = options.format;
  BlockCodes result = empty_block_codes(weights, n, k, format);
  Compensation compensation(weights, n, k, hessian, options.damping);
  Eigen::MatrixXd& left = compensation.weights();
  std::vector<bool> kept(weights.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const bool is_dead = compensation.is_dead(static_cast<std::int64_t>(i) % k);
    kept[i] = is_dead || (options.keep_zeros && weights[i] == 0.0f);
  }
  for (std::int64_t j = 0; j < k; ++j) {
    if (compensation.is_dead(j)) left.col(j).setZero();
  }
  OpenCodes codes{.n = n, .k = k, .format = format, .codes = {}, .scales = {}};
  codes.codes.resize(weights.size());
  codes.scales.resize(static_cast<std::size_t>(n * codes.blocks()));
  compensation.run(std::max<std::int64_t>(128, format.block), [&](std::int64_t j, auto change) {
    if (j % format.block == 0) choose_scales(codes, compensation, j);
    for (std::int64_t row = 0; row < n; ++row) {
      const BlockScale& scale = codes.scale(row, j);
      const bool stays_zero = kept[static_cast<std::size_t>(row * k + j)];
      const int code = stays_zero ? scale.zero : scale.code_of(left(row, j));
      codes.code(row, j) = code;
      change(row) = left(row, j) - scale.weight_of(code);
    }
  });
  quantization::refine(codes, weights, compensation.hessian(), kept);
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t j = 0; j < k; ++j) {
      if (j % format.block == 0) put_scale(result, row, j / format.block, codes.scale(row, j));
      put_code(result, row, j, codes.code(row, j));
    }
  }
  return result;
}

}  // namespace inlay::inline v0
