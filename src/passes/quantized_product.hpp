// Products of quantized matrices, and what the QLinear forms of operators share.
#pragma once

#include <inlay/kernels/inline.hpp>

#include "passes/quantized_value.hpp"

namespace inlay::inline v0::passes {

/// The zero point, made if there is none: QLinear forms always name it.
INLAY_COLD ValueId named_zero_point(Editor& editor, const QuantizedValue& value);

/// The node with `real`'s attributes whose inputs are `from`, each with its scale and zero point,
/// then those of `to`.
INLAY_COLD Node qlinear_node(Editor& editor, const Node& real,
                             std::initializer_list<QuantizedValue> from, const QuantizedValue& to,
                             std::string op, const char* domain, int version);

/// The bias in int32, quantized by x_scale * w_scale with its zero at 0, if it is a constant in f32
/// or is quantized like that; no_id if it is something else.
INLAY_COLD ValueId integer_bias(Editor& editor, ValueId bias, const QuantizedValue& x,
                                const QuantizedValue& w);

/// An Add of one constant f32 to each column of a product.
struct ColumnBias {
  NodeId add;
  ValueId bias;
};
/// The one that alone reads a product of so many columns.
INLAY_COLD std::optional<ColumnBias> bias_behind(const Editor& editor, ValueId product,
                                                 std::int64_t columns);

/// A MatMul or Gemm of codes that gives codes of `to`.
INLAY_COLD std::optional<Node> fuse_product(Editor& editor, const Node& node,
                                            const QuantizedValue& to);

/// Makes the MatMul or Gemm at `id`, if it is one of codes, a product of integers that gives
/// floats.
INLAY_COLD void multiply_to_floats(Editor& editor, NodeId id);

}  // namespace inlay::inline v0::passes
