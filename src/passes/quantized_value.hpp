// What QuantizeLinear and DequantizeLinear say of 8-bit codes.
#pragma once

#include <optional>

#include "passes/editor.hpp"

namespace inlay::inline v0::passes {

inline bool is_code(DType dtype) { return dtype == DType::uint8 || dtype == DType::int8; }

/// A quantized value: real = (q - zero_point) * scale, both constant, scale f32. Without a zero
/// point it is 0.
struct QuantizedValue {
  ValueId q;
  ValueId scale;
  ValueId zero_point;
};

/// What the node, a QuantizeLinear or DequantizeLinear, says of `q`; nothing unless q is of 8 bits,
/// with one scale or one along an axis.
inline std::optional<QuantizedValue> quantization(const Graph& graph, const Node& node, ValueId q) {
  if (q == no_id || !is_code(graph.value(q).type.dtype)) return std::nullopt;
  const Tensor* scale = graph.constant(node.input(1));
  if (scale == nullptr || scale->dtype() != DType::float32) return std::nullopt;
  if (node.has_input(2) && graph.constant(node.input(2)) == nullptr) return std::nullopt;
  if (node.attributes.integer("block_size", 0) != 0) return std::nullopt;
  return QuantizedValue{q, node.input(1), node.input(2)};
}

/// What a DequantizeLinear that computes `value` says.
inline std::optional<QuantizedValue> dequantized(const Graph& graph, ValueId value) {
  const Node* node = graph.producer(value);
  if (node == nullptr || !node->is("DequantizeLinear")) return std::nullopt;
  return quantization(graph, *node, node->input(0));
}

inline bool is_single(const Graph& graph, ValueId constant) {
  return graph.constant(constant)->size() == 1;
}

/// dequantized() with one scale for all.
inline std::optional<QuantizedValue> dequantized_tensor(const Graph& graph, ValueId value) {
  const auto found = dequantized(graph, value);
  return found && is_single(graph, found->scale) ? found : std::nullopt;
}

/// The zero point of a value with one scale.
inline std::int32_t zero_point_of(const Graph& graph, const QuantizedValue& value) {
  const Tensor* zero = graph.constant(value.zero_point);
  if (zero == nullptr) return 0;
  return zero->dtype() == DType::int8 ? zero->item<std::int8_t>() : zero->item<std::uint8_t>();
}

/// Whether both have the same codes for the same numbers, one scale each.
inline bool same_quantization(const Graph& graph, const QuantizedValue& a,
                              const QuantizedValue& b) {
  return graph.value(a.q).type.dtype == graph.value(b.q).type.dtype &&
         graph.constant(a.scale)->item<float>() == graph.constant(b.scale)->item<float>() &&
         zero_point_of(graph, a) == zero_point_of(graph, b);
}

}  // namespace inlay::inline v0::passes
