#include "quantize/candidates.hpp"

#include <algorithm>

#include "built_operators.hpp"
#include "inlay/error.hpp"
#include "quantize/block_weights.hpp"
#include "quantize/dynamic_products.hpp"
#include "quantize/half_weights.hpp"

namespace inlay::inline v0::quantization {
namespace {

bool is_built_for(Coding coding) {
  switch (coding) {
    case Coding::none:
      return true;
    case Coding::codes:
      return is_built("", "QuantizeLinear") && is_built("", "DequantizeLinear");
    case Coding::dynamic:
      return is_built("inlay", "DynamicQuantizeMatMul");
    case Coding::blocks:
      return is_built("com.microsoft", "MatMulNBits");
    case Coding::half:
      return is_built("", "Cast");
  }
  return false;
}

class CandidateFinder {
 public:
  CandidateFinder(const Graph& graph, Precision precision, const QuantizationRules& rules,
                  bool has_samples)
      : graph_(graph), precision_(precision), rules_(rules), has_samples_(has_samples) {}

  std::vector<Candidate> run() {
    check_rules(rules_, graph_);
    require_built(coding_of(precision_));
    for (const WeightedNode& node : block_nodes(graph_)) blocks_.push_back(node.id);
    for (const WeightedNode& node : weighted_nodes(graph_)) add(node);
    for (const WeightedNode& node : embedding_nodes(graph_)) add_if(node, Coding::half);
    if (is_built("com.microsoft", "DynamicQuantizeLSTM")) {
      for (const WeightedNode& node : recurrent_nodes(graph_)) add_if(node, Coding::dynamic);
    }
    return std::move(found_);
  }

 private:
  Coding coding_of(Precision precision) const {
    switch (precision) {
      case Precision::f32:
        return Coding::none;
      case Precision::bf16:
      case Precision::f16:
        return Coding::half;
      case Precision::int4:
        return Coding::blocks;
      case Precision::int8:
        break;
    }
    if (rules_.weights_only) return Coding::blocks;
    // Without samples, which ranges come from, each run chooses codes of the values that it has.
    return has_samples_ ? Coding::codes : Coding::dynamic;
  }

  static void require_built(Coding coding) {
    if (is_built_for(coding)) return;
    throw Error(ErrorCode::unsupported, "this build of Inlay is without the operators of codes");
  }

  Precision precision_of(const WeightedNode& node) const {
    return ruled_precision(rules_, graph_.node(node.id)).value_or(precision_);
  }

  /// Of nodes that have one form alone.
  void add_if(const WeightedNode& node, Coding coding) {
    if (coding_of(precision_of(node)) == coding) add(node);
  }

  void add(const WeightedNode& node) {
    const Precision precision = precision_of(node);
    const Coding coding = coding_of(precision);
    require_built(coding);
    const char* const reason = in_float(node, precision, coding);
    const bool is_ruled_out =
        ruled_precision(rules_, graph_.node(node.id)).value_or(Precision::int8) == Precision::f32;
    const bool is_pruned = rules_.sparsity.pattern != SparsityPattern::none && !is_ruled_out &&
                           is_prunable(graph_.node(node.id));
    if (reason != nullptr) {
      const char* const why = is_pruned ? "weights pruned" : reason;
      found_.push_back({node, Precision::f32, Coding::none, is_pruned, why});
    } else {
      const std::string form = form_of(coding);
      found_.push_back(
          {node, precision, coding, is_pruned, is_pruned ? "weights pruned, then " + form : form});
    }
  }

  /// Not of embeddings, of which each row is used as it is, and not of LSTMs.
  static bool is_prunable(const Node& node) {
    return node.is("Conv") || node.is("Gemm") || node.is("MatMul");
  }

  const char* in_float(const WeightedNode& node, Precision precision, Coding coding) const {
    switch (coding) {
      case Coding::none:
        return "as asked for";
      case Coding::codes:
        return nullptr;
      case Coding::dynamic:
        return may_be_dynamic(graph_.node(node.id)) ? nullptr
                                                    : "in float: codes of its values take samples";
      case Coding::blocks:
        return std::find(blocks_.begin(), blocks_.end(), node.id) != blocks_.end()
                   ? nullptr
                   : "in float: no product by weights in blocks";
      case Coding::half:
        return fits_half(graph_, node, half_type(precision))
                   ? nullptr
                   : "in float: weights too large for 16 bits";
    }
    return nullptr;
  }

  static const char* form_of(Coding coding) {
    if (coding == Coding::half) return "weights of 16 bits";
    return coding == Coding::dynamic ? "weights as codes, values as codes of each run"
                                     : "weights as codes";
  }

  const Graph& graph_;
  Precision precision_;
  const QuantizationRules& rules_;
  bool has_samples_;
  std::vector<NodeId> blocks_;  ///< those that may have weights in blocks
  std::vector<Candidate> found_;
};

}  // namespace

std::vector<Candidate> find_candidates(const Graph& graph, Precision precision,
                                       const QuantizationRules& rules, bool has_samples) {
  return CandidateFinder(graph, precision, rules, has_samples).run();
}

}  // namespace inlay::inline v0::quantization
