// Activation nodes as what fused operators carry: a name and parameters.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inlay/graph.hpp"

namespace inlay::inline v0::passes {

/// The attributes `activation` and `activation_params` of a fused node.
struct Activation {
  std::string name;
  std::vector<float> parameters;
};

/// Lower and upper bound of a Clip; an absent one is infinite. Empty optional when not constant.
std::optional<std::pair<double, double>> clip_bounds(const Graph& graph, const Node& node);

/// The activation that `node` applies to its input 0; empty optional when it is none.
std::optional<Activation> activation_of(const Graph& graph, const Node& node);

}  // namespace inlay::inline v0::passes
