// Nodes that pack the same weights in the same way, as the layers of some models do.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/plan.hpp"

namespace inlay::inline v0 {

/// For each step, the first one whose kernel packs what its own would: the same backend, operator,
/// attributes, constants and sizes. That is the step itself for most.
std::vector<std::size_t> first_of_equal_packing(const Graph& graph, std::span<const Step> steps);

}  // namespace inlay::inline v0
