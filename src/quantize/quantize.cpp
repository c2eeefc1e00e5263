#include "inlay/quantize.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "built_operators.hpp"
#include "quantize/block_weights.hpp"
#include "quantize/calibrate.hpp"
#include "quantize/candidates.hpp"
#include "quantize/channels.hpp"
#include "quantize/distill.hpp"
#include "quantize/dynamic_products.hpp"
#include "quantize/equalize.hpp"
#include "quantize/half_weights.hpp"
#include "quantize/insert_codes.hpp"
#include "quantize/output_error.hpp"
#include "quantize/prepare.hpp"
#include "quantize/prune.hpp"
#include "quantize/prune_weights.hpp"
#include "quantize/raise_opset.hpp"
#include "quantize/useful_range.hpp"

namespace inlay::inline v0 {
namespace quantization {
namespace {

std::size_t constant_bytes(const Graph& graph) {
  std::size_t bytes = 0;
  for (const ValueInfo& value : graph.values) {
    if (value.is_constant()) bytes += value.constant.bytes();
  }
  return bytes;
}

/// Inputs that calibration did not see move the outputs a little further than those it saw.
constexpr double unseen_margin = 0.7;
constexpr std::size_t ranking_samples = 4;

/// The same nodes in a graph that was made of the one they are of.
std::vector<WeightedNode> found_in(const Graph& graph, const Graph& original,
                                   std::vector<WeightedNode> nodes) {
  for (WeightedNode& node : nodes) {
    const std::vector<ValueId>& outputs = original.node(node.id).outputs;
    const auto output =
        std::find_if(outputs.begin(), outputs.end(), [](ValueId value) { return value != no_id; });
    node.id = graph.value(*output).producer;
  }
  return nodes;
}

class Quantizer {
 public:
  Quantizer(Graph graph, const ModelOptions& given) : graph_(std::move(graph)), options_(given) {
    precision_ = options_.precision;
    options_.prepared = "";
    options_.after_pass = {};
    if (!options_.registry) {
      options_.registry =
          options_.isa.empty() ? Registry::standard() : Registry::create(options_.isa);
    }
  }

  QuantizedGraph run() {
    prepare(graph_, *options_.registry);
    report_.float_bytes = constant_bytes(graph_);
    find();
    const std::vector<WeightedNode> codes = nodes_with(candidates_, Coding::codes);
    if (!codes.empty() && rules().equalize) {
      original_ = graph_.clone();
      equalize(graph_, codes, observe_channels(graph_, codes, options_));
    }
    pruned_ = prune_weights(graph_, pruned_nodes(candidates_), options_);
    const Graph sparse = pruned(candidates_);
    if (!codes.empty()) {
      if (rules().correct_bias) channels_ = observe_channels(sparse, codes, options_);
      measure_ranges(sparse, codes);
    }
    for (const Precision precision : {Precision::int4, Precision::int8}) {
      const BlockFormat format{
          .bits = precision == Precision::int4 ? 4 : 8, .block = rules().block, .symmetric = false};
      blocks_.merge(block_weights(sparse, nodes_with(candidates_, Coding::blocks, precision),
                                  format, options_));
    }
    std::vector<Candidate> chosen = candidates_;
    if (!options_.calibration.empty() || rules().max_error > 0 || rules().distill) {
      SampleRunner(graph_.clone(), options_, options_.calibration)
          .run(SIZE_MAX, [&](std::size_t, const CalibrationSample&, const Outputs& outputs) {
            wanted_.push_back(outputs);
          });
      if (rules().distill) distill();
      report_.error = error_of(chosen, SIZE_MAX);
      if (rules().max_error > 0 && !(report_.error <= bound())) chosen = within_bound();
    }
    report_.samples = wanted_.size();
    return finish(chosen);
  }

 private:
  const QuantizationRules& rules() const { return options_.quantization; }
  double bound() const { return rules().max_error * unseen_margin; }

  void find() {
    const bool has_samples = !options_.calibration.empty();
    for (const Candidate& found : find_candidates(graph_, precision_, rules(), has_samples)) {
      const Node& node = graph_.node(found.node.id);
      report_.nodes.push_back(
          {node.name, qualified_op(node.domain, node.op), found.precision, 0, found.reason});
      report_ids_.push_back(found.node.id);
      if (found.coding != Coding::none || found.is_pruned) candidates_.push_back(found);
    }
  }

  static std::vector<WeightedNode> nodes_with(const std::vector<Candidate>& chosen, Coding coding,
                                              std::optional<Precision> precision = {}) {
    std::vector<WeightedNode> nodes;
    for (const Candidate& candidate : chosen) {
      if (candidate.coding == coding &&
          candidate.precision == precision.value_or(candidate.precision)) {
        nodes.push_back(candidate.node);
      }
    }
    return nodes;
  }

  static std::vector<WeightedNode> pruned_nodes(const std::vector<Candidate>& chosen) {
    std::vector<WeightedNode> nodes;
    for (const Candidate& candidate : chosen) {
      if (candidate.is_pruned) nodes.push_back(candidate.node);
    }
    return nodes;
  }

