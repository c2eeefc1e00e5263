// Where the functions that read a value still change: codes elsewhere would be spent on nothing.
#pragma once

#include <vector>

#include "quantize/observer.hpp"

namespace inlay::inline v0::quantization {

/// The range of `value` past which what all its readers compute changes by less than 0.3 % of a
/// unit, or grows no further; everything, if one of them is no such function.
Range useful_range(const Graph& graph, ValueId value, const std::vector<NodeId>& readers);

}  // namespace inlay::inline v0::quantization
