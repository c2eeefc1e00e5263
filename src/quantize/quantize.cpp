#include "inlay/quantize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "built_operators.hpp"
#include "inlay/pass.hpp"
#include "quantize/block_weights.hpp"
#include "quantize/calibrate.hpp"
#include "quantize/channels.hpp"
#include "quantize/dynamic_products.hpp"
#include "quantize/equalize.hpp"
#include "quantize/insert_codes.hpp"
#include "quantize/prune.hpp"
#include "quantize/prune_weights.hpp"
#include "quantize/raise_opset.hpp"
#include "quantize/useful_range.hpp"

namespace inlay::inline v0 {
namespace quantization {
namespace {

/// The passes that leave operators of the standard, from what a file holds to what is quantized:
/// constants folded, normalisations within weights.
void prepare(Graph& graph, const Registry& registry) {
  static constexpr std::array<std::string_view, 11> names = {
      "infer_types",    "fold_constants",   "inline_branches", "fold_constants",
      "eliminate_dead", "eliminate_common", "widen_float16",   "replace_upsample",
      "remove_noops",   "fuse_affine",      "eliminate_dead"};
  std::vector<Pass> passes;
  for (const std::string_view name : names) {
    for (const Pass& pass : standard_passes()) {
      if (pass.name == name) {
        passes.push_back(pass);
        break;
      }
    }
  }
  run_passes(graph, {registry}, passes);
  raise_opset(graph);
  graph.compact();
}

std::size_t constant_bytes(const Graph& graph) {
  std::size_t bytes = 0;
  for (const ValueInfo& value : graph.values) {
    if (value.is_constant()) bytes += value.constant.bytes();
  }
  return bytes;
}

/// The largest |got - wanted| / |wanted|, as Euclidean norms, over the outputs that are f32.
double relative_error(const Outputs& wanted, const Outputs& got) {
  double largest = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Value& want = wanted.value(i);
    const Value& have = got.value(i);
    if (!want.is_tensor() || want.tensor().dtype() != DType::float32) continue;
    if (want.tensor().shape() != have.tensor().shape()) return INFINITY;
    const auto u = want.tensor().as<float>(), v = have.tensor().as<float>();
    double error = 0, norm = 0;
    for (std::size_t k = 0; k < u.size(); ++k) {
      const double a = u[k], b = v[k];
      if (a != b) error += (b - a) * (b - a);
      norm += a * a;
    }
    if (!(error > 0)) {
      if (std::isnan(error)) return INFINITY;
      continue;
    }
    largest = std::max(largest, norm > 0 ? std::sqrt(error / norm) : INFINITY);
  }
  return largest;
}

/// Inputs that calibration did not see move the outputs a little further than those it saw.
constexpr double unseen_margin = 0.7;
constexpr std::size_t ranking_samples = 4;

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
    check_rules(rules(), graph_);
    choose_candidates();
    if (has_values() && rules().equalize) {
      original_ = graph_.clone();
      equalize(graph_, candidates_, observe_channels(graph_, candidates_, options_));
    }
    if (is_sparse()) pruned_ = prune_weights(graph_, candidates_, options_);
    const Graph sparse = pruned(candidates_);
    const std::vector<WeightedNode> nodes = to_code(candidates_);
    if (in_blocks()) {
      const BlockFormat format{.bits = precision_ == Precision::int4 ? 4 : 8,
                               .block = rules().block,
                               .symmetric = false};
      blocks_ = block_weights(sparse, nodes, format, options_);
    } else if (has_values()) {
      if (rules().correct_bias) channels_ = observe_channels(sparse, nodes, options_);
      measure_ranges(sparse);
    }
    std::vector<WeightedNode> chosen = candidates_;
    if (!options_.calibration.empty() || rules().max_error > 0) {
      SampleRunner(graph_.clone(), options_, options_.calibration)
          .run(SIZE_MAX, [&](std::size_t, const CalibrationSample&, const Outputs& outputs) {
            wanted_.push_back(outputs);
          });
      report_.error = error_of(chosen, SIZE_MAX);
      if (rules().max_error > 0 && !(report_.error <= bound())) chosen = within_bound();
    }
    report_.samples = wanted_.size();
    return finish(chosen);
  }

 private:
  const QuantizationRules& rules() const { return options_.quantization; }
  double bound() const { return rules().max_error * unseen_margin; }

  bool is_sparse() const { return rules().sparsity.pattern != SparsityPattern::none; }
  bool has_codes() const { return precision_ != Precision::f32; }

  bool in_blocks() const {
    return has_codes() && (precision_ == Precision::int4 || rules().weights_only);
  }

  /// Without samples, which ranges come from, each run chooses codes of the values that it has.
  bool is_dynamic() const { return has_codes() && !in_blocks() && options_.calibration.empty(); }
  /// Codes of values, whose ranges the samples show.
  bool has_values() const { return has_codes() && !in_blocks() && !is_dynamic(); }

  void choose_candidates() {
    const std::string zeros = is_sparse() ? "weights pruned" : "";
    const std::string coded = (is_sparse() ? zeros + ", then as codes" : "weights as codes") +
                              (is_dynamic() ? ", values as codes of each run" : "");
    const std::vector<WeightedNode> in_block_nodes =
        in_blocks() ? block_nodes(graph_) : std::vector<WeightedNode>{};
    for (const WeightedNode& node : weighted_nodes(graph_)) {
      const Node& at = graph_.node(node.id);
      const bool may_code = has_codes() && (in_blocks() ? has_node(in_block_nodes, node.id)
                                                        : !is_dynamic() || may_be_dynamic(at));
      if (may_code) may_code_.push_back(node.id);
      if (!may_code && !is_sparse()) {
        if (in_blocks()) continue;
        report_weighted(node, Precision::f32, "in float: codes of its values take samples");
      } else if (ruled_precision(rules(), at) == Precision::f32) {
        report_weighted(node, Precision::f32, "as asked for");
      } else {
        candidates_.push_back(node);
        report_weighted(node, may_code ? precision_ : Precision::f32, may_code ? coded : zeros);
      }
    }
  }

