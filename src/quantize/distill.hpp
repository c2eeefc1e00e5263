// Distillation layer by layer: what a quantized node computes is brought closest to what the node
// computes in float, by a scale and a shift of each channel.
#pragma once

#include "inlay/model.hpp"
#include "quantize/code_plan.hpp"

namespace inlay::inline v0::quantization {

/// What each channel of a node's output is multiplied by, and what is added to it then.
struct Refit {
  std::vector<double> scale, shift;

  void apply_to_bias(std::span<float> bias) const;
};

/// By the nodes' outputs.
using RefitMap = std::map<ValueId, Refit>;

enum class RefitKind : std::uint8_t {
  shift,          ///< alone
  least_squares,  ///< the scale and shift of least error: noise makes the scale smaller
  gain,           ///< the scale that noise does not make smaller, and its shift
};

/// Fits over the samples, in closed form, each node given the inputs that it has in float. `coded`
/// was made of `graph` by insert_codes or its like, for these nodes. Where a channel is seen few
/// times the fit stays near doing nothing. Errors: as watch().
std::map<RefitKind, RefitMap> refit_outputs(const Graph& graph, const Graph& coded,
                                            const std::vector<WeightedNode>& nodes,
                                            const ModelOptions& options);

}  // namespace inlay::inline v0::quantization
