// Functions of one tensor of 8-bit codes as tables.
#pragma once

#include <inlay/kernels/inline.hpp>

#include "passes/quantized_value.hpp"

namespace inlay::inline v0::passes {

/// Whether what the QuantizeLinear at `id` quantizes is an elementwise function of one tensor of
/// codes and of single constants: then the node becomes an inlay:CodeTable.
INLAY_COLD bool tabulate_codes(Editor& editor, NodeId id);

/// Makes the QuantizeLinear at `id` a CodeTable that reads codes which mean the numbers that it
/// quantizes.
INLAY_COLD void convert_codes(Editor& editor, NodeId id, const QuantizedValue& from);

}  // namespace inlay::inline v0::passes
