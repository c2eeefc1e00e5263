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
    options_.precision = Precision::f32;
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
    if (in_blocks()) {
      const BlockFormat format{.bits = precision_ == Precision::int4 ? 4 : 8,
                               .block = rules().block,
                               .symmetric = false};
      blocks_ = block_weights(graph_, candidates_, format, options_);
    } else if (!is_dynamic()) {
      if (rules().equalize) {
        original_ = graph_.clone();
        equalize(graph_, candidates_, observe_channels(graph_, candidates_, options_));
      }
      if (rules().correct_bias) channels_ = observe_channels(graph_, candidates_, options_);
      measure_ranges();
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

  bool in_blocks() const { return precision_ == Precision::int4 || rules().weights_only; }

  /// Without samples, which ranges come from, each run chooses codes of the values that it has.
  bool is_dynamic() const { return !in_blocks() && options_.calibration.empty(); }

  void choose_candidates() {
    const char* const coded =
        is_dynamic() ? "weights as codes, values as codes of each run" : "weights as codes";
    for (const WeightedNode& node : in_blocks() ? block_nodes(graph_) : weighted_nodes(graph_)) {
      const Node& at = graph_.node(node.id);
      if (is_dynamic() && !may_be_dynamic(at)) {
        report_weighted(node, Precision::f32, "in float: codes of its values take samples");
      } else if (ruled_precision(rules(), at) == Precision::f32) {
        report_weighted(node, Precision::f32, "as asked for");
      } else {
        candidates_.push_back(node);
        report_weighted(node, precision_, coded);
      }
    }
  }

  void measure_ranges() {
    const CodePlan everything(graph_, candidates_, rules());
    ranges_ = observe(graph_, everything.values(), options_);
    const auto readers = graph_.consumers();
    for (auto& [value, range] : ranges_) {
      const Range useful = useful_range(graph_, value, readers[static_cast<std::size_t>(value)]);
      range = {std::clamp(range.low, useful.low, useful.high),
               std::clamp(range.high, useful.low, useful.high)};
    }
  }

  void report_weighted(const WeightedNode& node, Precision precision, const char* reason) {
    const Node& at = graph_.node(node.id);
    report_.nodes.push_back({at.name, qualified_op(at.domain, at.op), precision, 0, reason});
    report_ids_.push_back(node.id);
  }

  Graph coded(const std::vector<WeightedNode>& chosen) const {
    if (in_blocks()) return insert_blocks(graph_, chosen, blocks_);
    if (is_dynamic()) return insert_dynamic_products(graph_, chosen);
    return insert_codes(graph_, CodePlan(graph_, chosen, rules()), ranges_, channels_);
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
      node.reason = "in float, so that the error keeps its bound";
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

  QuantizedGraph finish(const std::vector<WeightedNode>& chosen) {
    if (!in_blocks() && !is_dynamic()) report_followers(CodePlan(graph_, chosen, rules()));
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
  Precision precision_;  ///< that is asked for; the options are those to measure in float
  std::vector<WeightedNode> candidates_;
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
  if (options.precision == Precision::f32) return {std::move(graph), {}};
  constexpr bool has_blocks = is_built("com.microsoft", "MatMulNBits");
  constexpr bool has_dynamic = is_built("inlay", "DynamicQuantizeMatMul");
  constexpr bool has_codes = is_built("", "QuantizeLinear") && is_built("", "DequantizeLinear");
  // What a build has no operators for is not linked.
  if constexpr (has_blocks || has_dynamic || has_codes) {
    const bool in_blocks =
        options.precision == Precision::int4 || options.quantization.weights_only;
    const bool has_values = options.calibration.empty() ? has_dynamic : has_codes;
    if (in_blocks ? has_blocks : has_values) {
      return quantization::Quantizer(std::move(graph), options).run();
    }
  }
  throw Error(ErrorCode::unsupported, "this build of Inlay is without the operators of codes");
}

}  // namespace inlay::inline v0
