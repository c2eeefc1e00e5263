// The activation attributes of fused operators, as the kernels take them.
#pragma once

#include <optional>

#include <inlay/kernels/activation_kind.hpp>

#include "inlay/graph.hpp"

namespace inlay::inline v0::cpu {

/// From the attributes activation and activation_params; none where there is no name. Empty for an
/// activation that kernels do not fuse.
std::optional<kernels::Activation> fused_activation(const Attributes& attributes);

}  // namespace inlay::inline v0::cpu
