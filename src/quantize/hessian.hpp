// The inputs of products on calibration samples, as the sums of products that rounding and pruning
// weights go by.
#pragma once

#include <Eigen/Core>
#include <span>

#include "inlay/model.hpp"
#include "quantize/code_plan.hpp"

namespace inlay::inline v0::quantization {

using WeightMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The weights [outputs, inputs] of a MatMul or Gemm.
WeightMatrix product_weights(const Graph& graph, const WeightedNode& node);

/// f(i, hessian) for each group of products, whose weights have one depth: transposed X * X [depth,
/// depth], where X are the inputs of all its nodes over all samples. As many samples are run as
/// memory asks for. Errors: as watch().
void for_each_hessian(const Graph& graph, std::span<const std::vector<WeightedNode>> groups,
                      const ModelOptions& options,
                      FunctionRef<void(std::size_t, std::span<const double>)> f);

}  // namespace inlay::inline v0::quantization