  static bool has_node(const std::vector<WeightedNode>& nodes, NodeId id) {
    return std::any_of(nodes.begin(), nodes.end(),
                       [&](const WeightedNode& node) { return node.id == id; });
  }

  /// Those of the nodes whose weights become codes; of others they become zero alone.
  std::vector<WeightedNode> to_code(std::vector<WeightedNode> nodes) const {
    std::erase_if(nodes, [&](const WeightedNode& node) {
      return std::find(may_code_.begin(), may_code_.end(), node.id) == may_code_.end();
    });
    return nodes;
  }

  /// The graph with weights that are zero where these nodes may have such.
  Graph pruned(const std::vector<WeightedNode>& nodes) const {
    return is_sparse() ? insert_pruned(graph_, nodes, pruned_) : graph_.clone();
  }

  void measure_ranges(const Graph& sparse) {
    const CodePlan everything(sparse, to_code(candidates_), rules());
    ranges_ = observe(sparse, everything.values(), options_);
    const auto readers = sparse.consumers();
    for (auto& [value, range] : ranges_) {
      const Range useful = useful_range(sparse, value, readers[static_cast<std::size_t>(value)]);
      range = {std::clamp(range.low, useful.low, useful.high),
               std::clamp(range.high, useful.low, useful.high)};
    }
  }

  void report_weighted(const WeightedNode& node, Precision precision, const std::string& reason) {
    const Node& at = graph_.node(node.id);
    report_.nodes.push_back({at.name, qualified_op(at.domain, at.op), precision, 0, reason});
    report_ids_.push_back(node.id);
  }

  Graph coded(const std::vector<WeightedNode>& chosen) const {
    Graph sparse = pruned(chosen);
    const std::vector<WeightedNode> nodes = to_code(chosen);
    if (in_blocks()) return insert_blocks(sparse, nodes, blocks_);
    if (is_dynamic()) return insert_dynamic_products(sparse, nodes);
    if (!has_codes()) return sparse;
    return insert_codes(sparse, CodePlan(sparse, nodes, rules()), ranges_, channels_);
  }

  double error_of(const std::vector<WeightedNode>& chosen, std::size_t samples) const {
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

  /// As many candidates as keep the error within its bound, those that do least damage alone.
  std::vector<WeightedNode> within_bound() {
    std::vector<double> damage;
    for (const WeightedNode& node : candidates_) {
      damage.push_back(error_of({node}, ranking_samples));
      entry(node.id).error = damage.back();
    }
    std::vector<std::size_t> order(candidates_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return damage[a] < damage[b]; });
    const auto first = [&](std::size_t count) {
      std::vector<std::size_t> places(order.begin(),
                                      order.begin() + static_cast<std::ptrdiff_t>(count));
      std::sort(places.begin(), places.end());
      std::vector<WeightedNode> nodes;
      for (const std::size_t place : places) nodes.push_back(candidates_[place]);
      return nodes;
    };
    // The most that was measured to be within the bound; with none, the outputs are those in float.
    std::size_t low = 0, high = candidates_.size();
    report_.error = 0;
    while (high - low > 1) {
      const std::size_t middle = low + (high - low) / 2;
      const double error = error_of(first(middle), SIZE_MAX);
      if (error <= bound()) {
        low = middle, report_.error = error;
      } else {
        high = middle;
      }
    }
    const std::vector<WeightedNode> chosen = first(low);
    for (std::size_t i = low; i < order.size(); ++i) {
      QuantizedNode& node = entry(candidates_[order[i]].id);
      node.precision = Precision::f32;
      node.reason = is_sparse() ? "dense and in float, so that the error keeps its bound"
                                : "in float, so that the error keeps its bound";
    }
    return chosen;
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

  void report_zeros(const std::vector<WeightedNode>& chosen) {
    for (const WeightedNode& node : weighted_nodes(graph_)) {
      const Tensor& dense = *graph_.constant(graph_.node(node.id).inputs[node.weights]);
      entry(node.id).sparsity = zero_share(has_node(chosen, node.id) ? pruned_.at(node.id) : dense);
    }
  }

  QuantizedGraph finish(const std::vector<WeightedNode>& chosen) {
    if (has_values()) report_followers(CodePlan(graph_, to_code(chosen), rules()));
    if (is_sparse()) report_zeros(chosen);
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
  std::vector<WeightedNode> candidates_;
  std::vector<NodeId> may_code_;     ///< nodes whose weights may be codes
  std::map<NodeId, Tensor> pruned_;  ///< weights of the candidates
  std::map<NodeId, BlockCodes> blocks_;
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
  if constexpr (has_blocks || has_dynamic || has_codes) {
    const bool in_blocks =
        options.precision == Precision::int4 || options.quantization.weights_only;
    const bool has_values = options.calibration.empty() ? has_dynamic : has_codes;
    if (options.precision == Precision::f32 || (in_blocks ? has_blocks : has_values)) {
      return quantization::Quantizer(std::move(graph), options).run();
    }
  }
  throw Error(ErrorCode::unsupported, "this build of Inlay is without the operators of codes");
}

}  // namespace inlay::inline v0