  /// The graph with weights that are zero where these nodes may have such.
  Graph pruned(const std::vector<Candidate>& chosen) const {
    return insert_pruned(graph_, pruned_nodes(chosen), pruned_);
  }

  void measure_ranges(const Graph& sparse, const std::vector<WeightedNode>& codes) {
    const CodePlan everything(sparse, codes, rules());
    ranges_ = observe(sparse, everything.values(), options_);
    const auto readers = sparse.consumers();
    for (auto& [value, range] : ranges_) {
      const Range useful = useful_range(sparse, value, readers[static_cast<std::size_t>(value)]);
      range = {std::clamp(range.low, useful.low, useful.high),
               std::clamp(range.high, useful.low, useful.high)};
    }
  }

  /// Takes the refits that are measured to lower the error most.
  void distill() {
    std::vector<Candidate> on_codes;
    std::vector<WeightedNode> nodes;
    for (const Candidate& candidate : candidates_) {
      if (candidate.coding != Coding::codes && candidate.coding != Coding::blocks) continue;
      on_codes.push_back(candidate);
      nodes.push_back(candidate.node);
    }
    if (nodes.empty()) return;
    double least = error_of(on_codes, SIZE_MAX);
    RefitMap best;
    for (auto& [kind, refits] : refit_outputs(graph_, coded(on_codes), nodes, options_)) {
      refits_ = std::move(refits);
      const double error = error_of(on_codes, SIZE_MAX);
      if (error < least) {
        least = error;
        best = refits_;
      }
    }
    refits_ = std::move(best);
  }

  Graph coded(const std::vector<Candidate>& chosen) const {
    Graph graph = pruned(chosen);
    const std::vector<WeightedNode> codes = nodes_with(chosen, Coding::codes);
    if (!codes.empty()) {
      graph = insert_codes(graph, CodePlan(graph, codes, rules()), ranges_, channels_, refits_);
    }
    const auto insert = [&](const std::vector<WeightedNode>& nodes, const auto& write) {
      if (!nodes.empty()) graph = write(found_in(graph, graph_, nodes));
    };
    using Nodes = std::vector<WeightedNode>;
    insert(nodes_with(chosen, Coding::dynamic),
           [&](const Nodes& nodes) { return insert_dynamic_products(graph, nodes); });
    insert(nodes_with(chosen, Coding::blocks),
           [&](const Nodes& nodes) { return insert_blocks(graph, nodes, blocks_, refits_); });
    for (const Precision precision : {Precision::bf16, Precision::f16}) {
      insert(nodes_with(chosen, Coding::half, precision),
             [&](const Nodes& nodes) { return insert_half(graph, nodes, half_type(precision)); });
    }
    return graph;
  }

  double error_of(const std::vector<Candidate>& chosen, std::size_t samples) const {
    double largest = 0;
    SampleRunner(coded(chosen), options_, options_.calibration)
        .run(std::min(samples, wanted_.size()),
             [&](std::size_t i, const CalibrationSample&, const Outputs& got) {
               const double error =
                   rules().error ? rules().error(wanted_[i], got) : relative_error(wanted_[i], got);
               largest = std::max(largest, std::isnan(error) ? INFINITY : error);
             });
    return largest;
  }

  /// As many candidates as keep the error within its bound, those that do least damage alone. Of
  /// the others, as many as keep it have codes of weights alone.
  std::vector<Candidate> within_bound() {
    std::vector<double> damage;
    for (const Candidate& candidate : candidates_) {
      damage.push_back(error_of({candidate}, ranking_samples));
      entry(candidate.node.id).error = damage.back();
    }
    std::vector<std::size_t> order(candidates_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return damage[a] < damage[b]; });
    std::vector<Candidate> left;
    for (const std::size_t i : order) left.push_back(candidates_[i]);
    std::vector<Candidate> chosen;
    report_.error = 0;
    move_within_bound(left, chosen);
    for (const Candidate& candidate : left) {
      QuantizedNode& node = entry(candidate.node.id);
      node.precision = Precision::f32;
      node.reason = candidate.is_pruned ? "dense and in float, so that the error keeps its bound"
                                        : "in float, so that the error keeps its bound";
    }
    std::vector<Candidate> lighter = with_weights_alone(left);
    const std::size_t before = chosen.size();
    if (!lighter.empty()) move_within_bound(lighter, chosen);
    for (std::size_t i = before; i < chosen.size(); ++i) {
      QuantizedNode& node = entry(chosen[i].node.id);
      node.precision = chosen[i].precision;
      node.reason = chosen[i].reason;
    }
    std::sort(chosen.begin(), chosen.end(),
              [](const Candidate& a, const Candidate& b) { return a.node.id < b.node.id; });
    return chosen;
  }

