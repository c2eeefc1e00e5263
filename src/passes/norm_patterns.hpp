// What layer and RMS normalisation have in common: x / sqrt(mean(x²) + epsilon).
#pragma once

#include <optional>

#include "passes/match.hpp"

namespace inlay::inline v0::passes {

/// `x`, then the same value in `x_slot`, over its root mean square; the ReduceMean goes to
/// `mean_slot`, the epsilon to `epsilon_slot`.
Pattern over_rms(const Pattern& x, int x_slot, int mean_slot, int epsilon_slot);

/// The first of the axes that a ReduceMean with keepdims reduces, when these are the last axes of
/// its input, and all of their dims known; empty optional otherwise.
std::optional<int> first_reduced_axis(const Graph& graph, const Node& mean);

/// Rewrites the node at `id` to a normalisation of `x` over its axes from `axis` on, with a scale
/// of ones.
void write_norm(Editor& editor, NodeId id, Node norm, ValueId x, int axis, double epsilon);

}  // namespace inlay::inline v0::passes
