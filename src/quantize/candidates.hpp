// Which nodes could be quantized, to what, and in which form.
#pragma once

#include "quantize/code_plan.hpp"

namespace inlay::inline v0::quantization {

/// How a node comes by its precision.
enum class Coding : std::uint8_t {
  none,     ///< stays in float
  codes,    ///< of weights and of values, whose ranges come from samples
  dynamic,  ///< of weights and of the values of each run
  blocks,   ///< of weights, in blocks
  half,     ///< weights of 16 bits
};

struct Candidate {
  WeightedNode node;
  Precision precision;
  Coding coding;
  bool is_pruned = false;  ///< before that
  std::string reason;      ///< for a person
};

constexpr DType half_type(Precision precision) {
  return precision == Precision::bf16 ? DType::bfloat16 : DType::float16;
}

/// Every node with constant weights that the precision, sparsity or a rule is about, in the order
/// of the graph but for embeddings and LSTMs, which come last. Errors: unsupported, in a build
/// without the operators of a form; those of check_rules().
std::vector<Candidate> find_candidates(const Graph& graph, Precision precision,
                                       const QuantizationRules& rules, bool has_samples);

}  // namespace inlay::inline v0::quantization