  /// Moves as many of the first candidates of `from` to `to` as are measured to keep the error
  /// within its bound.
  void move_within_bound(std::vector<Candidate>& from, std::vector<Candidate>& to) {
    const auto with_first = [&](std::size_t count) {
      std::vector<Candidate> all = to;
      all.insert(all.end(), from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
      return all;
    };
    std::size_t low = 0, high = from.size() + 1;
    for (std::size_t next = from.size(); high - low > 1; next = low + (high - low) / 2) {
      const double error = error_of(with_first(next), SIZE_MAX);
      if (error <= bound()) {
        low = next, report_.error = error;
      } else {
        high = next;
      }
    }
    to = with_first(low);
    from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(low));
  }

  /// Those of the candidates on codes that may have codes of weights alone, in that form.
  std::vector<Candidate> with_weights_alone(const std::vector<Candidate>& candidates) {
    std::vector<Candidate> lighter;
    if (!is_built("com.microsoft", "MatMulNBits")) return lighter;
    const std::vector<WeightedNode> in_blocks = block_nodes(graph_);
    std::vector<WeightedNode> nodes;
    for (const Candidate& candidate : candidates) {
      const bool may =
          std::any_of(in_blocks.begin(), in_blocks.end(),
                      [&](const WeightedNode& node) { return node.id == candidate.node.id; });
      if (!may || candidate.coding != Coding::codes) continue;
      lighter.push_back({candidate.node, Precision::int8, Coding::blocks, false,
                         "weights alone as codes, so that the error keeps its bound"});
      nodes.push_back(candidate.node);
      refits_.erase(graph_.node(candidate.node.id).outputs[0]);
    }
    const BlockFormat format{.bits = 8, .block = rules().block, .symmetric = false};
    blocks_.merge(block_weights(graph_, nodes, format, options_));
    return lighter;
  }

  QuantizedNode& entry(NodeId id) {
    const auto at = std::find(report_ids_.begin(), report_ids_.end(), id);
    return report_.nodes[static_cast<std::size_t>(at - report_ids_.begin())];
  }

  void report_followers(const CodePlan& plan) {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      const bool is_weighted =
          std::find(report_ids_.begin(), report_ids_.end(), id) != report_ids_.end();
      if (is_weighted || !plan.is_chosen(id)) continue;
      const Node& node = graph_.node(id);
      report_.nodes.push_back({node.name, qualified_op(node.domain, node.op), Precision::int8, 0,
                               "between nodes on codes"});
    }
  }

  void report_zeros(const std::vector<Candidate>& chosen) {
    for (const WeightedNode& node : weighted_nodes(graph_)) {
      entry(node.id).sparsity = zero_share(weights_of(graph_, node));
    }
    for (const WeightedNode& node : pruned_nodes(chosen)) {
      entry(node.id).sparsity = zero_share(pruned_.at(node.id));
    }
  }

  QuantizedGraph finish(const std::vector<Candidate>& chosen) {
    const std::vector<WeightedNode> codes = nodes_with(chosen, Coding::codes);
    if (!codes.empty()) report_followers(CodePlan(graph_, codes, rules()));
    if (rules().sparsity.pattern != SparsityPattern::none) report_zeros(chosen);
    // What stays in float altogether is not even equalized.
    if (chosen.empty() && original_) graph_ = std::move(*original_);
    Graph graph = coded(chosen);
    graph.opsets[""] = std::max(graph.opsets[""], qdq_opset);
    graph.compact();
    report_.bytes = constant_bytes(graph);
    return {std::move(graph), std::move(report_)};
  }

  Graph graph_;
  std::optional<Graph> original_;  ///< before equalization
  ModelOptions options_;
  Precision precision_;  ///< that is asked for
  std::vector<Candidate> candidates_;
  std::map<NodeId, Tensor> pruned_;  ///< weights of the candidates
  BlockMap blocks_;
  RefitMap refits_;
  ChannelMap channels_;  ///< for the nodes' biases
  std::map<ValueId, Range> ranges_;
  std::vector<Outputs> wanted_;
  QuantizationReport report_;
  std::vector<NodeId> report_ids_;  // of the report's first nodes
};

}  // namespace
}  // namespace quantization

QuantizedGraph quantize(Graph graph, const ModelOptions& options) {
  const bool is_dense = options.quantization.sparsity.pattern == SparsityPattern::none;
  check_sparsity(options.quantization.sparsity);
  if (options.precision == Precision::f32 && is_dense) return {std::move(graph), {}};
  constexpr bool has_blocks = is_built("com.microsoft", "MatMulNBits");
  constexpr bool has_dynamic = is_built("inlay", "DynamicQuantizeMatMul");
  constexpr bool has_codes = is_built("", "QuantizeLinear") && is_built("", "DequantizeLinear");
  // What a build has no operators for is not linked.
  if constexpr (has_blocks || has_dynamic || has_codes || is_built("", "Cast")) {
    return quantization::Quantizer(std::move(graph), options).run();
  }
  throw Error(ErrorCode::unsupported, "this build of Inlay is without the operators of codes");
}

}  // namespace inlay::inline v0
